/* weir replay, weir loadtest: a program of its own, weir-replay, since they need DPDK. It goes by
 * the name it is called by. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "supervise.h"
#include "weir.h"

static int run_replay(char **argv)
{
	char program[512];

	if (supervise_find_program("replay", program, sizeof(program)) < 0) {
		fprintf(stderr, "%s: weir-replay is not installed beside this program\n", argv[0]);
		return WEIR_FAILED;
	}
	execv(program, argv);
	fprintf(stderr, "%s: %s: %s\n", argv[0], program, strerror(errno));
	return WEIR_FAILED;
}

int cmd_loadtest(int argc, char **argv)
{
	(void)argc;
	return run_replay(argv);
}

int cmd_replay(int argc, char **argv)
{
	(void)argc;
	return run_replay(argv);
}
