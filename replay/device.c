#include "device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <rte_bus.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include "control/config_value.h"
#include "dataplane/memif_guard.h"
#include "dataplane/rx_port_device.h"
#include "dataplane/rx_port_fds.h"

enum {
	TX_DESCRIPTORS = 1024,
	/* In flight at the device, in caches, and a burst in hand. */
	TX_MBUFS = 4095,
	TX_CACHE = 256,
	/* Nobody reads what comes but who asks for a MAC address. */
	RX_DESCRIPTORS = 256,
	RX_MBUFS = 1023,
	ROOM_ROUND = 64,
	AF_PACKET_ROOM = 16384 + RTE_PKTMBUF_HEADROOM, /* a frame of its ring */
	LINK_WAIT_MS = 10000,
	MEMIF_DRAIN_MS = 1000, /* a lane may be without a processor for a while */
	DRIVER_REFUSED = -1,   /* of a driver that says no more */
	VLAN_TAGS = 8,	       /* bytes of two of them */
	MIB = 1 << 20,
};

static const char MEMIF[] = "net_memif";

_Static_assert(CAPTURE_FRAME_MAX + RTE_PKTMBUF_HEADROOM <= UINT16_MAX,
	       "any frame of a capture has room in a packet buffer");

bool device_is_pci(const char *device)
{
	return config_pci_address(device, NULL);
}

static bool interface_of(const char *device, char *name, size_t size)
{
	static const char key[] = ",iface=";
	const char *at = strstr(device, key);

	name[0] = '\0';
	if (!at)
		return false;
	at += sizeof(key) - 1;
	snprintf(name, size, "%.*s", (int)strcspn(at, ","), at);
	return name[0] != '\0';
}

/* A number that the kernel tells of an interface. False: there is none, and *value is 0. */
static bool interface_number(const char *name, const char *what, uint64_t *value)
{
	char path[160];
	bool there = false;

	*value = 0;
	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", name, what);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	there = fscanf(file, "%" SCNu64, value) == 1;
	fclose(file);
	return there;
}

uint32_t device_interface_frame_max(const char *device)
{
	char name[64];
	uint64_t mtu;

	return interface_of(device, name, sizeof(name)) && interface_number(name, "mtu", &mtu)
		       ? (uint32_t)mtu + RTE_ETHER_HDR_LEN
		       : 0;
}

static uint32_t room_of(uint32_t frame_bytes)
{
	uint32_t room = frame_bytes + RTE_PKTMBUF_HEADROOM;

	if (room < RTE_MBUF_DEFAULT_BUF_SIZE)
		room = RTE_MBUF_DEFAULT_BUF_SIZE;
	room = (room + ROOM_ROUND - 1) / ROOM_ROUND * ROOM_ROUND;
	return room > UINT16_MAX ? UINT16_MAX : room;
}

uint64_t device_memory_bytes(unsigned queues, uint32_t frame_bytes)
{
	uint64_t mbuf = room_of(frame_bytes) + sizeof(struct rte_mbuf) + 2 * RTE_CACHE_LINE_SIZE;
	uint64_t rx = AF_PACKET_ROOM + sizeof(struct rte_mbuf) + 2 * RTE_CACHE_LINE_SIZE;

	return queues * TX_MBUFS * mbuf + RX_MBUFS * rx + UINT64_C(32) * MIB;
}

static int fail(const char *device, int rc, const char *what, const char *hint, char *err,
		size_t err_size)
{
	snprintf(err, err_size, "device \"%s\": %s: %s%s%s", device, what,
		 rc < 0 && rc != DRIVER_REFUSED ? strerror(-rc) : "refused by the driver",
		 *hint ? "; " : "", hint);
	return rc < 0 ? rc : -EIO;
}

static const char *probe_hint(const char *device)
{
	if (device_is_pci(device))
		return "is it bound to vfio-pci (scripts/setup-host) and free?";
	return "does the interface, socket or file exist, and may this user open it?";
}

