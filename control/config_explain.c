/* The table of keys for people: finding a key, what it takes, --explain, docs/config.md. */
#include <stdarg.h>
#include <string.h>

#include "config.h"
#include "config_keys.h"
#include "config_value.h"

unsigned config_key_index(const struct config_key *key)
{
	return (unsigned)(key - config_keys);
}

const struct config_key *config_key_find(const char *path)
{
	for (unsigned i = 0; i < config_keys_count; i++)
		if (strcmp(config_keys[i].path, path) == 0)
			return &config_keys[i];
	return NULL;
}

/* "streams[3].name" and "streams[].name" become "streams.name". */
static void without_indices(const char *path, char *out, size_t size)
{
	size_t o = 0;

	for (; *path && o + 1 < size; path++) {
		if (*path == '[' && strchr(path, ']'))
			path = strchr(path, ']');
		else
			out[o++] = *path;
	}
	out[o] = 0;
}

const struct config_key *config_key_lookup(const char *text)
{
	char wanted[CONFIG_PATH_TEXT], path[CONFIG_PATH_TEXT];
	const struct config_key *by_suffix = NULL;
	unsigned suffixes = 0;

	without_indices(text, wanted, sizeof(wanted));
	for (unsigned i = 0; i < config_keys_count; i++) {
		size_t n, w = strlen(wanted);
		without_indices(config_keys[i].path, path, sizeof(path));
		if (strcmp(path, wanted) == 0)
			return &config_keys[i];
		n = strlen(path);
		if (n > w && path[n - w - 1] == '.' && strcmp(path + n - w, wanted) == 0) {
			by_suffix = &config_keys[i];
			suffixes++;
		}
	}
	return suffixes == 1 ? by_suffix : NULL;
}

static const char *last_part(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot ? dot + 1 : path;
}

static bool is_below(const char *path, const char *parent)
{
	size_t n = strlen(parent);

	if (n == 0)
		return strchr(path, '.') == NULL;
	return strncmp(path, parent, n) == 0 && path[n] == '.' && !strchr(path + n + 1, '.');
}

unsigned config_text_distance(const char *a, const char *b)
{
	unsigned d[34][34];
	size_t n = strlen(a), m = strlen(b);

	if (n > 32 || m > 32)
		return 99;
	for (unsigned i = 0; i <= n; i++)
		for (unsigned j = 0; j <= m; j++) {
			unsigned best;
			if (i == 0 || j == 0) {
				d[i][j] = i + j;
				continue;
			}
			best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[n][m];
}

const struct config_key *config_key_nearest(const char *parent, const char *written)
{
	const struct config_key *best = NULL;
	unsigned best_cost = 99, limit = (unsigned)strlen(written) / 3;

	limit = limit ? limit : 1;
	for (unsigned i = 0; i < config_keys_count; i++) {
		const struct config_key *key = &config_keys[i];
		unsigned cost = config_text_distance(written, last_part(key->path));
		if (cost > limit)
			continue;
		/* A sibling misspelt is likelier than a key in the wrong place. */
		cost = cost * 2 + (is_below(key->path, parent) ? 0 : 3);
		if (cost < best_cost) {
			best_cost = cost;
			best = key;
		}
	}
	return best;
}

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size,
							 const char *format, ...)
{
	size_t used = strlen(text);
	va_list ap;

	va_start(ap, format);
	vsnprintf(text + used, size - used, format, ap);
	va_end(ap);
}

static void append_words(const struct config_key *key, char *text, size_t size)
{
	for (unsigned i = 0; key->words[i].name; i++)
		append(text, size, "%s%s", i ? ", " : "", key->words[i].name);
}

static void append_keys_below(const struct config_key *key, char *text, size_t size)
{
	char parent[CONFIG_PATH_TEXT];
	unsigned n = 0;

	snprintf(parent, sizeof(parent), "%s%s", key->path, key->type == CONFIG_MAPS ? "[]" : "");
	for (unsigned i = 0; i < config_keys_count; i++)
		if (is_below(config_keys[i].path, parent))
			append(text, size, "%s%s", n++ ? ", " : "", last_part(config_keys[i].path));
}

void config_key_expected_element(const struct config_key *key, char *text, size_t size)
{
	text[0] = 0;
	append(text, size, "a map with the keys ");
	append_keys_below(key, text, size);
}

static void append_range(const struct config_key *key, char *text, size_t size)
{
	char min[32], max[32];

	if (key->type == CONFIG_SIZE) {
		config_size_text(key->min, min, sizeof(min));
		config_size_text(key->max, max, sizeof(max));
		append(text, size, "a size from %s to %s", min, max);
	} else if (key->type == CONFIG_DURATION) {
		config_duration_text(key->min, min, sizeof(min));
		config_duration_text(key->max, max, sizeof(max));
		append(text, size, "a duration from %s to %s", min, max);
	} else {
		append(text, size, "a whole number from %llu to %llu", (unsigned long long)key->min,
		       (unsigned long long)key->max);
	}
	if (key->special)
		append(text, size, ", or %s", key->special);
	if (key->type != CONFIG_NUMBER)
		append(text, size, ", such as %s", key->example);
}

