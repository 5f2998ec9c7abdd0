#include "metrics_list.h"

#include <inttypes.h>

const struct metric_info metric_list[METRICS] = {
#define METRIC(id, name_, type_, labels_, help_)                                                   \
	{.name = name_, .type = #type_, .labels = labels_, .help = help_},
#include "metrics.def"
#undef METRIC
};

void metric_head(FILE *out, enum metric m)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", metric_list[m].name, metric_list[m].help,
		metric_list[m].name, metric_list[m].type);
}

const char *metric_label(const char *value, char *text, size_t size)
{
	size_t at = 0;

	for (; *value && at + 3 < size; value++) {
		if (*value == '\\' || *value == '"' || *value == '\n')
			text[at++] = '\\';
		text[at++] = *value == '\n' ? 'n' : *value;
	}
	text[at] = '\0';
	return text;
}

void metric_single(FILE *out, enum metric m, uint64_t value)
{
	metric_head(out, m);
	fprintf(out, "%s %" PRIu64 "\n", metric_list[m].name, value);
}

void metric_single_seconds(FILE *out, enum metric m, uint64_t ns)
{
	metric_head(out, m);
	fprintf(out, "%s %.3f\n", metric_list[m].name, (double)ns / 1e9);
}