/* The device string as Weir's own ports have it: drivers need the same there. */
static int probe(struct device *d, const char *device, char *err, size_t err_size)
{
	struct plan_port as_port = {.queues = d->queues};
	char text[PLAN_DEVICE_MAX + 128], name[64];

	snprintf(as_port.name, sizeof(as_port.name), "replay");
	if (snprintf(as_port.device, sizeof(as_port.device), "%s", device) >=
	    (int)sizeof(as_port.device))
		return fail(device, -ENAMETOOLONG, "too long", "", err, err_size);
	int rc = port_device_string(&as_port, text, sizeof(text), err, err_size);
	if (rc < 0)
		return rc;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, ","), text);
	if (!device_is_pci(device)) {
		rc = rte_dev_probe(text);
		if (rc < 0)
			return fail(device, rc, "cannot be opened", probe_hint(device), err,
				    err_size);
	}
	rc = rte_eth_dev_get_port_by_name(name, &d->id);
	if (rc < 0)
		return fail(device, rc, "not found by DPDK", probe_hint(device), err, err_size);
	return 0;
}

static int make_pools(struct device *d, uint32_t frame_bytes, char *err, size_t err_size)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	for (unsigned q = 0; q < d->queues; q++) {
		snprintf(name, sizeof(name), "tx-%u", q);
		d->tx_pools[q] = rte_pktmbuf_pool_create(name, TX_MBUFS, TX_CACHE, 0,
							 (uint16_t)room_of(frame_bytes),
							 rte_eth_dev_socket_id(d->id));
		if (!d->tx_pools[q])
			break;
	}
	d->rx_pool = rte_pktmbuf_pool_create("rx", RX_MBUFS, 0, 0, AF_PACKET_ROOM,
					     rte_eth_dev_socket_id(d->id));
	if (d->rx_pool && d->tx_pools[d->queues - 1])
		return 0;
	snprintf(err, err_size, "no memory for packet buffers (%s)", rte_strerror(rte_errno));
	return -ENOMEM;
}

static int set_up_queues(struct device *d, const struct rte_eth_dev_info *info,
			 const struct rte_eth_conf *conf)
{
	uint16_t rxd = RX_DESCRIPTORS, txd = TX_DESCRIPTORS;

	/* As many to receive as to send where there are: af_xdp insists. */
	d->rx_queues = d->queues <= info->max_rx_queues ? d->queues : info->max_rx_queues;
	int rc = rte_eth_dev_configure(d->id, d->rx_queues, d->queues, conf);
	if (rc == 0)
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(d->id, &rxd, &txd);
	for (uint16_t q = 0; q < d->queues && rc == 0; q++)
		rc = rte_eth_tx_queue_setup(d->id, q, txd, SOCKET_ID_ANY, NULL);
	for (uint16_t q = 0; q < d->rx_queues && rc == 0; q++)
		rc = rte_eth_rx_queue_setup(d->id, q, rxd, SOCKET_ID_ANY, NULL, d->rx_pool);
	return rc;
}

static const char *start_hint(const struct rte_eth_dev_info *info)
{
	return strcmp(info->driver_name, MEMIF) == 0
		       ? "does a Weir run that has this socket with role=server, in this network "
			 "namespace?"
		       : "";
}

static int configure(struct device *d, const char *device, const struct rte_eth_dev_info *info,
		     uint32_t frame_bytes, char *err, size_t err_size)
{
	struct rte_eth_conf conf = {0};

	if (d->queues > info->max_tx_queues) {
		snprintf(err, err_size,
			 "device \"%s\" has %u queues to send by; --queues asks for %u", device,
			 info->max_tx_queues, d->queues);
		return -EINVAL;
	}
	if (device_is_pci(device) && frame_bytes > RTE_ETHER_HDR_LEN + RTE_ETHER_MTU + VLAN_TAGS)
		conf.rxmode.mtu = frame_bytes - RTE_ETHER_HDR_LEN;
	int rc = set_up_queues(d, info, &conf);
	if (rc < 0)
		return fail(device, rc, "queues cannot be set up", "", err, err_size);
	rc = rte_eth_dev_start(d->id);
	d->started = rc >= 0;
	return rc < 0 ? fail(device, rc, "cannot be started", start_hint(info), err, err_size) : 0;
}

static int wait_for_link(const struct device *d, const char *device, const atomic_bool *stop,
			 char *err, size_t err_size)
{
	struct rte_eth_link link = {0};

	for (int ms = 0; ms < LINK_WAIT_MS; ms += 10) {
		if (stop && atomic_load(stop)) {
			snprintf(err, err_size, "device \"%s\": stopped before its link was up",
				 device);
			return -EINTR;
		}
		if (rte_eth_link_get_nowait(d->id, &link) == 0 && link.link_status)
			return 0;
		rte_delay_us_sleep(10000);
	}
	snprintf(err, err_size, "device \"%s\": no link after %d s; is the other end up%s?", device,
		 LINK_WAIT_MS / 1000,
		 strcmp(d->driver, MEMIF) == 0 ? ", and has it --queues lanes" : "");
	return -ENETDOWN;
}

