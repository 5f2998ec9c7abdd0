/* weir replay: a program of its own, weir-replay, since it needs DPDK. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "supervise.h"
#include "weir.h"

int cmd_replay(int argc, char **argv)
{
	char program[512];

	(void)argc;
	if (supervise_find_program("replay", program, sizeof(program)) < 0) {
		fprintf(stderr, "weir replay: weir-replay is not installed beside this program\n");
		return WEIR_FAILED;
	}
	execv(program, argv);
	fprintf(stderr, "weir replay: %s: %s\n", program, strerror(errno));
	return WEIR_FAILED;
}
