/* Fetches of what is on the disk only, beside what is not. */
#include <sys/mman.h>

#include "gateway/prefetch.h"
#include "gateway_testing.h"

static struct disk_thread *disk;
static struct api_kept kept;
static struct disk_lookup *behind;

static void setup(void)
{
	gateway_testing_setup();
	cr_assert_eq(disk_thread_create(&disk), 0);
}

static void teardown(void)
{
	api_kept_clear(&kept);
	disk_lookup_put(behind);
	disk_thread_destroy(disk);
	gateway_testing_teardown();
}

TestSuite(gateway_cold, .init = setup, .fini = teardown);

/*
 * To ask the kernel whether bytes are in memory makes it read them: asked again a moment later they
 * may be. So each of these has some attempts, of which one must go as it should to the end.
 */
enum { ATTEMPTS = 20 };
#define HOLDS(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__;                                                           \
	} while (0)

static void attempt(int (*scenario)(void))
{
	int line = 1;

	for (int i = 0; i < ATTEMPTS && line; i++) {
		if (i) {
			teardown();
			kept = (struct api_kept){0};
			behind = NULL;
			setup();
		}
		line = scenario();
		for (int k = 0; line && k < 2; k++)
			if (k ? behind : kept.lookup)
				gateway_testing_wait(disk, k ? behind : kept.lookup);
	}
	cr_assert_eq(line, 0, "line %d", line);
}

/* Takes these bytes of a file out of the page cache; length 0: all from there on. */
static void drop(int fd, off_t at, off_t length)
{
	unsigned char there = 1;

	fsync(fd);
	posix_fadvise(fd, at, length, POSIX_FADV_DONTNEED);
	void *page = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, at);
	cr_assert_neq(page, MAP_FAILED);
	mincore(page, 1, &there);
	munmap(page, 1);
	if (there & 1)
		cr_skip_test("this file system keeps all in memory");
}

/* Takes the newest segment of "s"'s partition out of the page cache. */
static void cool(int partition)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/s-%d/%020d.log", dir, partition, 10);
	int fd = open(path, O_RDWR);
	cr_assert_geq(fd, 0);
	drop(fd, 0, 0);
	close(fd);
}

/* Partition 1 like 0's newest segment, both seen. */
static void make_partitions(void)
{
	static struct build b;

	b.len = 0;
	build_batch(&b, 10, 5, TESTING_TS);
	build_segment(dir, "s-1", 10, &b);
	catalog_refresh(&catalog, 2 * REFRESH_MS);
	cr_assert_eq(catalog.all_count, 2);
}

/* A Fetch of both from offset 10 on, on a disk that is known to be slow. */
static enum api_result fetch(int32_t min_bytes)
{
	static struct disk_patience none;

	call = (struct api_call){.catalog = &catalog,
				 .disk = disk,
				 .patience = &none,
				 .kept = &kept,
				 .behind = &behind,
				 .host = "127.0.0.1",
				 .watches = watches,
				 .answer = &answer};
	gateway_testing_fetch(&request, 0, 10, 500, min_bytes, 1 << 20);
	/* One partition more than there. */
	log_put32(request.data + request.len - 20, 2);
	wire_put32(&request, 1);
	wire_put64(&request, 10);
	wire_put32(&request, 1 << 20);
	answer_clear(&answer);
	return api_handle(&call, request.data, request.len);
}

static bool files_are_of(int first, int second)
{
	const int want[] = {first, second};
	unsigned count = 0;

	for (; count < 2 && want[count] >= 0; count++)
		if (count >= answer.extents_count ||
		    answer.extents[count].file->owner !=
			    &catalog_partition(catalog.topics[0], want[count])->files)
			return false;
	return answer.extents_count == count;
}

