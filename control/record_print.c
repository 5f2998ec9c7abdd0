#include "record_print.h"

#include <inttypes.h>
#include <stdbool.h>

/* Length of the UTF-8 sequence at p, 0 if there is none: overlong forms and surrogates are none. */
static size_t utf8_length(const uint8_t *p, size_t len)
{
	uint8_t c = p[0], low = 0x80, high = 0xbf;
	size_t n = c < 0x80		    ? 1
		   : c >= 0xc2 && c <= 0xdf ? 2
		   : (c & 0xf0) == 0xe0	    ? 3
		   : c >= 0xf0 && c <= 0xf4 ? 4
					    : 0;

	if (n > len)
		return 0;
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < n; i++) {
		if (p[i] < low || p[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return n;
}

static bool is_utf8(const uint8_t *p, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_length(p + i, len - i);
		if (n == 0)
			return false;
	}
	return true;
}

static void print_text(FILE *out, const uint8_t *p, size_t len)
{
	putc_unlocked('"', out);
	for (size_t i = 0; i < len; i++) {
		uint8_t c = p[i];

		if (c == '"' || c == '\\') {
			putc_unlocked('\\', out);
			putc_unlocked(c, out);
		} else if (c == '\n') {
			fputs("\\n", out);
		} else if (c == '\t') {
			fputs("\\t", out);
		} else if (c == '\r') {
			fputs("\\r", out);
		} else if (c < 0x20 || c == 0x7f) {
			fprintf(out, "\\u%04x", c);
		} else {
			putc_unlocked(c, out);
		}
	}
	putc_unlocked('"', out);
}

static void print_base64(FILE *out, const uint8_t *p, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	putc_unlocked('"', out);
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)(n > 1 ? p[i + 1] : 0) << 8 |
			     (n > 2 ? p[i + 2] : 0);

		putc_unlocked(digits[v >> 18], out);
		putc_unlocked(digits[v >> 12 & 63], out);
		putc_unlocked(n > 1 ? digits[v >> 6 & 63] : '=', out);
		putc_unlocked(n > 2 ? digits[v & 63] : '=', out);
	}
	putc_unlocked('"', out);
}

/* ,"name":"text" or ,"name_base64":"..." or ,"name":null */
static void print_member(FILE *out, const char *name, const uint8_t *p, int32_t len)
{
	if (len < 0) {
		fprintf(out, ",\"%s\":null", name);
	} else if (is_utf8(p, (size_t)len)) {
		fprintf(out, ",\"%s\":", name);
		print_text(out, p, (size_t)len);
	} else {
		fprintf(out, ",\"%s_base64\":", name);
		print_base64(out, p, (size_t)len);
	}
}

static bool header_is_text(const struct record_header *header)
{
	return header->value_len < 0 || is_utf8(header->value, (size_t)header->value_len);
}

/* A name that is not UTF-8, which Kafka does not allow, is read byte by byte, as Latin-1. */
static void print_header_name(FILE *out, const struct record_header *header)
{
	if (is_utf8(header->key, (size_t)header->key_len)) {
		print_text(out, header->key, (size_t)header->key_len);
		return;
	}
	putc_unlocked('"', out);
	for (int32_t i = 0; i < header->key_len; i++)
		fprintf(out, "\\u%04x", header->key[i]);
	putc_unlocked('"', out);
}

/* The headers whose values are text, or those whose values are not, as one object. */
static void print_headers(FILE *out, const struct record *rec, bool text, const char *name)
{
	struct record_header header;
	struct header_iter it;
	bool open = text;

	if (open)
		fprintf(out, ",\"%s\":{", name);
	bool first = true;
	header_iter_init(&it, rec);
	while (header_next(&it, &header)) {
		if (header_is_text(&header) != text)
			continue;
		if (!open)
			fprintf(out, ",\"%s\":{", name);
		open = true;
		if (!first)
			putc_unlocked(',', out);
		first = false;
		print_header_name(out, &header);
		putc_unlocked(':', out);
		if (!text)
			print_base64(out, header.value, (size_t)header.value_len);
		else if (header.value_len < 0)
			fputs("null", out);
		else
			print_text(out, header.value, (size_t)header.value_len);
	}
	if (open)
		putc_unlocked('}', out);
}

static void print_json(FILE *out, uint32_t partition, const struct record *rec)
{
	fprintf(out, "{\"partition\":%" PRIu32 ",\"offset\":%" PRId64 ",\"timestamp\":%" PRId64,
		partition, rec->offset, rec->timestamp_ms);
	print_member(out, "key", rec->key, rec->key_len);
	print_member(out, "value", rec->value, rec->value_len);
	print_headers(out, rec, true, "headers");
	print_headers(out, rec, false, "headers_base64");
	fputs("}\n", out);
}

static void print_hex(FILE *out, const struct record *rec)
{
	static const char digits[] = "0123456789abcdef";

	for (int32_t i = 0; i < rec->value_len; i++) {
		putc_unlocked(digits[rec->value[i] >> 4], out);
		putc_unlocked(digits[rec->value[i] & 15], out);
	}
	putc_unlocked('\n', out);
}

void record_print(FILE *out, enum record_format format, uint32_t partition,
		  const struct record *rec)
{
	switch (format) {
	case RECORD_JSON:
		print_json(out, partition, rec);
		break;
	case RECORD_VALUE:
		if (rec->value_len > 0)
			fwrite_unlocked(rec->value, 1, (size_t)rec->value_len, out);
		putc_unlocked('\n', out);
		break;
	case RECORD_HEX:
		print_hex(out, rec);
		break;
	}
}
