/*
 * The config as the rest of control uses it: one YAML file, read and checked as a whole against the
 * table of keys (config_keys.h). Numbers are uint64_t in the unit that the name ends in; where a
 * key was not in the file the table's default stands here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config_report.h"
#include "dataplane/api/plan.h"
#include "tcp_listen.h"

enum {
	CONFIG_KEYS_MAX = 80,
	CONFIG_FILE_MAX = 1 << 20, /* bytes of a config file */
	CONFIG_FILTER_MAX = 4096,  /* bytes of a filter expression, with the NUL */
	CONFIG_ADDRESSES_MAX = 16,
};

#define CONFIG_AUTO	 0	    /* left to plan_build() */
#define CONFIG_OFF	 UINT64_MAX /* storage.sync: off */
#define CONFIG_REST_AUTO UINT64_MAX /* lanes.rest: left to plan_build(); 0 is none */

enum config_switch { CONFIG_SWITCH_OFF, CONFIG_SWITCH_ON, CONFIG_SWITCH_AUTO };

/* An IPv4 or IPv6 address with its prefix length. */
struct config_cidr {
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t prefix;
	uint8_t address[16]; /* network order, IPv4 in the first 4 */
};

struct config_cidrs {
	unsigned count;
	struct config_cidr list[CONFIG_ADDRESSES_MAX];
};

struct config_cpus {
	unsigned count;
	uint16_t list[PLAN_LANES_MAX];
};

struct config_udp_ports {
	unsigned count;
	bool any;
	struct plan_listen list[PLAN_LISTEN_MAX];
};

/* A place to listen at; length 0: not to listen. */
struct config_listen {
	char text[80];
	struct tcp_address at;
};

enum { CONFIG_HOST_MAX = TCP_HOST_MAX + 8 /* "[name]:65535" */ };

/* In storage.path, where gateway.groups is not given. */
#define CONFIG_GROUPS_NAME "weir.groups"

struct config_args {
	size_t used;
	char text[PLAN_EAL_ARGS_MAX]; /* "arg\0arg\0\0" */
};

struct config_port {
	char name[PLAN_NAME_MAX];
	char device[PLAN_DEVICE_MAX];
	bool is_pci;
	uint64_t queues; /* CONFIG_AUTO, or how many */
	uint64_t rx_descriptors, mbufs;
	uint64_t mtu;
	uint64_t promiscuous, verify_checksums;
	struct config_cidrs address, multicast;
	struct config_pos pos[CONFIG_KEYS_MAX]; /* by config_key_index(); line 0: not in the file */
};

struct config_stream {
	char name[PLAN_NAME_MAX];
	struct config_udp_ports udp;
	char filter[CONFIG_FILTER_MAX];
	uint64_t decoder, key, headers;
	uint64_t batch_bytes, linger_ns;
	uint64_t compression, compression_level;
	uint64_t segment_bytes, segment_age_ns; /* those of storage where not given */
	uint64_t retention_bytes, retention_age_ns;
	struct config_pos pos[CONFIG_KEYS_MAX];
};

struct config {
	char run_dir[PLAN_PATH_MAX];
	uint64_t hugepages; /* enum config_switch */
	struct config_args eal_args;
	uint64_t max_streams;
	struct {
		uint64_t count, idle, rest_ns, slabs, burst;
		struct config_cpus cores, log_cores;
	} lanes;
	struct {
		char path[PLAN_PATH_MAX];
		uint64_t segment_bytes, segment_age_ns;
		uint64_t sync_ns; /* CONFIG_OFF: off */
		uint64_t visible, direct, write_depth, prepare_bytes, sink;
	} storage;
	struct {
		struct config_listen listen;
		uint64_t insecure;
	} control;
	struct {
		struct config_listen listen;
		char advertised[CONFIG_HOST_MAX]; /* "": where clients reached it */
		char groups[PLAN_PATH_MAX + sizeof(CONFIG_GROUPS_NAME)];
		uint64_t insecure;
	} gateway;
	unsigned ports_count, streams_count;
	struct config_port ports[PLAN_PORTS_MAX];
	struct config_stream streams[PLAN_STREAMS_MAX];
	struct config_pos pos[CONFIG_KEYS_MAX];
};

/* Reads and checks a file. The config, or NULL when the report has errors. Give back both. */
struct config *config_load(const char *file, struct config_report *report);
void config_free(struct config *config);

/* The same from memory; file is the name for the report. */
struct config *config_parse(const char *text, size_t length, const char *file,
			    struct config_report *report);
