/*
 * The part of the command line that `weir replay` and `weir loadtest` share: which captures, by
 * which device, changed how.
 */
#pragma once

#include <getopt.h>

#include "options_value.h"
#include "replay.h"

enum {
	OPTIONS_RUN = -1,

	/* What getopt_long() says; a command's own begin behind them. */
	SENDING_TO = 't',
	SENDING_DST = 256,
	SENDING_MAC,
	SENDING_SPREAD,
	SENDING_BURST,
	SENDING_QUEUES,
	SENDING_CORES,
	SENDING_MEMORY,
	SENDING_END,
};

#define SENDING_LONGS                                                                              \
	{"to", required_argument, NULL, SENDING_TO},                                               \
		{"rewrite-dst", required_argument, NULL, SENDING_DST},                             \
		{"rewrite-mac", required_argument, NULL, SENDING_MAC},                             \
		{"spread-sources", required_argument, NULL, SENDING_SPREAD},                       \
		{"burst", required_argument, NULL, SENDING_BURST},                                 \
		{"queues", required_argument, NULL, SENDING_QUEUES},                               \
		{"cores", required_argument, NULL, SENDING_CORES},                                 \
	{                                                                                          \
		"memory", required_argument, NULL, SENDING_MEMORY                                  \
	}

#define SENDING_HELP_TO                                                                            \
	"  -t, --to DEVICE            a PCI address, or a virtual device as DPDK writes it:\n"     \
	"                             net_af_packet0,iface=eth1, "                                 \
	"net_memif0,role=client,socket=...\n"
#define SENDING_HELP_REWRITE                                                                       \
	"What is changed; checksums stay right:\n"                                                 \
	"      --rewrite-dst IP[:PORT] where packets go; [IPv6]:PORT\n"                            \
	"      --rewrite-mac auto|MAC where frames go; auto: ask by ARP who has the\n"             \
	"                             address of --rewrite-dst\n"                                  \
	"      --spread-sources N     from N senders in turn: 10.0.0.1 and on, or\n"               \
	"                             fd77:6972::1 and on\n"
#define SENDING_HELP_HOW                                                                           \
	"      --burst N              packets handed over at once, at most (default 32)\n"         \
	"      --queues N             sending queues, a core each (default 1)\n"                   \
	"      --cores LIST           processors for them, such as 2,4-5 (default: any)\n"         \
	"      --memory SIZE          captures larger than that are read from disk while they\n"   \
	"                             are sent (default: half of what is available)\n"

struct sending {
	const char *command; /* "replay" */
	struct replay_options replay;
	const char *paths[CAPTURES_MAX];
	uint16_t cpus[FEED_QUEUES_MAX];
	struct config_cpus cpus_seen;
};

void sending_begin(struct sending *s, const char *command);

/* Takes one option, c < SENDING_END or 't', with its optarg. OPTIONS_RUN, or the exit status. */
int sending_take(struct sending *s, int c);

/* What no option can tell alone; the captures are argv[optind] and on. */
int sending_check(struct sending *s, int argc, char **argv);
