/*
 * What control and the dataplane say to each other: one fixed-size message each way over
 * SOCK_SEQPACKET at <run_dir>/dataplane.sock. The dataplane listens, serves one control at a time
 * (the first request by a new connection replaces the old one), and goes on alone when it closes.
 *
 * On connect the dataplane sends HELLO. Each request gets exactly one REPLY with the same id.
 */
#pragma once

#include <stdint.h>

#define CONTROL_MSG_MAGIC UINT32_C(0x57435447)
#define CONTROL_SOCKET	  "dataplane.sock"

enum control_msg_type {
	CONTROL_HELLO = 1, /* dataplane: arg[0] pid, arg[1] running plan generation (0: none yet) */
	CONTROL_REPLY,	   /* dataplane: status 0 or an errno, text: what was done or why not */
	CONTROL_PLAN, /* control: a sealed memfd rides along. The first plan starts ports and lanes;
		       * later ones are reloads, replied to when every lane works by them */
	CONTROL_GET_PLAN, /* control: the REPLY carries the running plan's memfd */
	CONTROL_RETAIN,	  /* control: arg[0] slot, arg[1] partition, arg[2] new log start. Segments
			   * wholly   below it go; the active one never does. Replied to when
			   * log_start   is published */
	CONTROL_STOP,	  /* control: drain, sync, trim, exit 0. Replied to when all is durable */
};

struct control_msg {
	uint32_t magic; /* CONTROL_MSG_MAGIC */
	uint16_t type;	/* enum control_msg_type */
	uint16_t status;
	uint64_t id;
	uint64_t arg[4];
	char text[1024]; /* NUL-terminated */
};

/* Sends one message, with fd if >= 0. 0 or -errno. */
int control_msg_send(int sock, const struct control_msg *msg, int fd);

/* Receives one message; *fd is the descriptor that came along, else -1. Returns 1, 0 when the peer
 * closed, or -errno (-EPROTO: not ours). With MSG_DONTWAIT in flags: -EAGAIN. */
int control_msg_recv(int sock, struct control_msg *msg, int *fd, int flags);
