#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/api/plan.h"
#include "dataplane/disk.h"
#include "dataplane/slab.h"

static char dir[256], path[300], path2[300], err[512];
static struct disk *disk;

static const char *in_dir(char *to, const char *name)
{
	snprintf(to, 300, "%.200s/%s", dir, name);
	return to;
}

static void setup(enum plan_direct direct, const struct iovec *buffers, unsigned count)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%.200s/weir-disk-XXXXXX", tmp ? tmp : "/tmp");
	cr_assert_not_null(mkdtemp(dir));
	struct disk_uring_config config = {.depth = 2,
					   .direct = direct,
					   .probe_path = dir,
					   .helper_cpu = -1,
					   .buffers = buffers,
					   .buffers_count = count};
	cr_assert_eq(disk_uring_create(&disk, &config, err, sizeof(err)), 0, "%s", err);
}

static void teardown(void)
{
	char command[300];

	disk_uring_destroy(disk);
	snprintf(command, sizeof(command), "rm -rf %.200s", dir);
	cr_assert_eq(system(command), 0);
}

/* Submits, then sleeps on the descriptor until it is back. */
static int64_t wait_for(struct disk_op *op)
{
	struct pollfd p = {.fd = disk->ops->wait_fd(disk), .events = POLLIN};
	struct disk_op *done[4];

	cr_assert_eq(disk->ops->submit(disk, op), 0);
	disk->ops->flush(disk);
	for (;;) {
		cr_assert_eq(poll(&p, 1, 5000), 1, "nothing came back");
		unsigned n = disk->ops->reap(disk, done, 4);
		if (n == 0)
			continue;
		cr_assert_eq(n, 1);
		cr_assert_eq(done[0], op);
		cr_assert_geq(op->completed_ns, op->submitted_ns);
		return op->result;
	}
}

static int64_t size_of(const char *name)
{
	struct disk_stat st;
	int rc = disk->ops->stat(disk, in_dir(path2, name), &st);

	return rc < 0 ? rc : (int64_t)st.size_bytes;
}

static disk_file create(const char *name, uint64_t size)
{
	struct disk_op op = {.kind = DISK_CREATE, .path = in_dir(path, name), .offset = size};

	cr_assert_eq(wait_for(&op), 0);
	cr_assert_neq(op.file, 0);
	return op.file;
}

static void file_life(enum plan_direct direct)
{
	uint8_t *block = aligned_alloc(SLAB_BLOCK, SLAB_BLOCK), back[SLAB_BLOCK];

	setup(direct, NULL, 0);
	cr_assert(direct != PLAN_DIRECT_OFF || disk->block == 1);
	disk_file file = create("a", 1 << 20);
	cr_assert_eq(size_of("a"), 1 << 20);
	memset(block, 'x', SLAB_BLOCK);
	struct disk_op op = {.kind = DISK_WRITE,
			     .file = file,
			     .buf = block,
			     .len = SLAB_BLOCK,
			     .offset = SLAB_BLOCK,
			     .buf_index = UINT16_MAX};
	cr_assert_eq(wait_for(&op), SLAB_BLOCK);
	op = (struct disk_op){.kind = DISK_SYNC, .file = file};
	cr_assert_eq(wait_for(&op), 0);
	op = (struct disk_op){.kind = DISK_ZERO, .file = file, .offset = 65536, .len = 300 * 1024};
	cr_assert_eq(wait_for(&op), 0);
	op = (struct disk_op){.kind = DISK_TRUNCATE, .file = file, .offset = 5001};
	cr_assert_eq(wait_for(&op), 0);
	op = (struct disk_op){.kind = DISK_RENAME, .path = in_dir(path, "a"), .path2 = path2};
	in_dir(path2, "b");
	cr_assert_eq(wait_for(&op), 0);
	cr_assert_eq(size_of("a"), -ENOENT);
	cr_assert_eq(size_of("b"), 5001);
	disk_file again;
	cr_assert_eq(disk->ops->open(disk, in_dir(path, "b"), 0, &again), 0);
	cr_assert_eq(disk->ops->read(disk, again, back, SLAB_BLOCK, SLAB_BLOCK), 5001 - SLAB_BLOCK);
	cr_assert_eq(memcmp(back, block, 5001 - SLAB_BLOCK), 0);
	cr_assert_eq(disk->ops->read(disk, again, back, SLAB_BLOCK, 0), SLAB_BLOCK);
	cr_assert_eq(back[17], 0);
	for (int i = 0; i < 2; i++) {
		op = (struct disk_op){.kind = DISK_CLOSE, .file = i ? again : file};
		cr_assert_eq(wait_for(&op), 0);
	}
	op = (struct disk_op){.kind = DISK_UNLINK, .path = in_dir(path, "b")};
	cr_assert_eq(wait_for(&op), 0);
	cr_assert_eq(wait_for(&op), -ENOENT);
	teardown();
	free(block);
}

