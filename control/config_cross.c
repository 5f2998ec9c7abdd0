/* What only several keys together can get wrong. Values that were refused already are left out. */
#include <stdio.h>
#include <string.h>

#include "config_address.h"
#include "config_keys.h"
#include "config_load.h"
#include "config_value.h"
#include "dataplane/api/control_msg.h"

struct cross {
	struct config *config;
	struct config_report *report;
};

static unsigned index_of(const char *path)
{
	return config_key_index(config_key_find(path));
}

/* Given in the file, and not refused. */
static bool given(const struct config_pos *pos, const char *path)
{
	const struct config_pos *p = &pos[index_of(path)];

	return p->line != 0 && !p->bad;
}

static bool refused(const struct config_pos *pos, const char *path)
{
	return pos[index_of(path)].bad;
}

/* Where a key stands, or else (key not in the file) where its element begins. */
static struct config_pos place_of(const struct config_pos *pos, const char *path,
				  const char *element)
{
	struct config_pos p = pos[index_of(path)];

	return p.line ? p : pos[index_of(element)];
}

static void check_port_twins(struct cross *c, unsigned i)
{
	struct config_port *port = &c->config->ports[i];
	char key[64], found[PLAN_DEVICE_MAX + 2];
	size_t n = strcspn(port->device, ",");

	for (unsigned k = 0; k < i; k++) {
		const struct config_port *other = &c->config->ports[k];

		if (port->name[0] && strcmp(port->name, other->name) == 0) {
			snprintf(key, sizeof(key), "ports[%u].name", i);
			config_error(
				c->report, place_of(port->pos, "ports[].name", "ports"), key,
				config_quote(port->name, strlen(port->name), found, sizeof(found)),
				"a name of its own: ports[%u] on line %u has it", k,
				place_of(other->pos, "ports[].name", "ports").line);
		}
		if (n && strcspn(other->device, ",") == n &&
		    strncmp(port->device, other->device, n) == 0) {
			snprintf(key, sizeof(key), "ports[%u].device", i);
			config_error(c->report, place_of(port->pos, "ports[].device", "ports"), key,
				     config_quote(port->device, n, found, sizeof(found)),
				     "a device of its own: ports[%u] on line %u has it%s", k,
				     place_of(other->pos, "ports[].device", "ports").line,
				     port->is_pci ? "" : " (number them: net_pcap0, net_pcap1)");
		}
	}
}

static void check_port(struct cross *c, unsigned i)
{
	struct config_port *port = &c->config->ports[i];
	char key[64], found[32];
	uint64_t least;

	if (!port->name[0] && !refused(port->pos, "ports[].name"))
		snprintf(port->name, sizeof(port->name), "port%u", i);
	port->is_pci = config_pci_address(port->device, NULL);
	check_port_twins(c, i);
	if (given(port->pos, "ports[].queues") && given(c->config->pos, "lanes.count") &&
	    c->config->lanes.count && port->queues > c->config->lanes.count) {
		snprintf(key, sizeof(key), "ports[%u].queues", i);
		snprintf(found, sizeof(found), "%llu", (unsigned long long)port->queues);
		config_error(c->report, place_of(port->pos, "ports[].queues", "ports"), key, found,
			     "at most %llu: a queue needs a lane (lanes.count on line %u)",
			     (unsigned long long)c->config->lanes.count,
			     c->config->pos[index_of("lanes.count")].line);
	}
	least = port->rx_descriptors + c->config->lanes.burst;
	if (given(port->pos, "ports[].mbufs") && port->mbufs && port->rx_descriptors &&
	    port->mbufs < least) {
		snprintf(key, sizeof(key), "ports[%u].mbufs", i);
		snprintf(found, sizeof(found), "%llu", (unsigned long long)port->mbufs);
		config_error(c->report, place_of(port->pos, "ports[].mbufs", "ports"), key, found,
			     "more than rx_descriptors and lanes.burst together (%llu)",
			     (unsigned long long)least);
	}
}

/* Does an earlier range of ports take all that this one does? */
static bool covered(const struct config *config, unsigned stream, struct plan_listen range,
		    unsigned *by)
{
	unsigned port = range.first;

	/* Goes up from port to port, over each earlier range that holds it. */
	while (port <= range.last) {
		unsigned next = port;
		for (unsigned k = 0; k < stream; k++) {
			const struct config_udp_ports *udp = &config->streams[k].udp;
			for (unsigned r = 0; r < udp->count; r++)
				if (udp->list[r].first <= next && next <= udp->list[r].last) {
					next = udp->list[r].last + 1u;
					*by = k;
				}
		}
		if (next == port)
			return false;
		port = next;
	}
	return true;
}

