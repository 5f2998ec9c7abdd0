/* A plan that is right but for some bytes: plan_check() takes it or says why not, and whatever it
 * takes is safe to look through. Input: a row of (offset: 4 bytes, value: 1 byte). */
#include <stdlib.h>
#include <string.h>

#include "dataplane/api/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void good_plan(struct plan *plan)
{
	memset(plan, 0, sizeof(*plan));
	plan->magic = PLAN_MAGIC;
	plan->version = PLAN_VERSION;
	plan->size_bytes = sizeof(*plan);
	plan->generation = 1;
	strcpy(plan->run_dir, "/run/weir");
	strcpy(plan->storage_path, "/var/lib/weir");
	plan->memory_mib = 64;
	plan->ports_count = plan->lanes_count = plan->cores_count = 1;
	plan->streams_max = 4;
	plan->main_cpu = PLAN_CPU_ANY;
	plan->write_depth = 4;
	plan->burst = 32;
	strcpy(plan->ports[0].name, "p");
	strcpy(plan->ports[0].device, "net_null0");
	plan->ports[0].queues = 1;
	plan->ports[0].rx_descriptors = 512;
	plan->ports[0].mbufs = 4096;
	plan->ports[0].mbuf_room_bytes = 2048;
	plan->cores[0].cpu = PLAN_CPU_ANY;
	plan->lanes[0].slabs = 8;
	plan->lanes[0].slab_bytes = plan_slab_bytes(65536);
	strcpy(plan->streams[0].name, "s");
	plan->streams[0].used = plan->streams[0].known = plan->streams[0].catch_all = 1;
	plan->streams[0].batch_bytes = 65536;
	plan->streams[0].segment_bytes = 1 << 30;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct plan good, *plan;
	char err[256];
	uint32_t offset;

	if (!plan) {
		good_plan(&good);
		plan = malloc(sizeof(*plan));
		if (!plan || plan_check(&good, sizeof(good), err, sizeof(err)) != 0)
			abort();
	}
	memcpy(plan, &good, sizeof(good));
	for (; size >= 5; input += 5, size -= 5) {
		memcpy(&offset, input, sizeof(offset));
		((uint8_t *)plan)[offset % sizeof(*plan)] = input[4];
	}
	if (plan_check(plan, sizeof(*plan) - (size ? input[0] : 0), err, sizeof(err)) == 0) {
		(void)plan_stream_slot(plan, "s");
		(void)plan_may_follow(&good, plan, err, sizeof(err));
	}
	return 0;
}
