/*
 * The device's own fdatasync: writes whole blocks over a file that was written before, O_DIRECT, at
 * an even rate, and syncs after each interval's worth of them, without io_uring and without a log.
 *
 *     sync_probe FILE FILE_BYTES BYTES_PER_SECOND INTERVAL_US SECONDS
 *
 * Prints one JSON object; times of fdatasync in microseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench_tool.h"
#include "replay/histogram.h"

enum { BLOCK = 4096, WRITE_MAX = 1 << 20 };

static void write_blocks(int fd, const uint8_t *block, uint64_t bytes, uint64_t *at, uint64_t size)
{
	while (bytes) {
		size_t n = bytes < WRITE_MAX ? bytes : WRITE_MAX;

		if (*at + n > size)
			*at = 0;
		if (pwrite(fd, block, n, (off_t)*at) != (ssize_t)n)
			die("write: %s", strerror(errno));
		*at += n;
		bytes -= n;
	}
}

static uint64_t sync_ns(int fd)
{
	uint64_t before = now_ns();

	if (fdatasync(fd) < 0)
		die("fdatasync: %s", strerror(errno));
	return now_ns() - before;
}

static double us(const struct histogram *h, double share)
{
	return (double)histogram_percentile(h, share) / 1e3;
}

int main(int argc, char **argv)
{
	static struct histogram syncs;
	int fd = argc == 6 ? open(argv[1], O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0644) : -1;
	uint8_t *block = aligned_alloc(BLOCK, WRITE_MAX);

	if (fd < 0 || !block)
		die("usage: FILE FILE_BYTES BYTES_PER_SECOND INTERVAL_US SECONDS: %s",
		    strerror(errno));
	uint64_t size = strtoull(argv[2], NULL, 10) / WRITE_MAX * WRITE_MAX, at = 0, interval_ns;
	interval_ns = strtoull(argv[4], NULL, 10) * 1000;
	uint64_t each = (uint64_t)(atof(argv[3]) * (double)interval_ns / 1e9) / BLOCK * BLOCK;
	memset(block, 'w', WRITE_MAX);
	if (lseek(fd, 0, SEEK_END) < (off_t)size)
		write_blocks(fd, block, size, &at, size);
	sync_ns(fd);
	uint64_t start = now_ns(), due = start, end = start + (uint64_t)(atof(argv[5]) * 1e9);
	for (; due < end; due += interval_ns) {
		struct timespec t = {.tv_sec = (time_t)(due / UINT64_C(1000000000)),
				     .tv_nsec = (long)(due % UINT64_C(1000000000))};

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		write_blocks(fd, block, each < BLOCK ? BLOCK : each, &at, size);
		histogram_count(&syncs, sync_ns(fd));
	}
	printf("{\"syncs\":%llu,\"sync_p50_us\":%.1f,\"sync_p99_us\":%.1f}\n",
	       (unsigned long long)syncs.count, us(&syncs, .5), us(&syncs, .99));
	close(fd);
	return 0;
}
