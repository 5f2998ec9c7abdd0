#include "topic_id.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/fnv.h"
#include "api/log_format.h"

enum { TEXT_DIGITS = 22, MINUS = 62 /* the value of the digit '-' */ };

static bool decode(const char *text, uint8_t id[TOPIC_ID_BYTES])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	unsigned have = 0, n = 0;

	for (unsigned i = 0; i < TEXT_DIGITS; i++) {
		const char *digit = strchr(digits, text[i]);

		if (!digit || !*digit)
			return false;
		bits = bits << 6 | (uint32_t)(digit - digits);
		have += 6;
		if (have >= 8 && n < TOPIC_ID_BYTES)
			id[n++] = (uint8_t)(bits >> (have -= 8));
	}
	return true;
}

bool topic_id_read(int dir_fd, uint8_t id[TOPIC_ID_BYTES])
{
	static const uint8_t none[TOPIC_ID_BYTES];
	char text[256], digits[TEXT_DIGITS + 1];
	int fd = openat(dir_fd, LOG_NAME_METADATA, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	ssize_t len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len < 0 ? 0 : len] = 0;
	return sscanf(text, "version: 0\ntopic_id: %22[A-Za-z0-9_-]", digits) == 1 &&
	       strlen(digits) == TEXT_DIGITS && decode(digits, id) &&
	       memcmp(id, none, sizeof(none)) != 0;
}

void topic_id_derive(const char *cluster_id, const char *name, uint8_t id[TOPIC_ID_BYTES])
{
	uint64_t hash = fnv_text(fnv_text(FNV_START, cluster_id), "/");

	for (int half = 0; half < 2; half++) {
		hash = fnv_text(hash, name);
		log_put64(id + 8 * half, hash);
	}
	/* Version 8 of RFC 9562: by rules of one's own. */
	id[6] = (id[6] & 0x0f) | 0x80;
	id[8] = (id[8] & 0x3f) | 0x80;
	if (id[0] >> 2 == MINUS)
		id[0] ^= 0x80;
}