/* A reader holds it: its bytes may be in a socket, and the file must not be written over. */
Test(disk_uring, a_file_that_is_read_is_not_kept)
{
	struct disk_op op;

	setup(PLAN_DIRECT_OFF, NULL, 0);
	for (int read = 0; read < 2; read++) {
		int fd = open(in_dir(path, "a"), O_CREAT | O_RDWR | O_CLOEXEC, 0644);

		op = (struct disk_op){.kind = DISK_RENAME,
				      .flags = DISK_RENAME_UNREAD,
				      .path = path,
				      .path2 = in_dir(path2, "b")};
		cr_assert_geq(fd, 0);
		cr_assert_eq(flock(fd, read ? LOCK_SH : LOCK_UN), 0);
		cr_assert_eq(wait_for(&op), read);
		cr_assert_eq(size_of("a"), -ENOENT);
		cr_assert_eq(size_of("b"), read ? -ENOENT : 0);
		unlink(path2);
		close(fd);
	}
	teardown();
}

Test(disk_uring, a_file_from_birth_to_death_direct)
{
	file_life(PLAN_DIRECT_AUTO);
}

Test(disk_uring, a_file_from_birth_to_death_buffered)
{
	file_life(PLAN_DIRECT_OFF);
}

static int gather(void *arg, const char *name, int is_dir)
{
	char *all = arg;

	strcat(all, name);
	strcat(all, is_dir ? "/ " : " ");
	return 0;
}

Test(disk_uring, small_files)
{
	char text[64], all[256] = "";
	disk_file file;

	setup(PLAN_DIRECT_AUTO, NULL, 0);
	struct disk_op op = {
		.kind = DISK_PUT, .path = in_dir(path, "put"), .buf = "hello", .len = 5};
	cr_assert_eq(wait_for(&op), 0);
	op.buf = "bye";
	op.len = 3;
	cr_assert_eq(wait_for(&op), 0);
	op = (struct disk_op){.kind = DISK_APPEND,
			      .path = in_dir(path, "append"),
			      .buf = "0123456789",
			      .len = 10};
	cr_assert_eq(wait_for(&op), 0);
	op.buf = "ab";
	op.len = 2;
	op.offset = 4;
	op.flags = DISK_APPEND_FINAL;
	cr_assert_eq(wait_for(&op), 0);
	cr_assert_eq(size_of("append"), 6);
	cr_assert_eq(disk->ops->open(disk, path, 0, &file), 0);
	cr_assert_eq(disk->ops->read(disk, file, text, 64, 0), 6);
	cr_assert_eq(memcmp(text, "0123ab", 6), 0);
	cr_assert_eq(size_of("put"), 3);
	cr_assert_eq(disk->ops->mkdir(disk, in_dir(path, "d")), 0);
	cr_assert_eq(disk->ops->mkdir(disk, path), -EEXIST);
	/* Nothing but these: neither a half-written file nor the probe. */
	cr_assert_eq(disk->ops->list(disk, dir, gather, all), 0);
	cr_assert_eq(strlen(all), strlen("put append d/ "), "%s", all);
	cr_assert_not_null(strstr(all, "d/ "));
	cr_assert_eq(disk->ops->list(disk, in_dir(path, "none"), gather, all), -ENOENT);
	op = (struct disk_op){.kind = DISK_CLOSE, .file = file};
	disk->ops->run(disk, &op);
	teardown();
}

