/*
 * What a lane is measured against, on the same port:
 *
 *     bare   receive and free
 *     floor  receive, copy each payload once into slabs, free: no log can do less
 *     checked  the same, and a CRC-32C of each slab that is full
 *     seal   one core that checksums slabs and (--file) writes them to a file, no port
 *     sealed Weir's own sealing of such slabs, no port
 *     lane   Weir's own polling half into slabs that come straight back
 *
 * Several modes take turns. What they did is printed after each turn (--print), or stands in a
 * shared file (--counts) that scripts/bench reads while it stops and continues the process.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>

#include "floor_modes.h"

static const char *const mode_names[MODES] = {"bare", "floor", "checked", "seal", "sealed", "lane"};

struct turns {
	enum floor_mode mode[8];
	unsigned count, turn_ms, seconds;
	bool print;
	const char *counts_file;
};

static void usage(void)
{
	fputs("usage: lane_floor --device DEVICE\n"
	      "         [--modes bare,floor,checked,seal,sealed,lane] [--slabs N] [--slab-bytes N] "
	      "[--batch-bytes N] [--burst N] [--mbufs N] [--payload-at "
	      "N]\n"
	      "         [--file PATH] [--file-bytes N] [--counts FILE] [--print] [--turn MS]\n"
	      "         [--seconds N] -- EAL-ARGUMENTS\n",
	      stderr);
	exit(2);
}

static void parse_modes(char *text, struct turns *turns)
{
	for (char *m = strtok(text, ","); m; m = strtok(NULL, ",")) {
		unsigned mode = 0;

		while (mode < MODES && strcmp(m, mode_names[mode]) != 0)
			mode++;
		if (mode == MODES || turns->count == sizeof(turns->mode) / sizeof(*turns->mode))
			usage();
		turns->mode[turns->count++] = (enum floor_mode)mode;
	}
}

static int parse(int argc, char **argv, struct floor_options *opt, struct turns *turns)
{
	static const struct option longs[] = {{"slabs", 1, NULL, 's'},
					      {"slab-bytes", 1, NULL, 'b'},
					      {"batch-bytes", 1, NULL, 'B'},
					      {"file", 1, NULL, 'f'},
					      {"file-bytes", 1, NULL, 'F'},
					      {"seconds", 1, NULL, 't'},
					      {"turn", 1, NULL, 'T'},
					      {"device", 1, NULL, 'd'},
					      {"modes", 1, NULL, 'm'},
					      {"mbufs", 1, NULL, 'n'},
					      {"burst", 1, NULL, 'u'},
					      {"payload-at", 1, NULL, 'a'},
					      {"counts", 1, NULL, 'c'},
					      {"print", 0, NULL, 'p'},
					      {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		unsigned *number = c == 's'   ? &opt->slabs
				   : c == 'b' ? &opt->slab_bytes
				   : c == 'B' ? &opt->batch_bytes
				   : c == 't' ? &turns->seconds
				   : c == 'T' ? &turns->turn_ms
				   : c == 'n' ? &opt->mbufs
				   : c == 'u' ? &opt->burst
				   : c == 'a' ? &opt->payload_at
					      : NULL;
		if (number)
			*number = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'f')
			opt->file = optarg;
		else if (c == 'F')
			opt->file_bytes = strtoull(optarg, NULL, 10);
		else if (c == 'd')
			opt->device = optarg;
		else if (c == 'm')
			parse_modes(optarg, turns);
		else if (c == 'c')
			turns->counts_file = optarg;
		else if (c == 'p')
			turns->print = true;
		else
			usage();
	}
	return optind;
}

/* One line for each mode, in a file that others may map. */
static struct floor_counts *map_counts(const char *file)
{
	size_t size = MODES * sizeof(struct floor_counts);
	int fd = file ? open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
		      : memfd_create("counts", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return NULL;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

static void run(const struct turns *turns, struct floor_counts *counts)
{
	time_t end = time(NULL) + turns->seconds;

	while (time(NULL) < end)
		for (unsigned i = 0; i < turns->count; i++) {
			enum floor_mode mode = turns->mode[i];
			struct floor_counts before = counts[mode];

			floor_run(mode, turns->turn_ms, &counts[mode]);
			if (!turns->print)
				continue;
			double ns = (double)(counts[mode].ns - before.ns);
			double packets = (double)(counts[mode].packets - before.packets);
			printf("%s %.3f M/s %.3f GB/s %.1f cycles\n", mode_names[mode],
			       packets * 1e3 / ns, (double)(counts[mode].bytes - before.bytes) / ns,
			       (double)(counts[mode].cycles - before.cycles) / packets);
			fflush(stdout);
		}
}

int main(int argc, char **argv)
{
	struct floor_options opt = {.slabs = 8,
				    .slab_bytes = 262144 + 4 * 4096,
				    .batch_bytes = 262144,
				    .file_bytes = (uint64_t)1 << 30,
				    .mbufs = 16383,
				    .burst = 64,
				    .payload_at = 42};
	struct turns turns = {.turn_ms = 200, .seconds = 3600};
	int at = parse(argc, argv, &opt, &turns);

	if (!opt.device || opt.batch_bytes > opt.slab_bytes)
		usage();
	if (turns.count == 0)
		turns.mode[turns.count++] = MODE_FLOOR;
	argv[at - 1] = argv[0];
	if (rte_eal_init(argc - at + 1, argv + at - 1) < 0)
		return 1;
	struct floor_counts *counts = map_counts(turns.counts_file);
	if (!counts) {
		perror("lane_floor: counts");
		return 1;
	}
	floor_init(&opt);
	printf("ready\n");
	fflush(stdout);
	run(&turns, counts);
	return 0;
}