static void check_reachable(struct cross *c, unsigned i)
{
	struct config_stream *s = &c->config->streams[i];
	bool by_port = s->udp.count != 0;
	unsigned by = 0;
	char key[64];

	for (unsigned k = 0; k < i; k++) {
		const struct config_stream *other = &c->config->streams[k];
		if (!other->udp.any)
			continue;
		snprintf(key, sizeof(key), "streams[%u]", i);
		config_error(c->report, s->pos[index_of("streams")], key,
			     "a stream that nothing can reach",
			     "it before streams[%u] (%s) on line %u, which takes all that is left",
			     k, other->name, other->pos[index_of("streams")].line);
		return;
	}
	for (unsigned r = 0; r < s->udp.count; r++)
		by_port &= covered(c->config, i, s->udp.list[r], &by);
	if (by_port && s->udp.count && !s->udp.any) {
		char ports[32];
		snprintf(key, sizeof(key), "streams[%u].listen.udp", i);
		snprintf(ports, sizeof(ports),
			 s->udp.list[0].first == s->udp.list[0].last ? "%u" : "%u-%u",
			 s->udp.list[0].first, s->udp.list[0].last);
		config_error(c->report, place_of(s->pos, "streams[].listen.udp", "streams"), key,
			     ports,
			     "a port that no stream before takes: streams[%u] (%s) on line %u has "
			     "it",
			     by, c->config->streams[by].name,
			     place_of(c->config->streams[by].pos, "streams[].listen.udp", "streams")
				     .line);
	}
}

static void check_selection(struct cross *c, unsigned i)
{
	struct config_stream *s = &c->config->streams[i];
	bool listens = s->udp.any || s->udp.count;
	char key[64];

	if (refused(s->pos, "streams[].listen.udp") || refused(s->pos, "streams[].filter"))
		return;
	snprintf(key, sizeof(key), "streams[%u]", i);
	if (listens && s->filter[0])
		config_error(c->report, s->pos[index_of("streams[].filter")], key,
			     "both listen and filter",
			     "one of them: put 'dst port' into the filter instead of listen");
	else if (!listens && !s->filter[0])
		config_error(c->report, s->pos[index_of("streams")], key,
			     "neither listen nor filter",
			     "listen: {udp: PORT}, listen: {udp: any}, or filter: EXPRESSION");
	if (s->udp.any && s->udp.count)
		config_error(c->report, s->pos[index_of("streams[].listen.udp")], key,
			     "any beside ports", "either any, or ports");
}

static void check_sizes(struct cross *c, unsigned i)
{
	struct config_stream *s = &c->config->streams[i];
	const struct config_pos *top = c->config->pos;
	uint32_t smallest = plan_slab_bytes((uint32_t)s->batch_bytes);
	bool own = s->pos[index_of("streams[].segment_size")].line != 0;
	char key[64], found[32], needed[32];

	if (refused(s->pos, "streams[].batch_size") || refused(s->pos, "streams[].segment_size") ||
	    (!own && refused(top, "storage.segment_size")) || s->segment_bytes >= smallest)
		return;
	snprintf(key, sizeof(key), "streams[%u].%s", i, own ? "segment_size" : "batch_size");
	config_size_text(own ? s->segment_bytes : s->batch_bytes, found, sizeof(found));
	config_size_text(own ? smallest : s->segment_bytes, needed, sizeof(needed));
	if (own)
		config_error(c->report, s->pos[index_of("streams[].segment_size")], key, found,
			     "at least %s: a segment must hold one whole batch and its blocks",
			     needed);
	else
		config_error(c->report, place_of(s->pos, "streams[].batch_size", "streams"), key,
			     found,
			     "less than storage.segment_size (%s): a segment must hold one "
			     "whole batch and its blocks",
			     needed);
}

static void check_stream(struct cross *c, unsigned i)
{
	struct config *config = c->config;
	struct config_stream *s = &config->streams[i];
	char key[64], found[PLAN_NAME_MAX + 2];

	if (s->pos[index_of("streams")].bad)
		return;
	for (unsigned k = 0; k < i && s->name[0]; k++)
		if (strcmp(config->streams[k].name, s->name) == 0) {
			snprintf(key, sizeof(key), "streams[%u].name", i);
			config_error(c->report, s->pos[index_of("streams[].name")], key,
				     config_quote(s->name, strlen(s->name), found, sizeof(found)),
				     "a name of its own: streams[%u] on line %u has it", k,
				     config->streams[k].pos[index_of("streams[].name")].line);
		}
	check_selection(c, i);
	check_reachable(c, i);
	if (!s->pos[index_of("streams[].segment_size")].line)
		s->segment_bytes = config->storage.segment_bytes;
	if (!s->pos[index_of("streams[].segment_age")].line)
		s->segment_age_ns = config->storage.segment_age_ns;
	check_sizes(c, i);
	snprintf(key, sizeof(key), "streams[%u].compression_level", i);
	snprintf(found, sizeof(found), "%llu", (unsigned long long)s->compression_level);
	if (!refused(s->pos, "streams[].compression") && s->compression_level &&
	    s->compression == PLAN_COMPRESSION_NONE)
		config_error(c->report, s->pos[index_of("streams[].compression_level")], key, found,
			     "no level without compression: lz4 or zstd");
	if (s->compression == PLAN_COMPRESSION_LZ4 && s->compression_level > 12)
		config_error(c->report, s->pos[index_of("streams[].compression_level")], key, found,
			     "a whole number from 1 to 12 with compression: lz4");
}

