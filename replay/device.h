/* The device that sends: a NIC, or any of DPDK's virtual devices. Main thread, after EAL is up. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mempool.h>

#include "feed.h"

struct device {
	uint16_t id;
	uint16_t queues, rx_queues;
	char driver[64];
	char interface[64]; /* of the kernel, where it stands on one; else empty */
	uint8_t mac[6];
	struct rte_mempool *tx_pools[FEED_QUEUES_MAX], *rx_pool;
	bool started;
	int fds[FEED_QUEUES_MAX], fds_count; /* its sockets, of af_packet */
};

/* What the driver, and the kernel behind it, counted. */
struct device_counts {
	uint64_t packets, bytes, errors; /* the driver's */
	bool has_interface;		 /* there is one, and the kernel tells these: */
	uint64_t interface_packets, interface_dropped; /* the kernel's, of all who send there */
	bool interface_gone;			       /* since then, or another one has its name */
};

/* A PCI address, which EAL must be told of at its start. */
bool device_is_pci(const char *device);

/* Longest frame of the kernel interface in the device string; 0: there is none. For sizing, before
 * the device is open. */
uint32_t device_interface_frame_max(const char *device);

/* Opens it with so many queues, for frames of up to frame_bytes, and waits until its link is up. 0,
 * or -errno with the reason (-EINTR: *stop, which may be NULL). */
int device_open(struct device *d, const char *device, unsigned queues, uint32_t frame_bytes,
		const atomic_bool *stop, char *err, size_t err_size);
void device_close(struct device *d);

/* Memory that the packet buffers take, for EAL. */
uint64_t device_memory_bytes(unsigned queues, uint32_t frame_bytes);

void device_counts(const struct device *d, struct device_counts *counts);

/* What was counted since `before`. */
void device_counts_since(const struct device *d, const struct device_counts *before,
			 struct device_counts *counts);

/* What the driver took goes out: af_packet's own kick does not wait for the socket's ring, and what
 * the other end of a memif has not read by the time we close is gone (there is no call that tells
 * what it has read; it has a second). */
void device_flush(const struct device *d);
