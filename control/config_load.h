/* Text to libyaml's document tree, once nothing in it can surprise us. Private to the config. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "config.h"

/* Reads at most CONFIG_FILE_MAX bytes of file into *text (free it). False: the report says why not.
 */
bool config_read_file(const char *file, char **text, size_t *length, struct config_report *report);

/*
 * Loads the one document of the text. False: the report has the reason. *empty: there is none;
 * nothing is to be deleted then. Refused here: what is no YAML, a second document, anchors, aliases
 * and tags, nesting deeper than any key.
 */
bool config_load_document(const char *text, size_t length, yaml_document_t *document, bool *empty,
			  struct config_report *report);

/* The defaults of all keys below prefix ("ports[]", "streams[]"), or of those outside of lists
 * (""). */
void config_set_defaults(const char *prefix, void *base);

/* config_check.c: walks the tree into config. */
void config_check_document(yaml_document_t *document, struct config *config,
			   struct config_report *report);

/* config_cross.c: what only several keys together can get wrong. */
void config_cross_check(struct config *config, struct config_report *report);
