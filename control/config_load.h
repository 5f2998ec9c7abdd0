/* Text to libyaml's document tree, once nothing in it can surprise us. Private to the config. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "config.h"

/* The defaults of all keys below prefix ("ports[]", "streams[]"), or of those outside of lists
 * (""). */
void config_set_defaults(const char *prefix, void *base);

/* config_check.c: walks the tree into config. */
void config_check_document(yaml_document_t *document, struct config *config,
			   struct config_report *report);

/* config_cross.c: what only several keys together can get wrong. */
void config_cross_check(struct config *config, struct config_report *report);
