/* weir-gateway: serves the log over the Kafka protocol, read-only. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "server.h"

enum exit_status { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct options {
	const char *run_dir, *data_dir, *listen, *groups;
	bool insecure;
};

static void usage(FILE *out)
{
	fputs("Usage: weir-gateway [--run-dir DIR] [--data DIR] [--listen ADDRESS:PORT]\n\n"
	      "Serves the streams of a data directory to Kafka clients, read-only.\n\n"
	      "      --run-dir DIR          where Weir's sockets are (/run/weir, unless --data is "
	      "given)\n"
	      "      --data DIR             the data directory (default: the dataplane's); needs "
	      "no\n"
	      "                             dataplane\n"
	      "      --listen ADDRESS:PORT  where clients connect (127.0.0.1:9092)\n"
	      "      --groups FILE          where consumer groups are kept (DIR/consumer-groups.db "
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
	static const struct option longs[] = {
		{"run-dir", required_argument, NULL, 'r'}, {"data", required_argument, NULL, 'd'},
		{"listen", required_argument, NULL, 'l'},  {"groups", required_argument, NULL, 'g'},
		{"insecure", no_argument, NULL, 'i'},	   {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},	   {NULL, 0, NULL, 0}};
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

static int open_groups(struct groups *groups, const struct options *o, const char *data_dir)
{
	char path[PLAN_PATH_MAX + sizeof("/consumer-groups.db")], error[256] = "";

	snprintf(path, sizeof(path), "%s/consumer-groups.db", data_dir);
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

static int serve(const struct options *o, const struct tcp_address *address)
{
	static struct catalog catalog;
	static struct groups groups;
	struct server *server;
	int rc = catalog_open(&catalog, o->run_dir, o->data_dir);

	if (rc < 0) {
		fprintf(stderr, "weir-gateway: %s: %s\n", o->data_dir ? o->data_dir : o->run_dir,
			rc == -ENOENT ? "no dataplane has run here, or its data is gone"
				      : strerror(-rc));
		return EXIT_FAILED;
	}
	if (open_groups(&groups, o, catalog.data_dir) < 0) {
		catalog_close(&catalog);
		return EXIT_FAILED;
	}
	rc = server_create(&server, &catalog, &groups, address);
	if (rc == 0) {
		fputs("weir-gateway: listens on ", stderr);
		server_print_address(server, stderr);
		fprintf(stderr, ", serves %s\n", catalog.data_dir);
		rc = server_run(server);
		server_destroy(server);
	}
	groups_close(&groups);
	catalog_close(&catalog);
	if (rc < 0)
		fprintf(stderr, "weir-gateway: %s: %s\n", o->listen, strerror(-rc));
	return rc < 0 ? EXIT_FAILED : EXIT_OK;
}

int main(int argc, char **argv)
{
	struct options o = {.listen = "127.0.0.1:9092"};
	struct tcp_address address;
	int status = parse(&o, argc, argv);

	if (status >= 0)
		return status;
	if (!tcp_address_parse(o.listen, &address, NULL, 0)) {
		fprintf(stderr,
			"weir-gateway: --listen %s: ADDRESS:PORT, such as 127.0.0.1:9092 or "
			"[::1]:9092\n",
			o.listen);
		return EXIT_USAGE;
	}
	if (!o.insecure && !tcp_address_is_loopback(&address)) {
		fprintf(stderr,
			"weir-gateway: %s is not on the loopback, and anybody who reaches it may "
			"read; if that is meant, say --insecure\n",
			o.listen);
		return EXIT_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	return serve(&o, &address);
}
