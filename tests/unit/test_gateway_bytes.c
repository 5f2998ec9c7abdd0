/* Whole requests and answers, byte for byte: each API's lowest, first flexible and highest version.
 * Topic "s" has three epochs here, of which the second got no records. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "gateway_testing.h"

static const struct {
	int16_t key, version;
	const char *what, *request, *answer;
} rows[] = {
#include "gateway_bytes.inc"
};

/* The directory has files that name what is else different each time. */
static void setup(void)
{
	static const char epochs[] = "0\n3\n0 0\n1 10\n2 10\n";
	static const char metadata[] = "version: 0\ntopic_id: AQIDBAUGRwiJCgsMDQ4PEA";

	build_dir(dir);
	gateway_testing_log(dir);
	build_file(dir, "s-0", LOG_NAME_EPOCHS, epochs, strlen(epochs), 0);
	build_file(dir, "s-0", LOG_NAME_METADATA, metadata, strlen(metadata), 0);
	cr_assert_eq(catalog_open(&catalog, NULL, dir), 0);
	strcpy(catalog.cluster_id, "weir-test");
}

TestSuite(gateway_bytes, .init = setup, .fini = gateway_testing_teardown);

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t len = strlen(hex) / 2;

	for (size_t i = 0; i < len; i++)
		cr_assert_eq(sscanf(hex + 2 * i, "%2hhx", &out[i]), 1);
	return len;
}

/* The answer as a client gets it, without its length. */
static size_t deliver(uint8_t *out, size_t room)
{
	size_t budget = 1 << 20, got = 0;
	int pair[2];

	cr_assert(answer_finish(&answer));
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	cr_assert_eq(answer_send(&answer, pair[0], &budget), ANSWER_DONE);
	close(pair[0]);
	for (ssize_t n; (n = read(pair[1], out + got, room - got)) > 0;)
		got += (size_t)n;
	close(pair[1]);
	cr_assert_geq(got, 4);
	cr_assert_eq(log_get32(out), got - 4);
	memmove(out, out + 4, got - 4);
	return got - 4;
}

Test(gateway_bytes, answers)
{
	static uint8_t frame[4096], want[1 << 16], got[1 << 16];
	struct disk_thread *disk;

	cr_assert_eq(disk_thread_create(&disk), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = from_hex(rows[i].request, frame);

		struct api_kept kept = {0};

		call = (struct api_call){.catalog = &catalog,
					 .disk = disk,
					 .kept = &kept,
					 .host = "127.0.0.1",
					 .port = 9092,
					 .watches = watches,
					 .answer = &answer};
		answer_clear(&answer);
		cr_assert_eq(log_get16(frame), rows[i].key);
		cr_assert_eq(log_get16(frame + 2), rows[i].version);
		enum api_result result = api_handle(&call, frame, len);
		if (result == API_WAIT && kept.lookup) {
			gateway_testing_wait(disk, kept.lookup);
			answer_clear(&answer);
			result = api_handle(&call, frame, len);
		}
		api_kept_clear(&kept);
		cr_assert_eq(result, API_SEND, "row %zu: %s", i, rows[i].what);
		size_t got_len = deliver(got, sizeof(got)),
		       want_len = from_hex(rows[i].answer, want);

		cr_assert_eq(got_len, want_len, "row %zu: %s: %zu bytes, not %zu", i, rows[i].what,
			     got_len, want_len);
		cr_assert_arr_eq(got, want, want_len, "row %zu: %s", i, rows[i].what);
	}
	disk_thread_destroy(disk);
}
