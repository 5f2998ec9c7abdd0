/* What the command lines of `weir replay` and `weir loadtest` read: values, and what is said of
 * wrong ones. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/config.h"
#include "control/config_keys.h"
#include "pace.h"
#include "rewrite.h"

#define OPTIONS_POSITIVE_MIN 1e-9
#define OPTIONS_NUMBER_MAX   1e18

/* "0", "1.5", "2Mpps": a number with an optional fraction, and what is behind it; the second wants
 * it to be above 0. Within these limits. */
bool options_parse_number(const char *text, double *value, const char **rest);
bool options_parse_positive(const char *text, double *value, const char **rest);

/* "2Mpps", "10Gbps", "500pps": packets or bits a second. */
bool options_parse_rate(const char *text, struct pace_spec *pace);

/* "10.20.0.5", "10.20.0.5:514", "fd80::5", "[fd80::5]:514" */
bool options_parse_destination(const char *text, struct rewrite_to *to);

/* "02:00:00:00:00:01" */
bool options_parse_mac(const char *text, uint8_t *mac);

/* "2,4-5" */
bool options_parse_cores(const char *text, struct config_cpus *cpus);

/* Whether this process may run on all of them; where it may: "0-1,4". */
bool options_cores_are_there(const struct config_cpus *cpus, char *there, size_t there_size);

/* As in the config file: a number, a size, a duration. */
bool options_parse_value(enum config_type type, const char *text, uint64_t min, uint64_t max,
			 uint64_t *value);

/* Say what is wrong, on stderr; return WEIR_USAGE. The second: "--rate: found 'x', expected ..." */
__attribute__((format(printf, 2, 3))) int options_wrong(const char *command, const char *format,
							...);
int options_expected(const char *command, const char *option, const char *found, const char *what);

/* The same, of what getopt has told already. */
int options_unknown(const char *command);
