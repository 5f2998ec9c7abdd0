/*
 * Captures (pcap, pcapng), frame by frame, as Ethernet; several merged by time. Not thread-safe:
 * one thread reads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* A packet buffer has 16 bits for its size, and keeps 128 bytes free in front. */
	CAPTURE_FRAME_MAX = 65535 - 128,
	CAPTURES_MAX = 64,
};

/* Why a captured packet cannot be sent. */
enum capture_cause {
	CAPTURE_CUT,	      /* the capture holds only its beginning (snaplen) */
	CAPTURE_NOT_ETHERNET, /* no frame can be made of it */
	CAPTURE_TOO_LONG,     /* longer than the device, or anything, sends */
	CAPTURE_CAUSES,
};

/* "cut", ... ; and what it means, for people. */
const char *capture_cause_name(unsigned cause);
const char *capture_cause_text(unsigned cause);

struct captures;

struct captured {
	const uint8_t *bytes; /* of the frame, without FCS; valid until the next call */
	uint32_t len;
	uint64_t ns; /* when it was captured, since 1970 */
};

/* Opens all of them; paths must outlive it. Frames longer than frame_max are left out. 0, or
 * -errno with the reason in err. */
int captures_open(struct captures **out, const char *const *paths, unsigned count,
		  uint32_t frame_max, char *err, size_t err_size);
void captures_close(struct captures *c);

/* The next frame of all, by time. 1: there is one, 0: the end. */
int captures_next(struct captures *c, struct captured *frame);

/* Begins again. What was left out is not counted a second time. 0, or -errno with the reason. */
int captures_rewind(struct captures *c, char *err, size_t err_size);

uint64_t captures_left_out(const struct captures *c, unsigned cause);

/* What is wrong with a file whose rest cannot be read ("FILE: truncated ..."); NULL: nothing. */
const char *captures_damage(const struct captures *c);

/* False: a pipe or the like is among them. */
bool captures_can_be_read_again(const struct captures *c);

/* "no packet that can be sent; 17 left out: ...; FILE: truncated ..." */
void captures_why_none(const struct captures *c, char *text, size_t size);

/* Bytes of all files together. */
uint64_t captures_file_bytes(const struct captures *c);
