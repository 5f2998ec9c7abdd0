#include "plan_ports.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#include "device.h"

enum {
	ROOM = 2048,		/* data room of one mbuf where nothing asks for more */
	AF_PACKET_ROOM = 16384, /* whole frames: it cuts what is longer without a flag */
	RX_DESCRIPTORS_NIC = 2048,
	RX_DESCRIPTORS_VIRTUAL = 512,
	MBUFS_MAX = 1 << 24,
	MBUF_FIXED = 64 + 128 + 128, /* mempool's header, struct rte_mbuf, headroom */
	CACHE_LINE = 64,
	PAGE = 4096,
	HUGE_PAGE = 2 << 20,
	REST_OF_LINGER = 4,
};

unsigned plan_device_queues(const char *device)
{
	static const char *const of_pcap[] = {"rx_pcap", "rx_iface", "rx_iface_in", "iface"};
	unsigned n = 0;

	if (device_is(device, "net_pcap")) {
		for (unsigned i = 0; i < 4; i++)
			for (unsigned k = 0; device_argument(device, of_pcap[i], k); k++)
				n++;
		return n ? n : 1;
	}
	if (device_is(device, "net_af_packet")) /* without a number it gets what the lanes need */
		return device_number(device, "qpairs", 0);
	if (device_is(device, "net_af_xdp"))
		return device_number(device, "queue_count", 1);
	if (device_is(device, "virtio_user") || device_is(device, "net_virtio_user"))
		return device_number(device, "queues", 1);
	return 0;
}

/* The rings of the kernel's hold 512 frames and more, and it brings no more than one or two million
 * a second through AF_PACKET, some millions through AF_XDP. Who sends over memif waits for room. */
static uint64_t longest_rest_ns(const char *device)
{
	if (device_is(device, "net_af_packet"))
		return 250 * 1000;
	if (device_is(device, "net_af_xdp") || device_is(device, "net_memif"))
		return 100 * 1000;
	return 0;
}

uint64_t plan_rest_ns(const struct config *config)
{
	uint64_t rest = PLAN_REST_MAX_NS;

	if (config->lanes.rest_ns != CONFIG_REST_AUTO)
		return config->lanes.rest_ns;
	for (unsigned i = 0; i < config->ports_count; i++) {
		uint64_t longest = longest_rest_ns(config->ports[i].device);

		rest = rest < longest ? rest : longest;
	}
	for (unsigned i = 0; i < config->streams_count; i++) {
		uint64_t share = config->streams[i].linger_ns / REST_OF_LINGER;

		rest = rest < share ? rest : share;
	}
	return rest;
}

/* infinite_rx keeps every packet of its files in an mbuf of the pool. */
static uint32_t infinite_mbufs(const char *device)
{
	uint64_t most = 0;
	const char *name;

	if (!device_is(device, "net_pcap") || device_number(device, "infinite_rx", 0) == 0)
		return 0;
	for (unsigned i = 0; (name = device_argument(device, "rx_pcap", i)) != NULL; i++) {
		char file[PLAN_DEVICE_MAX], err[PCAP_ERRBUF_SIZE];
		struct pcap_pkthdr *head;
		const u_char *data;
		uint64_t count = 0;
		pcap_t *pcap;

		device_copy_argument(name, file, sizeof(file));
		pcap = pcap_open_offline(file, err);
		if (!pcap)
			continue; /* the dataplane will say so */
		while (count < MBUFS_MAX && pcap_next_ex(pcap, &head, &data) == 1)
			count += 1 + head->caplen / ROOM;
		pcap_close(pcap);
		most = count > most ? count : most;
	}
	return (uint32_t)most;
}

/* One below a power of two: what a mempool wastes least on. */
static uint32_t pool_size(uint64_t at_least)
{
	uint64_t size = 1024;

	while (size - 1 < at_least && size < MBUFS_MAX)
		size *= 2;
	return (uint32_t)(size - 1);
}

