#include "rates.h"

#include <stdio.h>

static const char *short_number(double value, char text[16])
{
	static const char *const units[] = {"", "k", "M", "G", "T"};
	int unit = 0;

	while (value >= 999.5 && unit < 4) {
		value /= 1000;
		unit++;
	}
	snprintf(text, 16, unit && value < 99.95 ? "%.1f%s" : "%.0f%s", value, units[unit]);
	return text;
}

static double per_second(uint64_t now, uint64_t before, double seconds)
{
	return now > before ? (double)(now - before) / seconds : 0;
}

bool rates_line(struct rates *r, const struct status *st, uint64_t mono_ns, char *line, size_t size)
{
	struct rates now = {
		.known = st->run_state == STATE_RUNNING,
		.at_ns = mono_ns,
		.received = st->packets.received,
		.received_bytes = st->packets.received_bytes,
		.stored = st->events.rows[EVENT_stored],
		.shed = st->events.rows[EVENT_shed],
		.started_ns = st->started_ns,
	};
	/* The first look soon after a fresh start: all that is there came since then. */
	if (!r->known && now.known && st->starts == 1 && st->uptime_ns < 2000000000u &&
	    st->uptime_ns < mono_ns)
		*r = (struct rates){.known = true,
				    .at_ns = mono_ns - st->uptime_ns,
				    .started_ns = now.started_ns};
	bool have = r->known && now.known && r->started_ns == now.started_ns && mono_ns > r->at_ns;

	if (have) {
		double s = (double)(mono_ns - r->at_ns) / 1e9;
		char packets[16], bits[16], events[16], shed[16], total[16], lost[16];
		snprintf(line, size,
			 "%s packets/s  %sbit/s  %s events/s stored  %s shed/s | %s packets, %s "
			 "events "
			 "shed in all",
			 short_number(per_second(now.received, r->received, s), packets),
			 short_number(8 * per_second(now.received_bytes, r->received_bytes, s),
				      bits),
			 short_number(per_second(now.stored, r->stored, s), events),
			 short_number(per_second(now.shed, r->shed, s), shed),
			 short_number((double)now.received, total),
			 short_number((double)now.shed, lost));
	}
	*r = now;
	return have;
}
