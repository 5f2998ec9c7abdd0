#include "rx_port_device.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <pcap/pcap.h>
#include <rte_mbuf.h>

enum {
	/* Frames longer than framesz are cut without a flag, so make room for jumbo frames. */
	AF_PACKET_FRAME = 16384,
	/* The UMEM of af_xdp takes pages: 2,048 works, 4,096 does not. */
	AF_XDP_ROOM = 2048,
};

static bool is_driver(const struct plan_port *plan, const char *driver)
{
	size_t len = strlen(driver);

	/* "net_pcap0": the driver's name and a number */
	return strncmp(plan->device, driver, len) == 0 &&
	       plan->device[len + strspn(plan->device + len, "0123456789_")] == ',';
}

static bool has_argument(const char *device, const char *key)
{
	size_t len = strlen(key);

	for (const char *p = strchr(device, ','); p; p = strchr(p + 1, ','))
		if (strncmp(p + 1, key, len) == 0 && p[1 + len] == '=')
			return true;
	return false;
}

static void add_argument(char *out, size_t size, const char *key, unsigned value)
{
	size_t len = strlen(out);

	if (!has_argument(out, key))
		snprintf(out + len, size - len, ",%s=%u", key, value);
}

int port_device_string(const struct plan_port *plan, char *out, size_t out_size, char *err,
		       size_t err_size)
{
	if (strlen(plan->device) + 128 > out_size) {
		snprintf(err, err_size, "device string of %zu characters is too long",
			 strlen(plan->device));
		return -EINVAL;
	}
	snprintf(out, out_size, "%s", plan->device);
	if (is_driver(plan, "net_af_packet")) {
		if (plan->queues > 1)
			add_argument(out, out_size, "qpairs", plan->queues);
		if (!has_argument(out, "blocksz") && !has_argument(out, "framesz") &&
		    !has_argument(out, "framecnt")) {
			add_argument(out, out_size, "blocksz", 65536);
			add_argument(out, out_size, "framesz", AF_PACKET_FRAME);
			add_argument(out, out_size, "framecnt", 512);
		}
	}
	return 0;
}

/* One capture: must be there, whole enough to have a header, and of Ethernet frames, since the
 * driver takes any link type for Ethernet. */
static int check_capture(const struct plan_port *plan, const char *path, char *err, size_t err_size)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *capture = pcap_open_offline(path, why);

	if (!capture) {
		/* Where the file is at fault, libpcap names it already. */
		bool named = strncmp(why, path, strlen(path)) == 0;
		snprintf(err, err_size, "port %s: capture %s%s%s", plan->name, named ? "" : path,
			 named ? "" : ": ", why);
		return -ENOENT;
	}
	int type = pcap_datalink(capture);
	pcap_close(capture);
	if (type == DLT_EN10MB)
		return 0;
	const char *name = pcap_datalink_val_to_name(type);
	snprintf(err, err_size,
		 "port %s: capture %s has link type %s, Weir reads Ethernet (EN10MB) only",
		 plan->name, path, name ? name : "unknown");
	return -EPROTONOSUPPORT;
}

int port_check_captures(const struct plan_port *plan, char *err, size_t err_size)
{
	static const char key[] = ",rx_pcap=";
	char path[PLAN_DEVICE_MAX];

	if (!is_driver(plan, "net_pcap"))
		return 0;
	for (const char *p = strstr(plan->device, key); p; p = strstr(p + 1, key)) {
		const char *value = p + sizeof(key) - 1;

		snprintf(path, sizeof(path), "%.*s", (int)strcspn(value, ","), value);
		int rc = check_capture(plan, path, err, err_size);
		if (rc < 0)
			return rc;
	}
	return 0;
}

uint32_t port_mbuf_room(const struct plan_port *plan)
{
	if (is_driver(plan, "net_af_xdp"))
		return AF_XDP_ROOM;
	if (is_driver(plan, "net_af_packet") && plan->mbuf_room_bytes < AF_PACKET_FRAME)
		return AF_PACKET_FRAME;
	return plan->mbuf_room_bytes < RTE_MBUF_DEFAULT_DATAROOM ? RTE_MBUF_DEFAULT_DATAROOM
								 : plan->mbuf_room_bytes;
}