static uint32_t choose_mbufs(const struct plan_port *port, unsigned burst)
{
	/* What the NIC holds, what the lane holds, and what caches may sit on. */
	uint64_t need = (uint64_t)port->rx_descriptors + 2u * burst + 512;

	if (device_is(port->device, "net_af_packet"))
		return pool_size(need > 2047 ? need : 2047);
	if (device_is(port->device, "net_af_xdp"))
		return pool_size(need +
				 4096); /* its fill ring holds 2,048, whatever is asked for */
	if (port->is_pci)
		return pool_size(2 * need);
	return pool_size((need > 4095 ? need : 4095) + infinite_mbufs(port->device));
}

static uint32_t choose_room(const char *device)
{
	uint32_t frame;

	if (!device_is(device, "net_af_packet"))
		return ROOM;
	frame = device_number(device, "framesz", AF_PACKET_ROOM);
	return frame > AF_PACKET_ROOM ? (frame + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE
				      : AF_PACKET_ROOM;
}

static void warn_unread(struct placement *placement, const char *name, unsigned queues,
			unsigned lanes)
{
	if (placement->warnings_count < PLACE_WARNINGS_MAX)
		snprintf(placement->warnings[placement->warnings_count++], PLACE_WHY,
			 "port %.64s: %u queues, but %u lane%s: the queues left over are not read",
			 name, queues, lanes, lanes == 1 ? "" : "s");
}

void plan_port_build(const struct config_port *config, const struct plan_port *previous,
		     unsigned lanes, unsigned burst, struct plan_port *port,
		     struct placement *placement)
{
	unsigned queues =
		config->queues ? (unsigned)config->queues : plan_device_queues(config->device);

	if (queues > lanes)
		warn_unread(placement, config->name, queues, lanes);
	snprintf(port->name, sizeof(port->name), "%s", config->name);
	snprintf(port->device, sizeof(port->device), "%s", config->device);
	port->is_pci = config->is_pci;
	port->queues = (uint16_t)(queues == 0 || queues > lanes ? lanes : queues);
	port->promiscuous = config->promiscuous != 0;
	port->verify_checksums = config->verify_checksums != 0;
	port->mtu = (uint16_t)config->mtu;
	port->rx_descriptors = (uint16_t)config->rx_descriptors;
	if (!port->rx_descriptors)
		port->rx_descriptors = config->is_pci ? RX_DESCRIPTORS_NIC : RX_DESCRIPTORS_VIRTUAL;
	port->mbuf_room_bytes = choose_room(config->device);
	port->mbufs = (uint32_t)config->mbufs;
	if (!port->mbufs && previous && strcmp(previous->device, port->device) == 0)
		port->mbufs = previous->mbufs; /* a reload sizes nothing anew */
	else if (!port->mbufs)
		port->mbufs = choose_mbufs(port, burst);
}

uint64_t plan_pool_bytes(const struct plan_port *port, bool hugepages)
{
	uint64_t object = (port->mbuf_room_bytes + MBUF_FIXED + CACHE_LINE - 1) / CACHE_LINE;
	uint64_t page = hugepages ? HUGE_PAGE : PAGE, bytes;

	/* One line more: the pool spreads its objects over the memory channels. */
	object = (object + 1) * CACHE_LINE;
	/* It lets none reach from one page into the next, as if they lay apart. */
	if (object <= page)
		bytes = (port->mbufs + page / object - 1) / (page / object) * page;
	else
		bytes = port->mbufs * ((object + page - 1) / page * page);
	return bytes + (uint64_t)port->mbufs * 2 * sizeof(void *);
}

uint64_t plan_port_ring_bytes(const struct plan_port *port)
{
	const char *device = port->device;
	uint64_t block, frame, frames;

	if (!device_is(device, "net_af_packet"))
		return 0;
	/* Ours where the device says nothing (dataplane/rx_port_device.c), else the driver's. */
	bool said = device_argument(device, "blocksz", 0) ||
		    device_argument(device, "framesz", 0) || device_argument(device, "framecnt", 0);
	block = device_amount(device, "blocksz", said ? 4096 : 65536);
	frame = device_amount(device, "framesz", said ? 2048 : AF_PACKET_ROOM);
	frames = device_amount(device, "framecnt", 512);
	if (!frame || block < frame)
		return 0;
	/* One to receive, one to send, which the driver maps all the same. */
	return 2 * block * (frames / (block / frame)) * port->queues;
}