static int open_probed(struct device *d, const char *device, uint32_t frame_bytes,
		       const atomic_bool *stop, char *err, size_t err_size)
{
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac = {0};
	int rc = rte_eth_dev_info_get(d->id, &info);

	if (rc < 0)
		return fail(device, rc, "does not describe itself", "", err, err_size);
	snprintf(d->driver, sizeof(d->driver), "%s", info.driver_name);
	rc = make_pools(d, frame_bytes, err, err_size);
	if (rc == 0)
		rc = configure(d, device, &info, frame_bytes, err, err_size);
	if (rc < 0)
		return rc;
	memif_guard(d->id, d->driver);
	rc = wait_for_link(d, device, stop, err, err_size);
	if (rc < 0)
		return rc;
	rte_eth_macaddr_get(d->id, &mac);
	memcpy(d->mac, mac.addr_bytes, sizeof(d->mac));
	return 0;
}

int device_open(struct device *d, const char *device, unsigned queues, uint32_t frame_bytes,
		const atomic_bool *stop, char *err, size_t err_size)
{
	struct port_fds before;
	struct port sockets = {0};

	memset(d, 0, sizeof(*d));
	d->id = RTE_MAX_ETHPORTS;
	d->queues = (uint16_t)queues;
	interface_of(device, d->interface, sizeof(d->interface));
	port_fds_read(&before);
	int rc = probe(d, device, err, err_size);
	if (rc == 0)
		rc = open_probed(d, device, frame_bytes, stop, err, err_size);
	if (rc < 0) {
		device_close(d);
		return rc;
	}
	if (strcmp(d->driver, "net_af_packet") == 0) {
		port_fds_new(&before, &sockets);
		for (unsigned i = 0; i < sockets.fds_count && i < FEED_QUEUES_MAX; i++)
			d->fds[d->fds_count++] = sockets.fds[i];
	}
	return 0;
}

void device_close(struct device *d)
{
	if (d->id < RTE_MAX_ETHPORTS) {
		if (d->started)
			rte_eth_dev_stop(d->id);
		rte_eth_dev_close(d->id);
	}
	d->id = RTE_MAX_ETHPORTS;
	for (unsigned q = 0; q < d->queues; q++)
		rte_mempool_free(d->tx_pools[q]);
	rte_mempool_free(d->rx_pool);
	memset(d->tx_pools, 0, sizeof(d->tx_pools));
	d->rx_pool = NULL;
}

void device_counts(const struct device *d, struct device_counts *counts)
{
	struct rte_eth_stats stats = {0};

	memset(counts, 0, sizeof(*counts));
	if (rte_eth_stats_get(d->id, &stats) == 0) {
		counts->packets = stats.opackets;
		counts->bytes = stats.obytes;
		counts->errors = stats.oerrors;
	}
	counts->has_interface =
		d->interface[0] != '\0' &&
		interface_number(d->interface, "statistics/tx_packets",
				 &counts->interface_packets) &&
		interface_number(d->interface, "statistics/tx_dropped", &counts->interface_dropped);
}

void device_counts_since(const struct device *d, const struct device_counts *before,
			 struct device_counts *counts)
{
	device_counts(d, counts);
	counts->packets -= before->packets;
	counts->bytes -= before->bytes;
	counts->errors -= before->errors;
	counts->interface_gone =
		before->has_interface &&
		(!counts->has_interface || counts->interface_packets < before->interface_packets ||
		 counts->interface_dropped < before->interface_dropped);
	counts->has_interface &= before->has_interface && !counts->interface_gone;
	if (!counts->has_interface)
		return;
	counts->interface_packets -= before->interface_packets;
	counts->interface_dropped -= before->interface_dropped;
}

void device_flush(const struct device *d)
{
	if (strcmp(d->driver, MEMIF) == 0)
		rte_delay_us_sleep(MEMIF_DRAIN_MS * 1000);
	for (int i = 0; i < d->fds_count; i++)
		while (sendto(d->fds[i], NULL, 0, 0, NULL, 0) < 0 && errno == EINTR)
			;
}
