#include "check_plan.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_mbuf.h>

#include "api/plan.h"
#include "eal.h"
#include "rx_filter.h"

enum { CHECK_PLAN_FD = 3, CHECK_POOL = 15 };

/* 0: fine; 2: said why not. */
static int check_filter(const struct plan *plan, unsigned slot, struct rte_mempool *pool)
{
	const struct plan_stream *s = &plan->streams[slot];
	struct rx_filter filter;
	char err[256];

	if (rx_filter_create(&filter, plan->filter_insns + s->filter_first, s->filter_insns, err,
			     sizeof(err)) < 0) {
		printf("%u: %s\n", slot, err);
		return 2;
	}
	int rc = rx_filter_self_test(&filter, plan->filter_insns + s->filter_first, pool);
	if (rc < 0)
		printf("%u: DPDK and libpcap disagree about this filter\n", slot);
	rx_filter_destroy(&filter);
	return rc < 0 ? 2 : 0;
}

static int check_all(const struct plan *plan)
{
	char err[512];
	int worst = 0;

	if (eal_start_small(err, sizeof(err)) < 0) {
		fprintf(stderr, "weir-dataplane: %s\n", err);
		return 1;
	}
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		"check", CHECK_POOL, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!pool)
		return 1;
	for (unsigned slot = 0; slot < plan->streams_max; slot++)
		if (plan->streams[slot].used && plan->streams[slot].filter_insns &&
		    check_filter(plan, slot, pool))
			worst = 2;
	fflush(stdout);
	eal_stop();
	return worst;
}

int check_plan(void)
{
	char err[512];
	const struct plan *plan = plan_map(CHECK_PLAN_FD, err, sizeof(err));

	if (!plan) {
		fprintf(stderr, "weir-dataplane: descriptor %d: %s\n", CHECK_PLAN_FD, err);
		return 1;
	}
	/* In a child: a filter that crashes the JIT must not look like a broken Weir. */
	pid_t child = fork();
	if (child < 0)
		return 1;
	if (child == 0)
		_exit(check_all(plan));
	int status;
	if (waitpid(child, &status, 0) < 0)
		return 1;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	printf("0: a filter of this plan crashes DPDK's JIT (signal %d)\n", WTERMSIG(status));
	return 2;
}
