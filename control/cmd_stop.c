/* weir stop: asks the running control to stop the dataplane cleanly. */
#include "cmd_ask.h"
#include "weir.h"

enum { STOP_TIMEOUT_S = 90 };

int cmd_stop(int argc, char **argv)
{
	return cmd_ask(
		argc, argv, "stop", STOP_TIMEOUT_S,
		"Stops Weir cleanly: takes the packets that are there, makes all durable, ends.\n"
		"Returns when that is done.\n");
}
