#include "capture.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <pcap/pcap.h>

#include "link.h"

static const struct {
	const char *name, *text;
} causes[CAPTURE_CAUSES] = {
	[CAPTURE_CUT] = {"cut", "captured only in part (snaplen): the rest is not there to send"},
	[CAPTURE_NOT_ETHERNET] = {"not_ethernet", "no Ethernet frame can be made of it"},
	[CAPTURE_TOO_LONG] = {"too_long", "longer than the device sends"},
};

/* One file, with its next frame, which waits for its turn. */
struct capture {
	const char *path;
	pcap_t *pcap;
	int type;
	bool ended;
	uint64_t ns;
	uint32_t len;
	uint8_t frame[CAPTURE_FRAME_MAX];
};

struct captures {
	unsigned count;
	uint32_t frame_max;
	bool counted; /* in an earlier pass */
	bool passing; /* one of them is no file: it can be read once only */
	uint64_t left_out[CAPTURE_CAUSES], file_bytes;
	char damage[512];
	struct capture *last; /* whose frame was given away */
	struct capture list[];
};

const char *capture_cause_name(unsigned cause)
{
	return causes[cause].name;
}

const char *capture_cause_text(unsigned cause)
{
	return causes[cause].text;
}

static void leave_out(struct captures *c, enum capture_cause cause)
{
	if (!c->counted)
		c->left_out[cause]++;
}

/* What helps, where libpcap reads no such file. */
static const char *advice(const char *why)
{
	if (strstr(why, "interface has a snapshot length"))
		return "; editcap -F pcap makes a file of it that can be read";
	if (strstr(why, "interface has a type"))
		return "; expected one link type in each file";
	return "";
}

static void end_of(struct captures *c, struct capture *capture, int result)
{
	capture->ended = true;
	/* -2: the end as it should be. */
	if (result == PCAP_ERROR && !c->damage[0])
		snprintf(c->damage, sizeof(c->damage), "%s: %s%s", capture->path,
			 pcap_geterr(capture->pcap), advice(pcap_geterr(capture->pcap)));
}

/* libpcap puts nanoseconds where its name says microseconds, and takes a pcap file's 32 bits of
 * seconds for signed: they go on after 2038. Never beyond 64 bits. */
static uint64_t ns_of(const struct timeval *ts)
{
	const uint64_t second = UINT64_C(1000000000);
	int64_t seconds = ts->tv_sec < 0 ? ts->tv_sec + (INT64_C(1) << 32) : ts->tv_sec;

	if (seconds < 0)
		return 0;
	return ((uint64_t)seconds < UINT64_MAX / second - second ? (uint64_t)seconds
								 : UINT64_MAX / second - second) *
		       second +
	       (uint64_t)ts->tv_usec;
}

/* Takes over one packet; false: it cannot be sent. */
static bool take(struct captures *c, struct capture *capture, const struct pcap_pkthdr *header,
		 const uint8_t *packet)
{
	struct link_cut cut;

	if (header->caplen < header->len) {
		leave_out(c, CAPTURE_CUT);
		return false;
	}
	if (!link_cut_of(capture->type, packet, header->caplen, &cut)) {
		leave_out(c, CAPTURE_NOT_ETHERNET);
		return false;
	}
	uint32_t rest = header->caplen - cut.skip;
	if (rest + cut.header > c->frame_max) {
		leave_out(c, CAPTURE_TOO_LONG);
		return false;
	}
	memcpy(capture->frame, cut.bytes, cut.header);
	memcpy(capture->frame + cut.header, packet + cut.skip, rest);
	capture->len = rest + cut.header;
	capture->ns = ns_of(&header->ts);
	return true;
}

static void advance(struct captures *c, struct capture *capture)
{
	struct pcap_pkthdr *header;
	const uint8_t *packet;

	while (!capture->ended) {
		int result = pcap_next_ex(capture->pcap, &header, &packet);

		if (result != 1)
			end_of(c, capture, result);
		else if (take(c, capture, header, packet))
			return;
	}
}