static int only_what_was_asked_about_is_waited_for_without_limit(void)
{
	make_partitions();
	cool(0);
	HOLDS(fetch(1 << 20) == API_WAIT);
	HOLDS(kept.lookup);
	HOLDS(kept.lookup->count == 1);
	gateway_testing_wait(disk, kept.lookup);
	cool(1);
	HOLDS(fetch(1 << 20) == API_SEND);
	HOLDS(files_are_of(0, -1));
	/* Its turn comes with the next Fetch. */
	HOLDS(!kept.lookup);
	HOLDS(behind);
	HOLDS(behind->questions[0].partition->number == 1);
	return 0;
}

Test(gateway_cold, only_what_was_asked_about_is_waited_for_without_limit)
{
	attempt(only_what_was_asked_about_is_waited_for_without_limit);
}

static int what_is_in_memory_does_not_wait_for_what_is_not(void)
{
	make_partitions();
	cool(1);
	HOLDS(fetch(1) == API_SEND);
	HOLDS(files_are_of(0, -1));
	HOLDS(!kept.lookup);
	HOLDS(behind);
	gateway_testing_wait(disk, behind);
	/* Even if it is not in memory any more. */
	cool(1);
	HOLDS(fetch(1) == API_SEND);
	HOLDS(files_are_of(0, 1));
	HOLDS(!behind);
	HOLDS(catalog.lookups == 0);
	return 0;
}

Test(gateway_cold, what_is_in_memory_does_not_wait_for_what_is_not)
{
	attempt(what_is_in_memory_does_not_wait_for_what_is_not);
}

static int one_lookup_at_a_time_goes_on_without_its_client(void)
{
	make_partitions();
	cool(1);
	HOLDS(fetch(1) == API_SEND);
	struct disk_lookup *first = behind;
	for (unsigned i = 0; i < 10; i++) {
		cool(1);
		HOLDS(fetch(1) == API_SEND);
		HOLDS(behind == first);
		HOLDS(catalog.lookups == 1);
	}
	gateway_testing_wait(disk, behind);
	return 0;
}

Test(gateway_cold, one_lookup_at_a_time_goes_on_without_its_client)
{
	attempt(one_lookup_at_a_time_goes_on_without_its_client);
}

static int nothing_in_memory_is_waited_for(void)
{
	make_partitions();
	cool(0);
	cool(1);
	HOLDS(fetch(0) == API_WAIT);
	HOLDS(kept.lookup->count == 2);
	HOLDS(!behind);
	gateway_testing_wait(disk, kept.lookup);
	HOLDS(fetch(0) == API_SEND);
	HOLDS(files_are_of(0, 1));
	return 0;
}

Test(gateway_cold, nothing_in_memory_is_waited_for)
{
	attempt(nothing_in_memory_is_waited_for);
}

/* ---- looks into the page cache ---- */

enum { KIB = 1024, MIB = 1024 * KIB, NEAR = 128 * KIB };

static int what_is_there_ends_where_it_ends(void)
{
	static const uint8_t page[4 * KIB];
	char path[128];
	struct segment_file file = {0};

	snprintf(path, sizeof(path), "%s/looked-at", dir);
	file.fd = open(path, O_RDWR | O_CREAT, 0600);
	/* Page by page: larger pieces of memory could only be dropped whole. */
	for (unsigned i = 0; i < MIB / sizeof(page); i++)
		cr_assert_eq(write(file.fd, page, sizeof(page)), (ssize_t)sizeof(page));
	HOLDS(prefetch_there(&file, 0, MIB) == MIB);
	/* A far look, at 512 KiB, misses: then it is to know where what is there ends. */
	drop(file.fd, 3 * NEAR, 2 * NEAR);
	HOLDS(prefetch_there(&file, 0, MIB) == 3 * NEAR);
	/* Both ends, as whoever found the range leaves them. */
	drop(file.fd, 4 * KIB, MIB - 8 * KIB);
	HOLDS(prefetch_there(&file, 0, MIB) == NEAR);
	drop(file.fd, 0, 0);
	HOLDS(prefetch_there(&file, 0, MIB) == 0);
	close(file.fd);
	return 0;
}

Test(gateway_cold, what_is_there_ends_where_it_ends)
{
	attempt(what_is_there_ends_where_it_ends);
}
