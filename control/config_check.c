/* The document tree against the table of keys: every node has a key, every key its kind and type.
 */
#include <string.h>

#include "config_keys.h"
#include "config_load.h"
#include "config_value.h"

struct walk {
	yaml_document_t *document;
	struct config *config;
	struct config_report *report;
};

/* Where a map of the file puts its values. */
struct target {
	const char *pattern; /* path in the table: "streams[].retention" */
	const char *path;    /* path in the file: "streams[3].retention" */
	char *base;	     /* struct config, config_port or config_stream */
	struct config_pos *pos;
	bool seen[CONFIG_KEYS_MAX];
};

static struct config_pos pos_of(const yaml_node_t *node)
{
	return (struct config_pos){(uint32_t)node->start_mark.line + 1,
				   (uint32_t)node->start_mark.column + 1, false};
}

static const char *scalar(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

static bool is_null(const yaml_node_t *node)
{
	const char *text;

	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	text = scalar(node);
	return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

static const char *found(const yaml_node_t *node, char *text, size_t size)
{
	if (node->type == YAML_MAPPING_NODE)
		return "a map";
	if (node->type == YAML_SEQUENCE_NODE)
		return node->data.sequence.items.start == node->data.sequence.items.top
			       ? "an empty list"
			       : "a list";
	if (is_null(node))
		return "nothing";
	return config_quote(scalar(node), node->data.scalar.length, text, size);
}

static void refuse(struct walk *walk, const struct config_key *key, const yaml_node_t *node,
		   const char *path, const char *hint)
{
	char expected[600], text[128];

	config_key_expected(key, expected, sizeof(expected));
	config_error(walk->report, pos_of(node), path, found(node, text, sizeof(text)), "%s%s%s",
		     expected, hint[0] ? ": " : "", hint);
}

static void refuse_element(struct walk *walk, const struct config_key *key, const yaml_node_t *node,
			   const char *path)
{
	char expected[600], text[128];

	config_key_expected_element(key, expected, sizeof(expected));
	config_error(walk->report, pos_of(node), path, found(node, text, sizeof(text)), "%s",
		     expected);
}

static bool take_scalar(struct walk *walk, const struct config_key *key, const yaml_node_t *node,
			const char *path, char *base)
{
	char hint[256] = "";

	if (node->type == YAML_SCALAR_NODE && !is_null(node) &&
	    strlen(scalar(node)) == node->data.scalar.length &&
	    config_value_parse(key, scalar(node), base + key->offset, hint, sizeof(hint)))
		return true;
	refuse(walk, key, node, path, hint);
	return false;
}

static bool takes_list(const struct config_key *key)
{
	switch ((enum config_type)key->type) {
	case CONFIG_WORDS:
	case CONFIG_CPUS:
	case CONFIG_UDP_PORTS:
	case CONFIG_CIDRS:
	case CONFIG_GROUPS:
	case CONFIG_ARGS:
		return true;
	default:
		return false;
	}
}

/* One value, or a list of them where the key takes one. */
static bool take_value(struct walk *walk, const struct config_key *key, const yaml_node_t *node,
		       const char *path, char *base)
{
	yaml_node_item_t *item;
	unsigned i = 0;
	bool ok = true;
	long items;
	char hint[64];

	if (node->type != YAML_SEQUENCE_NODE || !takes_list(key))
		return take_scalar(walk, key, node, path, base);
	items = node->data.sequence.items.top - node->data.sequence.items.start;
	if (items < (long)key->min || items > (long)key->max) {
		snprintf(hint, sizeof(hint), "%ld are too many, at most %lu", items,
			 (unsigned long)key->max);
		refuse(walk, key, node, path, items ? hint : "");
		return false;
	}
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		char item_path[CONFIG_PATH_TEXT + 16];
		snprintf(item_path, sizeof(item_path), "%s[%u]", path, i++);
		ok &= take_scalar(walk, key, yaml_document_get_node(walk->document, *item),
				  item_path, base);
	}
	return ok;
}

static void walk_map(struct walk *walk, const yaml_node_t *node, struct target *target);

static void missing_keys(struct walk *walk, struct target *target, struct config_pos pos)
{
	size_t n = strlen(target->pattern);

	for (unsigned i = 0; i < config_keys_count; i++) {
		const struct config_key *key = &config_keys[i];
		char path[CONFIG_PATH_TEXT], expected[600];
		const char *last = key->path;

		if (!key->required || target->seen[i])
			continue;
		if (n && (strncmp(key->path, target->pattern, n) != 0 || key->path[n] != '.'))
			continue;
		last += n ? n + 1 : 0;
		if (strchr(last, '.'))
			continue;
		snprintf(path, sizeof(path), "%s%s%s", target->path, n ? "." : "", last);
		config_key_expected(key, expected, sizeof(expected));
		config_error(walk->report, pos, path, "nothing", "%s", expected);
	}
}

/* ports and streams: a list of maps, each into an element of its array. */
static void walk_list(struct walk *walk, const struct config_key *key, const yaml_node_t *node,
		      const char *path)
{
	bool ports = strcmp(key->path, "ports") == 0;
	unsigned *count = ports ? &walk->config->ports_count : &walk->config->streams_count;
	unsigned index = config_key_index(key);
	yaml_node_item_t *item;

	if (node->type != YAML_SEQUENCE_NODE ||
	    node->data.sequence.items.start == node->data.sequence.items.top) {
		refuse(walk, key, node, path,
		       node->type == YAML_MAPPING_NODE ? "begin each with '- '" : "");
		return;
	}
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		const yaml_node_t *map = yaml_document_get_node(walk->document, *item);
		char pattern[CONFIG_PATH_TEXT], item_path[CONFIG_PATH_TEXT];
		struct target target = {.pattern = pattern, .path = item_path};

		snprintf(pattern, sizeof(pattern), "%s[]", key->path);
		snprintf(item_path, sizeof(item_path), "%s[%u]", key->path, *count);
		if (*count == key->max) {
			config_error(walk->report, pos_of(map), item_path, "one too many",
				     "at most %u", (unsigned)key->max);
			return;
		}
		if (ports) {
			target.base = (char *)&walk->config->ports[*count];
			target.pos = walk->config->ports[*count].pos;
		} else {
			target.base = (char *)&walk->config->streams[*count];
			target.pos = walk->config->streams[*count].pos;
		}
		++*count;
		config_set_defaults(pattern, target.base);
		target.pos[index] = pos_of(map);
		if (map->type != YAML_MAPPING_NODE) {
			refuse_element(walk, key, map, item_path);
			target.pos[index].bad = true;
			continue;
		}
		walk_map(walk, map, &target);
	}
}