static void check_lanes(struct cross *c)
{
	struct config *config = c->config;
	const unsigned lanes = (unsigned)config->lanes.count, cores = config->lanes.cores.count,
		       logs = config->lanes.log_cores.count;
	char found[48];

	if (refused(config->pos, "lanes.cores") || refused(config->pos, "lanes.count") ||
	    refused(config->pos, "lanes.log_cores"))
		return;
	for (unsigned i = 0; i < cores; i++)
		for (unsigned k = 0; k < i; k++)
			if (config->lanes.cores.list[i] == config->lanes.cores.list[k]) {
				snprintf(found, sizeof(found), "processor %u twice",
					 config->lanes.cores.list[i]);
				config_error(c->report, config->pos[index_of("lanes.cores")],
					     "lanes.cores", found, "another one for each lane");
			}
	snprintf(found, sizeof(found), "%u processors", cores);
	if (lanes && cores && lanes != cores)
		config_error(c->report, config->pos[index_of("lanes.cores")], "lanes.cores", found,
			     "one for each lane: lanes.count on line %u is %u",
			     config->pos[index_of("lanes.count")].line, lanes);
	snprintf(found, sizeof(found), "%u processors", logs);
	if (logs && (lanes || cores) && logs > (lanes ? lanes : cores))
		config_error(c->report, config->pos[index_of("lanes.log_cores")], "lanes.log_cores",
			     found, "at most as many as lanes: %u", lanes ? lanes : cores);
}

static void check_process(struct cross *c)
{
	struct config *config = c->config;
	char found[32];

	if (!refused(config->pos, "run_dir") &&
	    strlen(config->run_dir) + 1 + sizeof(CONTROL_SOCKET) > 108) {
		snprintf(found, sizeof(found), "%zu bytes", strlen(config->run_dir));
		config_error(c->report, config->pos[index_of("run_dir")], "run_dir", found,
			     "at most %zu (as a path from /): a UNIX socket must fit into it",
			     106 - sizeof(CONTROL_SOCKET));
	}
	if (given(config->pos, "max_streams") && config->max_streams &&
	    config->max_streams < config->streams_count) {
		snprintf(found, sizeof(found), "%llu", (unsigned long long)config->max_streams);
		config_error(c->report, config->pos[index_of("max_streams")], "max_streams", found,
			     "at least as many as there are streams: %u", config->streams_count);
	}
	if (config->control.listen.at.length &&
	    config->control.listen.at.length == config->gateway.listen.at.length &&
	    memcmp(&config->control.listen.at.address, &config->gateway.listen.at.address,
		   config->control.listen.at.length) == 0)
		config_error(c->report, config->pos[index_of("gateway.listen")], "gateway.listen",
			     config->gateway.listen.text, "another port than control.listen");
}

static void warn_later(struct cross *c, const struct config_pos *pos, const char *prefix,
		       unsigned element)
{
	size_t n = strlen(prefix);

	for (unsigned i = 0; i < config_keys_count; i++) {
		const struct config_key *key = &config_keys[i];
		char path[CONFIG_PATH_TEXT];

		if (!key->later || key->type == CONFIG_MAP || !pos[i].line || pos[i].bad ||
		    strncmp(key->path, prefix, n) != 0)
			continue;
		if (n)
			snprintf(path, sizeof(path), "ports[%u]%s", element, key->path + n);
		else
			snprintf(path, sizeof(path), "%s", key->path);
		config_warning(c->report, pos[i], path,
			       "accepted, but this version does nothing with it yet");
	}
}

/* Beyond the loopback only in so many words. */
static void check_reach(struct cross *c, const char *path, const struct config_listen *listen,
			bool insecure, const char *expected)
{
	if (listen->at.length && !insecure && !tcp_address_is_loopback(&listen->at))
		config_error(c->report, c->config->pos[index_of(path)], path, listen->text, "%s",
			     expected);
}

void config_cross_check(struct config *config, struct config_report *report)
{
	struct cross cross = {.config = config, .report = report};
	struct cross *c = &cross;

	check_process(c);
	check_lanes(c);
	for (unsigned i = 0; i < config->ports_count; i++) {
		check_port(c, i);
		warn_later(c, config->ports[i].pos, "ports[]", i);
	}
	for (unsigned i = 0; i < config->streams_count; i++)
		check_stream(c, i);
	warn_later(c, config->pos, "", 0);
	if (!config->gateway.groups[0])
		snprintf(config->gateway.groups, sizeof(config->gateway.groups),
			 "%s/" CONFIG_GROUPS_NAME, config->storage.path);
	check_reach(
		c, "control.listen", &config->control.listen, config->control.insecure != 0,
		"an address of the loopback, or control.insecure: true if everybody who reaches "
		"it may read status and metrics");
	check_reach(
		c, "gateway.listen", &config->gateway.listen, config->gateway.insecure != 0,
		"an address of the loopback, or gateway.insecure: true if everybody who reaches "
		"it may read every stream");
}
