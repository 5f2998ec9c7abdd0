/*
 * What the commands that talk to the running control or read its state share: finding run_dir.
 */
#pragma once

#include <stddef.h>

/* The whole of `weir NAME [-c FILE | --run-dir DIR]`: sends NAME, shows the answer. */
int cmd_ask(int argc, char **argv, const char *name, unsigned timeout_s, const char *help);

/* run_dir from --run-dir, else from the config file, else the default. WEIR_OK, or the exit status
 * with the reason printed. Either may be NULL. */
int cmd_run_dir(const char *command, const char *run_dir, const char *config_path, char *out,
		size_t size);