static void walk_submap(struct walk *walk, const struct config_key *key, const yaml_node_t *node,
			const char *path, struct target *parent)
{
	struct target target = {
		.pattern = key->path, .path = path, .base = parent->base, .pos = parent->pos};

	if (is_null(node))
		return; /* all of its keys are commented out */
	if (node->type == YAML_MAPPING_NODE)
		walk_map(walk, node, &target);
	else
		refuse(walk, key, node, path, "");
}

static void unknown_key(struct walk *walk, const yaml_node_t *node, const struct target *target,
			const char *path)
{
	const struct config_key *near = config_key_lookup(path); /* right, but in one word */

	if (!near)
		near = config_key_nearest(target->pattern, scalar(node));
	if (near && strcmp(near->path, path) == 0)
		config_error(walk->report, pos_of(node), path, "a key with a dot in it",
			     "a map for each part: %.*s: {%s: ...}", (int)strcspn(near->path, "."),
			     near->path, strchr(near->path, '.') + 1);
	else if (near)
		config_error(walk->report, pos_of(node), path, "an unknown key",
			     "a known one: did you mean %s?", near->path);
	else
		config_error(walk->report, pos_of(node), path, "an unknown key",
			     "a known one ('weir check --explain all' lists them)");
}

static void walk_pair(struct walk *walk, const yaml_node_t *name, const yaml_node_t *value,
		      struct target *target)
{
	char pattern[CONFIG_PATH_TEXT], path[CONFIG_PATH_TEXT], text[128];
	const struct config_key *key;
	unsigned index;

	if (name->type != YAML_SCALAR_NODE) {
		config_error(walk->report, pos_of(name), target->path,
			     found(name, text, sizeof(text)), "the name of a key");
		return;
	}
	snprintf(pattern, sizeof(pattern), "%s%s%s", target->pattern, target->pattern[0] ? "." : "",
		 scalar(name));
	snprintf(path, sizeof(path), "%s%s%.100s", target->path, target->path[0] ? "." : "",
		 scalar(name));
	key = config_key_find(pattern);
	if (!key || strlen(scalar(name)) != name->data.scalar.length ||
	    strpbrk(scalar(name), ".[")) {
		unknown_key(walk, name, target, path);
		return;
	}
	index = config_key_index(key);
	if (target->seen[index]) {
		config_error(walk->report, pos_of(name), path, "the key again",
			     "it once: it stands on line %u already", target->pos[index].line);
		return;
	}
	target->seen[index] = true;
	target->pos[index] =
		pos_of(key->type == CONFIG_MAP || key->type == CONFIG_MAPS ? name : value);
	if (key->type == CONFIG_MAP)
		walk_submap(walk, key, value, path, target);
	else if (key->type == CONFIG_MAPS)
		walk_list(walk, key, value, path);
	else
		target->pos[index].bad = !take_value(walk, key, value, path, target->base);
}

static void walk_map(struct walk *walk, const yaml_node_t *node, struct target *target)
{
	yaml_node_pair_t *pair;

	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
		walk_pair(walk, yaml_document_get_node(walk->document, pair->key),
			  yaml_document_get_node(walk->document, pair->value), target);
	missing_keys(walk, target, pos_of(node));
}

void config_check_document(yaml_document_t *document, struct config *config,
			   struct config_report *report)
{
	struct walk walk = {.document = document, .config = config, .report = report};
	struct target top = {.pattern = "", .path = "", .base = (char *)config, .pos = config->pos};
	yaml_node_t *root = document ? yaml_document_get_root_node(document) : NULL;
	char text[128];

	if (!root || is_null(root)) {
		config_error(report, (struct config_pos){1, 1, false}, "", "an empty file",
			     "a map with at least the keys ports and streams");
		return;
	}
	if (root->type != YAML_MAPPING_NODE) {
		config_error(report, pos_of(root), "", found(root, text, sizeof(text)),
			     "a map with at least the keys ports and streams");
		return;
	}
	walk_map(&walk, root, &top);
}