void config_key_expected(const struct config_key *key, char *text, size_t size)
{
	text[0] = 0;
	switch ((enum config_type)key->type) {
	case CONFIG_MAP:
		append(text, size, "a map with the keys ");
		append_keys_below(key, text, size);
		break;
	case CONFIG_MAPS:
		append(text, size, "a list of 1 to %u maps with the keys ", (unsigned)key->max);
		append_keys_below(key, text, size);
		break;
	case CONFIG_TEXT:
		append(text, size, "a text of 1 to %d bytes, such as %s", key->size - 1,
		       key->example);
		break;
	case CONFIG_NAME:
		append(text, size, "1 to %d letters, digits, '.', '_', '-'", PLAN_NAME_MAX - 1);
		break;
	case CONFIG_DEVICE:
		append(text, size,
		       "a PCI address such as \"0000:3b:00.0\", or a DPDK virtual device such as "
		       "\"net_af_packet0,iface=eth1\"");
		break;
	case CONFIG_PATH:
	case CONFIG_FILE:
		append(text, size, "a %s of 1 to %d bytes, such as %s",
		       key->type == CONFIG_FILE ? "file" : "directory", PLAN_PATH_MAX - 1,
		       key->example);
		break;
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
		append_range(key, text, size);
		break;
	case CONFIG_WORD:
		if (strcmp(key->words[0].name, "false") == 0) {
			append(text, size, "true or false");
			break;
		}
		append(text, size, "one of ");
		append_words(key, text, size);
		break;
	case CONFIG_WORDS:
		append(text, size, "one or a list of ");
		append_words(key, text, size);
		break;
	case CONFIG_CPUS:
		append(text, size, "processor numbers from 0, such as %s or 2-5", key->example);
		break;
	case CONFIG_UDP_PORTS:
		append(text, size,
		       "UDP ports from 1 to 65535, such as 514, 9995-9999, [2055, 9995-9999], "
		       "or any");
		break;
	case CONFIG_CIDRS:
		append(text, size, "addresses with their prefix length, such as %s", key->example);
		break;
	case CONFIG_GROUPS:
		append(text, size, "multicast addresses, such as [239.1.1.1, \"ff3e::1\"]");
		break;
	case CONFIG_ARGS:
		append(text, size, "arguments of %d bytes in all, such as %s",
		       PLAN_EAL_ARGS_MAX - 2, key->example);
		break;
	case CONFIG_LISTEN:
		append(text, size,
		       "ADDRESS:PORT such as \"127.0.0.1:9600\" or \"[::1]:9600\", "
		       "or off");
		break;
	case CONFIG_HOST:
		append(text, size, "HOST:PORT such as %s or \"[fd00::5]:9092\"", key->example);
		break;
	}
}

static const char *reload_text(const struct config_key *key)
{
	if (key->later)
		return "not in use yet: accepted and checked";
	return key->reload ? "a reload changes it" : "needs a restart";
}

void config_key_explain(const struct config_key *key, FILE *out)
{
	char expected[640];

	config_key_expected(key, expected, sizeof(expected));
	fprintf(out, "%s%s\n  %s\n\n", key->path, key->required ? " (required)" : "", key->why);
	fprintf(out, "  takes    %s\n", expected);
	if (key->dflt)
		fprintf(out, "  default  %s\n", key->dflt);
	if (key->example)
		fprintf(out, "  example  %s: %s\n", last_part(key->path), key->example);
	fprintf(out, "  change   %s\n", reload_text(key));
}

void config_keys_markdown(FILE *out)
{
	char expected[640];

	fprintf(out, "# Config\n\n"
		     "<!-- Generated by `weir check --keys-markdown`; a test compares. -->\n\n"
		     "One YAML file; [config/weir.yaml](../config/weir.yaml) has every key in its "
		     "place.\n"
		     "`weir check FILE` reports every error in a file, `weir check --explain KEY` "
		     "tells of\n"
		     "one key what stands here.\n\n"
		     "Sizes take `B`, `kB`, `MB`, `GB`, `TB` (powers of 1000) and `KiB`, `MiB`, "
		     "`GiB`, `TiB`\n"
		     "(powers of 1024); a bare number is bytes. Durations take `ns`, `us`, `ms`, "
		     "`s`, `min`, `h`,\n"
		     "`d`, `w`. Where a list is taken, one value may stand without brackets. "
		     "Anchors, aliases,\n"
		     "tags and several documents in a file are refused.\n");
	for (unsigned i = 0; i < config_keys_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (!strchr(key->path, '.'))
			fprintf(out, "\n## %s\n\n", key->path);
		else
			fprintf(out, "\n### %s\n\n", key->path);
		config_key_expected(key, expected, sizeof(expected));
		fprintf(out, "%s\n\n- takes: %s%s\n", key->why, expected,
			key->required ? " (required)" : "");
		if (key->dflt)
			fprintf(out, "- default: `%s`\n", key->dflt);
		if (key->example)
			fprintf(out, "- example: `%s: %s`\n", last_part(key->path), key->example);
		fprintf(out, "- %s\n", reload_text(key));
	}
}