/* More at once than the ring holds: refused, not lost. */
Test(disk_uring, full_is_busy)
{
	static _Alignas(SLAB_BLOCK) uint8_t block[SLAB_BLOCK];
	struct disk_op ops[64], *done[64];
	unsigned taken = 0, back = 0;

	setup(PLAN_DIRECT_AUTO, NULL, 0);
	disk_file file = create("a", 1 << 20);
	for (unsigned i = 0; i < 64; i++) {
		ops[i] = (struct disk_op){.kind = DISK_WRITE,
					  .file = file,
					  .buf = block,
					  .len = SLAB_BLOCK,
					  .offset = i * SLAB_BLOCK,
					  .buf_index = UINT16_MAX};
		if (disk->ops->submit(disk, &ops[i]) != 0)
			break;
		taken++;
	}
	cr_assert_geq(taken, 2);
	cr_assert_lt(taken, 64);
	disk->ops->flush(disk);
	for (unsigned ms = 0; back < taken && ms < 5000; ms++) {
		back += disk->ops->reap(disk, done, 64);
		usleep(1000);
	}
	cr_assert_eq(back, taken);
	cr_assert_eq(disk->ops->submit(disk, &ops[taken]), 0);
	disk->ops->flush(disk);
	while (disk->ops->reap(disk, done, 64) == 0)
		usleep(1000);
	struct disk_op op = {.kind = DISK_CLOSE, .file = file};
	disk->ops->run(disk, &op);
	teardown();
}

/* Registered where it may be, and where it may not: the same bytes. */
Test(disk_uring, registered_buffers_with_and_without_the_right)
{
	for (int allowed = 0; allowed < 2; allowed++) {
		struct rlimit limit = {allowed ? RLIM_INFINITY : 0, RLIM_INFINITY};
		uint8_t *memory = aligned_alloc(SLAB_BLOCK, 4 * SLAB_BLOCK), back[SLAB_BLOCK];
		struct iovec iov = {memory, 4 * SLAB_BLOCK};
		disk_file file, again;

		setrlimit(RLIMIT_MEMLOCK, &limit);
		memset(memory, 'r' + allowed, 4 * SLAB_BLOCK);
		setup(PLAN_DIRECT_AUTO, &iov, 1);
		file = create("a", 1 << 16);
		struct disk_op op = {.kind = DISK_WRITE,
				     .file = file,
				     .buf = memory + SLAB_BLOCK,
				     .len = 2 * SLAB_BLOCK,
				     .buf_index = 0};
		cr_assert_eq(wait_for(&op), 2 * SLAB_BLOCK);
		cr_assert_eq(disk->ops->open(disk, in_dir(path, "a"), 0, &again), 0);
		cr_assert_eq(disk->ops->read(disk, again, back, SLAB_BLOCK, SLAB_BLOCK),
			     SLAB_BLOCK);
		cr_assert_eq(back[5], 'r' + allowed);
		for (int i = 0; i < 2; i++) {
			op = (struct disk_op){.kind = DISK_CLOSE, .file = i ? again : file};
			disk->ops->run(disk, &op);
		}
		teardown();
		free(memory);
	}
}

Test(disk_uring, a_directory_that_is_not_there)
{
	struct disk_uring_config config = {.depth = 2,
					   .direct = PLAN_DIRECT_AUTO,
					   .probe_path = "/nonexistent/x",
					   .helper_cpu = -1};

	cr_assert_eq(disk_uring_create(&disk, &config, err, sizeof(err)), -ENOENT);
	cr_assert_str_eq(err, "/nonexistent/x: cannot write there: No such file or directory");
}

/* /proc has no O_DIRECT, and no files of ours either. */
Test(disk_uring, an_error_has_a_path_and_a_reason)
{
	struct disk_uring_config config = {
		.depth = 2, .direct = PLAN_DIRECT_ON, .probe_path = "/proc", .helper_cpu = -1};

	cr_assert_lt(disk_uring_create(&disk, &config, err, sizeof(err)), 0);
	cr_assert_eq(strncmp(err, "/proc: ", 7), 0, "%s", err);
}
