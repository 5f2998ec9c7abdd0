/* Reads a config file: bytes, YAML events, document tree, and the whole way to a struct config. */
#include "config_load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_filter.h"
#include "config_keys.h"
#include "config_value.h"

enum { NESTING_MAX = 16 };

static const struct config_pos whole_file;

/* Reads at most CONFIG_FILE_MAX bytes of file into *text (free it). False: the report says why not.
 */
static bool read_file(const char *file, char **text, size_t *length, struct config_report *report)
{
	size_t room = CONFIG_FILE_MAX + 1, used = 0;
	char *buffer = malloc(room);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 || !buffer ? -1 : 1;

	while (n > 0 && used < room) {
		n = read(fd, buffer + used, room - used);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			used += (size_t)n;
	}
	if (n < 0)
		config_error(report, whole_file, "", "", "%s", strerror(errno));
	else if (used == room)
		config_error(report, whole_file, "", "more than 1MiB",
			     "a config file of at most 1MiB");
	if (fd >= 0)
		close(fd);
	if (n < 0 || used == room) {
		free(buffer);
		return false;
	}
	*text = buffer;
	*length = used;
	return true;
}

static struct config_pos pos_of(yaml_mark_t mark)
{
	return (struct config_pos){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1, false};
}

static struct config_pos pos_of_byte(const char *text, size_t length, size_t at)
{
	struct config_pos pos = {1, 1, false};

	for (size_t i = 0; i < at && i < length; i++) {
		pos.column++;
		if (text[i] == '\n') {
			pos.line++;
			pos.column = 1;
		}
	}
	return pos;
}

/* Does the indentation of this line hold a tab? The commonest way to write what is no YAML. */
static bool line_begins_with_tab(const char *text, size_t length, uint32_t line)
{
	size_t i = 0;

	for (; line > 1 && i < length; i++)
		line -= text[i] == '\n';
	while (i < length && text[i] == ' ')
		i++;
	return i < length && text[i] == '\t';
}

static void not_yaml(const yaml_parser_t *parser, const char *text, size_t length,
		     struct config_report *report)
{
	const char *problem = parser->problem ? parser->problem : "not YAML";
	struct config_pos pos = pos_of(parser->problem_mark);

	switch (parser->error) {
	case YAML_MEMORY_ERROR:
		config_error(report, whole_file, "", "no memory", "more of it");
		return;
	case YAML_READER_ERROR:
		config_error(report, pos_of_byte(text, length, parser->problem_offset), "", problem,
			     "UTF-8 text");
		return;
	default:
		break;
	}
	if (line_begins_with_tab(text, length, pos.line))
		config_error(report, pos, "", "a tab", "spaces: YAML does not indent with tabs");
	else if (parser->context)
		config_error(report, pos, "", "what is not YAML", "YAML: %s %s from line %zu on",
			     problem, parser->context, parser->context_mark.line + 1);
	else
		config_error(report, pos, "", "what is not YAML", "YAML: %s", problem);
}

static bool has_anchor_or_tag(const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	switch (event->type) {
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	default:
		break;
	}
	return anchor || tag;
}

/* False: this event is the last that is worth a look. */
static bool check_event(const yaml_event_t *event, unsigned *depth, unsigned *documents,
			struct config_report *report)
{
	struct config_pos pos = pos_of(event->start_mark);

	if (event->type == YAML_DOCUMENT_START_EVENT && ++*documents > 1) {
		config_error(report, pos, "", "a second document",
			     "one document: remove the line '---'");
		return false;
	}
	if (event->type == YAML_ALIAS_EVENT) {
		config_error(report, pos, "", "an alias (*name)",
			     "the value itself: anchors and aliases are not supported");
	} else if (has_anchor_or_tag(event)) {
		config_error(report, pos, "", "an anchor (&name) or a tag (!name)",
			     "the value alone: anchors and tags are not supported");
	}
	if (event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT)
		++*depth;
	if (event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT)
		--*depth;
	if (*depth > NESTING_MAX) {
		config_error(report, pos, "", "too deep a nesting", "at most %d levels",
			     NESTING_MAX);
		return false;
	}
	return true;
}

/* Looks at the events alone, before a tree is built of them. */
static bool check_events(const char *text, size_t length, unsigned *documents,
			 struct config_report *report)
{
	unsigned depth = 0, before = report->errors;
	bool more = true;
	yaml_parser_t parser;
	yaml_event_t event;

	*documents = 0;
	if (!yaml_parser_initialize(&parser))
		return false;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	while (more) {
		if (!yaml_parser_parse(&parser, &event)) {
			not_yaml(&parser, text, length, report);
			break;
		}
		more = event.type != YAML_STREAM_END_EVENT &&
		       check_event(&event, &depth, documents, report);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return report->errors == before;
}

/*
 * Loads the one document of the text. False: the report has the reason. *empty: there is none;
 * nothing is to be deleted then. Refused here: what is no YAML, a second document, anchors, aliases
 * and tags, nesting deeper than any key.
 */
static bool load_document(const char *text, size_t length, yaml_document_t *document, bool *empty,
			  struct config_report *report)
{
	unsigned documents;
	yaml_parser_t parser;
	bool ok;

	*empty = false;
	if (!check_events(text, length, &documents, report))
		return false;
	if (documents == 0) {
		*empty = true;
		return true;
	}
	if (!yaml_parser_initialize(&parser))
		return false;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	ok = yaml_parser_load(&parser, document) != 0;
	if (!ok)
		not_yaml(&parser, text, length, report);
	yaml_parser_delete(&parser);
	return ok;
}

static void set_default(const struct config_key *key, void *base)
{
	char text[64], hint[256];
	size_t n;

	if (!key->dflt || strcmp(key->dflt, "[]") == 0)
		return;
	/* The table shows quotes where a file needs them. */
	snprintf(text, sizeof(text), "%s", key->dflt[0] == '"' ? key->dflt + 1 : key->dflt);
	n = strlen(text);
	if (n && text[n - 1] == '"')
		text[n - 1] = 0;
	config_value_parse(key, text, (char *)base + key->offset, hint, sizeof(hint));
}

void config_set_defaults(const char *prefix, void *base)
{
	size_t n = strlen(prefix);

	for (unsigned i = 0; i < config_keys_count; i++)
		if (n ? strncmp(config_keys[i].path, prefix, n) == 0
		      : strchr(config_keys[i].path, '[') == NULL)
			set_default(&config_keys[i], base);
}

struct config *config_parse(const char *text, size_t length, const char *file,
			    struct config_report *report)
{
	struct config *config = calloc(1, sizeof(*config));
	yaml_document_t document;
	bool empty;

	if (!report->file[0])
		snprintf(report->file, sizeof(report->file), "%s", file);
	if (!config) {
		config_error(report, whole_file, "", "no memory", "more of it");
		return NULL;
	}
	config_set_defaults("", config);
	if (load_document(text, length, &document, &empty, report)) {
		config_check_document(empty ? NULL : &document, config, report);
		if (!empty)
			yaml_document_delete(&document);
		config_cross_check(config, report);
		config_filter_check(config, report);
	}
	if (report->errors) {
		config_free(config);
		return NULL;
	}
	return config;
}

struct config *config_load(const char *file, struct config_report *report)
{
	struct config *config;
	char *text;
	size_t length;

	if (!report->file[0])
		snprintf(report->file, sizeof(report->file), "%s", file);
	if (!read_file(file, &text, &length, report))
		return NULL;
	config = config_parse(text, length, file, report);
	free(text);
	return config;
}

void config_free(struct config *config)
{
	free(config);
}
