/*
 * Topic ids: those in Kafka's own file partition.metadata ("version: 0", "topic_id: " and 22 digits
 * of base64url), which the dataplane writes once for each stream and a broker writes too. For a
 * directory without one, an id that follows from cluster and name, so it is the same on every
 * start.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { TOPIC_ID_BYTES = 16 };

/* From a partition's directory. False: no such file, or no id in it. */
bool topic_id_read(int dir_fd, uint8_t id[TOPIC_ID_BYTES]);

/* Never the zeros that mean "none", and as text never with '-' in front, which Kafka's command line
 * would take for an option. */
void topic_id_derive(const char *cluster_id, const char *name, uint8_t id[TOPIC_ID_BYTES]);
