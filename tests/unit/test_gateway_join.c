/* JoinGroup as it comes over the wire: who may name how many protocols. */
#include "gateway_testing.h"

static struct groups groups;

static void setup(void)
{
	gateway_testing_setup();
	gateway_testing_groups(&groups, dir);
}

static void teardown(void)
{
	groups_close(&groups);
	gateway_testing_teardown();
}

TestSuite(gateway_join, .init = setup, .fini = teardown);

/* A new member of group "g" with so many protocols, "p0" first; version 5. */
static int16_t join(int32_t protocols, const char *last)
{
	struct api_kept kept = {0};

	call = (struct api_call){.catalog = &catalog,
				 .groups = &groups,
				 .kept = &kept,
				 .peer = "127.0.0.1",
				 .answer = &answer};
	gateway_testing_header(&request, API_KEY_JOIN_GROUP, 5);
	wire_put_text(&request, "g");
	wire_put32(&request, 10000);
	wire_put32(&request, 10000);
	wire_put_text(&request, "");
	wire_put_text(&request, NULL);
	wire_put_text(&request, "consumer");
	wire_put_array(&request, protocols);
	for (int32_t i = 0; i < protocols; i++) {
		char name[8];

		snprintf(name, sizeof(name), "p%d", i);
		wire_put_text(&request, i == protocols - 1 && last ? last : name);
		wire_put_bytes(&request, "meta", 4);
	}
	answer_clear(&answer);
	cr_assert_eq(api_handle(&call, request.data, request.len), API_SEND);
	/* Behind length, correlation id and throttle. */
	struct wire_reader r = {.at = answer.writer.data + 12,
				.end = answer.writer.data + answer.writer.len};
	return wire_get16(&r);
}

/* Each member's are compared with all others': see groups/group_protocol.c. */
Test(gateway_join, a_member_names_few_protocols)
{
	char name[GROUP_NAME_MAX + 2];

	memset(name, 'x', sizeof(name));
	name[GROUP_NAME_MAX + 1] = 0;
	cr_assert_eq(join(GROUP_PROTOCOLS_MAX, NULL), ERROR_MEMBER_ID_REQUIRED);
	cr_assert_eq(join(GROUP_PROTOCOLS_MAX + 1, NULL), ERROR_INCONSISTENT_GROUP_PROTOCOL);
	cr_assert_eq(join(2, name), ERROR_INCONSISTENT_GROUP_PROTOCOL);
	cr_assert_eq(join(2, name + 1), ERROR_MEMBER_ID_REQUIRED);
	cr_assert_eq(join(0, NULL), ERROR_INCONSISTENT_GROUP_PROTOCOL);
}
