#include "telemetry.h"

#include <stdio.h>

#include <rte_telemetry.h>

static const struct state *telemetry_state;

static int ledger(const char *cmd, const char *params, struct rte_tel_data *d)
{
	const struct state *s = telemetry_state;
	uint64_t received = 0, rows[LEDGER_ROWS] = {0};
	char name[64];

	for (unsigned lane = 0; lane < s->lanes; lane++)
		for (unsigned port = 0; port < s->ports; port++) {
			struct state_rx_copy copy;

			state_read_rx(s, lane, port, &copy);
			received += copy.received;
			for (unsigned row = 0; row < LEDGER_ROWS; row++)
				rows[row] += copy.ledger[row];
		}
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_u64(d, "received", received);
	for (unsigned row = 0; row < LEDGER_ROWS; row++) {
		/* Names may only have letters, digits, '_' and '/'. */
		snprintf(name, sizeof(name), "%s/%s", ledger_info[row].term,
			 ledger_info[row].cause);
		rte_tel_data_add_dict_u64(d, name, rows[row]);
	}
	return 0;
}

static int partitions(const char *cmd, const char *params, struct rte_tel_data *d)
{
	const struct state *s = telemetry_state;

	rte_tel_data_start_array(d, RTE_TEL_CONTAINER);
	for (unsigned slot = 0; slot < s->streams_max; slot++)
		for (unsigned i = 0; i < state_partition_rows(s); i++) {
			struct state_partition *p = state_partition(s, i, slot);

			if (!atomic_load(&p->open))
				continue;
			struct rte_tel_data *one = rte_tel_data_alloc();
			if (!one)
				return 0;
			rte_tel_data_start_dict(one);
			rte_tel_data_add_dict_string(one, "stream", state_stream(s, slot)->name);
			rte_tel_data_add_dict_int(one, "partition", (int)i);
			rte_tel_data_add_dict_u64(one, "log_start", state_load(&p->log_start));
			rte_tel_data_add_dict_u64(one, "log_end", state_load(&p->log_end));
			rte_tel_data_add_dict_u64(one, "durable_end", state_load(&p->durable_end));
			rte_tel_data_add_dict_u64(one, "visible_end", state_load(&p->visible_end));
			if (rte_tel_data_add_array_container(d, one, 0) < 0) {
				rte_tel_data_free(one); /* the socket's array is full */
				return 0;
			}
		}
	return 0;
}

static int lanes(const char *cmd, const char *params, struct rte_tel_data *d)
{
	const struct state *s = telemetry_state;

	rte_tel_data_start_array(d, RTE_TEL_CONTAINER);
	for (unsigned i = 0; i < s->lanes; i++) {
		const struct state_lane *lane = state_lane(s, i);
		struct rte_tel_data *one = rte_tel_data_alloc();

		if (!one)
			return 0;
		rte_tel_data_start_dict(one);
		rte_tel_data_add_dict_int(one, "lane", (int)i);
		rte_tel_data_add_dict_u64(one, "polls", state_load(&lane->polls));
		rte_tel_data_add_dict_u64(one, "polls_empty", state_load(&lane->polls_empty));
		rte_tel_data_add_dict_u64(one, "cycles_busy", state_load(&lane->cycles_busy));
		rte_tel_data_add_dict_u64(one, "cycles_idle", state_load(&lane->cycles_idle));
		rte_tel_data_add_dict_u64(one, "slabs_short", state_load(&lane->slabs_short));
		rte_tel_data_add_array_container(d, one, 0);
	}
	return 0;
}

int telemetry_register(const struct state *state)
{
	telemetry_state = state;
	int rc = rte_telemetry_register_cmd("/weir/ledger", ledger,
					    "Where every received packet ended. No parameters.");
	if (rc == 0)
		rc = rte_telemetry_register_cmd("/weir/partitions", partitions,
						"Offsets of every partition. No parameters.");
	if (rc == 0)
		rc = rte_telemetry_register_cmd("/weir/lanes", lanes,
						"Polls and cycles of every lane. No parameters.");
	return rc;
}
