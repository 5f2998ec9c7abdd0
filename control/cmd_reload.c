/* weir reload: asks the running control to read its config again. */
#include "cmd_ask.h"
#include "weir.h"

enum { RELOAD_TIMEOUT_S = 60 };

int cmd_reload(int argc, char **argv)
{
	return cmd_ask(argc, argv, "reload", RELOAD_TIMEOUT_S,
		       "Reads the config file again and applies it without losing a packet: "
		       "streams, filters,\n"
		       "linger, compression, sync, retention, idle. Prints what changed. What "
		       "needs a restart\n"
		       "is refused by name, and then nothing changes.\n");
}