static int open_one(struct captures *c, struct capture *capture, char *err, size_t err_size)
{
	char why[PCAP_ERRBUF_SIZE];
	struct stat st;

	if (stat(capture->path, &st) < 0) {
		int rc = -errno;
		snprintf(err, err_size, "%s: %s", capture->path, strerror(-rc));
		return rc;
	}
	capture->pcap = pcap_open_offline_with_tstamp_precision(capture->path,
								PCAP_TSTAMP_PRECISION_NANO, why);
	if (!capture->pcap) {
		/* libpcap names the file in some of its reasons. */
		bool named = strncmp(why, capture->path, strlen(capture->path)) == 0;
		snprintf(err, err_size, "%s%s%s; expected a capture, pcap or pcapng",
			 named ? "" : capture->path, named ? "" : ": ", why);
		return -EINVAL;
	}
	capture->type = pcap_datalink(capture->pcap);
	if (!link_known(capture->type)) {
		const char *name = pcap_datalink_val_to_name(capture->type);
		snprintf(err, err_size,
			 "%s: link type %s (%d); expected Ethernet, raw IP, Linux cooked (SLL, "
			 "SLL2), NULL or LOOP",
			 capture->path, name ? name : "unknown", capture->type);
		return -EPROTONOSUPPORT;
	}
	if (!c->counted)
		c->file_bytes += (uint64_t)st.st_size;
	c->passing |= !S_ISREG(st.st_mode);
	capture->ended = false;
	return 0;
}

static void close_all(struct captures *c)
{
	for (unsigned i = 0; i < c->count; i++) {
		if (c->list[i].pcap)
			pcap_close(c->list[i].pcap);
		c->list[i].pcap = NULL;
	}
}

static int open_all(struct captures *c, char *err, size_t err_size)
{
	int rc = 0;

	c->last = NULL;
	for (unsigned i = 0; i < c->count && rc == 0; i++)
		rc = open_one(c, &c->list[i], err, err_size);
	for (unsigned i = 0; i < c->count && rc == 0; i++)
		advance(c, &c->list[i]);
	return rc;
}

int captures_open(struct captures **out, const char *const *paths, unsigned count,
		  uint32_t frame_max, char *err, size_t err_size)
{
	struct captures *c = calloc(1, sizeof(*c) + count * sizeof(c->list[0]));

	if (!c) {
		snprintf(err, err_size, "out of memory");
		return -ENOMEM;
	}
	c->count = count;
	c->frame_max = frame_max < CAPTURE_FRAME_MAX ? frame_max : CAPTURE_FRAME_MAX;
	for (unsigned i = 0; i < count; i++)
		c->list[i].path = paths[i];
	int rc = open_all(c, err, err_size);
	if (rc < 0) {
		captures_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

void captures_close(struct captures *c)
{
	if (!c)
		return;
	close_all(c);
	free(c);
}

int captures_next(struct captures *c, struct captured *frame)
{
	struct capture *first = NULL;

	if (c->last)
		advance(c, c->last);
	for (unsigned i = 0; i < c->count; i++)
		if (!c->list[i].ended && (!first || c->list[i].ns < first->ns))
			first = &c->list[i];
	c->last = first;
	if (!first)
		return 0;
	*frame = (struct captured){.bytes = first->frame, .len = first->len, .ns = first->ns};
	return 1;
}

int captures_rewind(struct captures *c, char *err, size_t err_size)
{
	c->counted = true;
	close_all(c);
	return open_all(c, err, err_size);
}

uint64_t captures_left_out(const struct captures *c, unsigned cause)
{
	return c->left_out[cause];
}

const char *captures_damage(const struct captures *c)
{
	return c->damage[0] ? c->damage : NULL;
}

bool captures_can_be_read_again(const struct captures *c)
{
	return !c->passing;
}

void captures_why_none(const struct captures *c, char *text, size_t size)
{
	size_t n = (size_t)snprintf(text, size, "no packet that can be sent");

	for (unsigned i = 0; i < CAPTURE_CAUSES && n < size; i++)
		if (c->left_out[i])
			n += (size_t)snprintf(text + n, size - n, "; %llu left out: %s",
					      (unsigned long long)c->left_out[i], causes[i].text);
	if (c->damage[0] && n < size)
		snprintf(text + n, size - n, "; %s", c->damage);
}

uint64_t captures_file_bytes(const struct captures *c)
{
	return c->file_bytes;
}
