/* weir-gateway: serves the log over the Kafka protocol, read-only. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "server.h"

enum exit_status { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct options {
	const char *run_dir, *data_dir, *listen, *advertise, *groups;
	bool insecure;
};

static void usage(FILE *out)
{
	fputs("Usage: weir-gateway [--run-dir DIR] [--data DIR] [--listen ADDRESS:PORT]\n"
	      "                    [--advertise HOST:PORT] [--groups FILE] [--insecure]\n\n"
	      "Serves the streams of a data directory to Kafka clients, read-only.\n\n"
	      "      --run-dir DIR          where Weir's sockets are (/run/weir, unless --data is "
	      "given),\n"
	      "                             and where it tells of itself: for 'weir groups "
	      "--run-dir "
	      "DIR'\n"
	      "      --data DIR             the data directory (default: the dataplane's); needs "
	      "no\n"
	      "                             dataplane\n"
	      "      --listen ADDRESS:PORT  where clients connect (127.0.0.1:9092)\n"
	      "      --advertise HOST:PORT  what clients are told to connect to (default: where "
	      "they\n"
	      "                             reached the gateway)\n"
	      "      --groups FILE          where consumer groups are kept (weir.groups "
	      "in\n"
	      "                             the data directory)\n"
	      "      --insecure             an address beyond the loopback is meant: anybody who\n"
	      "                             reaches it may read\n"
	      "      --version, --help\n",
	      out);
}

/* -1: go on, else an exit status. */
static int parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {{"run-dir", required_argument, NULL, 'r'},
					      {"data", required_argument, NULL, 'd'},
					      {"listen", required_argument, NULL, 'l'},
					      {"advertise", required_argument, NULL, 'a'},
					      {"groups", required_argument, NULL, 'g'},
					      {"insecure", no_argument, NULL, 'i'},
					      {"version", no_argument, NULL, 'V'},
					      {"help", no_argument, NULL, 'h'},
					      {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'r':
			o->run_dir = optarg;
			break;
		case 'd':
			o->data_dir = optarg;
			break;
		case 'l':
			o->listen = optarg;
			break;
		case 'a':
			o->advertise = optarg;
			break;
		case 'g':
			o->groups = optarg;
			break;
		case 'i':
			o->insecure = true;
			break;
		case 'V':
			printf("weir-gateway %s\n", WEIR_VERSION);
			return EXIT_OK;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!o->run_dir && !o->data_dir)
		o->run_dir = "/run/weir";
	return -1;
}

/* A descriptor for each client and each open segment: as many as we may have. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int failed(const char *what, int rc)
{
	fprintf(stderr, "weir-gateway: %s: %s\n", what, strerror(-rc));
	return EXIT_FAILED;
}

static int serve(const struct options *o, const struct server_options *options,
		 struct catalog *catalog)
{
	struct server *server;
	int rc = server_create(&server, catalog, options);

	if (rc == -EADDRINUSE) {
		fprintf(stderr,
			"weir-gateway: %s is in use by another process: one of them must "
			"listen elsewhere\n",
			o->listen);
		return EXIT_FAILED;
	}
	if (rc < 0)
		return failed(o->listen, rc);
	fprintf(stderr, "weir-gateway: listens on %s, serves %s\n", server_address(server),
		catalog->data_dir);
	rc = server_run(server);
	server_destroy(server);
	return rc < 0 ? failed(o->listen, rc) : EXIT_OK;
}

static int open_groups(struct groups *groups, const struct options *o, const char *data_dir)
{
	char path[PLAN_PATH_MAX + sizeof("/weir.groups")], error[256] = "";

	snprintf(path, sizeof(path), "%s/weir.groups", data_dir);
	if (o->groups)
		snprintf(path, sizeof(path), "%s", o->groups);
	groups->initial_delay_ms = GROUPS_INITIAL_DELAY_MS;
	server_set_time(groups);
	int rc = groups_open(groups, path, error, sizeof(error));
	if (rc < 0)
		fprintf(stderr, "weir-gateway: %s: %s; --groups FILE names another place\n", path,
			error);
	return rc;
}

static int serve_with_groups(const struct options *o, struct server_options *options,
			     struct catalog *catalog)
{
	static struct groups groups;

	if (open_groups(&groups, o, catalog->data_dir) < 0)
		return EXIT_FAILED;
	options->groups = &groups;
	int status = serve(o, options, catalog);
	groups_close(&groups);
	return status;
}

static int open_and_serve(const struct options *o, struct server_options *options)
{
	static struct catalog catalog;
	int rc = 0;

	/* Of our own, for one started by hand: where weir groups finds what it tells. */
	if (o->run_dir && o->data_dir && mkdir(o->run_dir, 0750) == 0)
		fprintf(stderr, "weir-gateway: made %s\n", o->run_dir);
	/* First: whoever has run_dir has the log's readers and their commits too. */
	if (o->run_dir)
		rc = report_create(&options->report, o->run_dir);
	if (rc == -EBUSY) {
		fprintf(stderr, "weir-gateway: another one runs in %s\n", o->run_dir);
		return EXIT_FAILED;
	}
	if (rc < 0 && rc != -ENOENT)
		return failed(o->run_dir, rc);
	rc = catalog_open(&catalog, o->run_dir, o->data_dir);
	if (rc == -ENOENT)
		fprintf(stderr,
			"weir-gateway: %s: no dataplane has run here, or its data is gone\n",
			o->data_dir ? o->data_dir : o->run_dir);
	else if (rc < 0)
		failed(o->data_dir ? o->data_dir : o->run_dir, rc);
	int status = rc < 0 ? EXIT_FAILED : serve_with_groups(o, options, &catalog);
	if (rc == 0)
		catalog_close(&catalog);
	report_destroy(options->report);
	return status;
}

/* What the options say about addresses. -1: go on, else an exit status. */
static int addresses(const struct options *o, struct server_options *options)
{
	static char host[TCP_HOST_MAX];
	char hint[120] = "such as 127.0.0.1:9092 or [::1]:9092";

	if (!tcp_address_parse(o->listen, &options->listen, hint, sizeof(hint))) {
		fprintf(stderr, "weir-gateway: --listen %s: ADDRESS:PORT; %s\n", o->listen, hint);
		return EXIT_USAGE;
	}
	if (!o->insecure && !tcp_address_is_loopback(&options->listen)) {
		fprintf(stderr,
			"weir-gateway: %s is not on the loopback, and anybody who reaches it may "
			"read; if that is meant, say --insecure\n",
			o->listen);
		return EXIT_USAGE;
	}
	if (!o->advertise)
		return -1;
	snprintf(hint, sizeof(hint), "such as weir.example:9092");
	if (!tcp_host_parse(o->advertise, host, &options->advertised_port, hint, sizeof(hint))) {
		fprintf(stderr, "weir-gateway: --advertise %s: HOST:PORT; %s\n", o->advertise,
			hint);
		return EXIT_USAGE;
	}
	options->advertised_host = host;
	return -1;
}

int main(int argc, char **argv)
{
	struct options o = {.listen = "127.0.0.1:9092"};
	struct server_options options = {0};
	int status = parse(&o, argc, argv);

	if (status < 0)
		status = addresses(&o, &options);
	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	return open_and_serve(&o, &options);
}
