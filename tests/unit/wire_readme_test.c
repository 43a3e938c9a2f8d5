// SPDX-License-Identifier: Apache-2.0
// The examples of node/wire/README.md, which strangers write clients by, against the code: what it
// says a client may send is understood, and what it says a node answers is sent to the byte.
//
// An example is a block that begins with ```hex NAME; behind a # stands what the bytes mean.
#include "base/err.h"
#include "node/wire/client.h"
#include "node/wire/peer.h"
#include "node/wire/rpc.h"
#include "tests/lib/saying.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct wire_decoder decoder;

static const uint8_t token_bytes[] = {1,    0x9d, 0x5f, 0x08, 0x2c, 1,    0xef, 0xcd,
                                      0xab, 0x89, 0x67, 0x45, 0x23, 0x01, 3,    0};
static const struct slice token = {token_bytes, sizeof token_bytes};

// ---- reading the page ---------------------------------------------------------------------------

static void add_hex(const char *line, struct buffer *out)
{
    unsigned byte;
    int size;

    while (sscanf(line, " %2x%n", &byte, &size) == 1) {
        buffer_add_u8(out, (uint8_t)byte);
        line += size;
    }
}

// The bytes of an example; fails the test when there is none of that name.
static struct buffer example(const char *name)
{
    FILE *page = fopen("node/wire/README.md", "r");
    struct buffer bytes = {0};
    char line[512];
    char begin[100];
    bool inside = false;

    assert_non_null(page);
    snprintf(begin, sizeof begin, "```hex %s\n", name);
    while (fgets(line, sizeof line, page)) {
        if (inside && strncmp(line, "```", 3) == 0)
            break;
        if (inside)
            add_hex(line, &bytes);
        if (strcmp(line, begin) == 0)
            inside = true;
    }
    fclose(page);
    if (bytes.size == 0)
        fail_msg("README.md has no example \"%s\"", name);
    return bytes;
}

static void expect_bytes(const char *name, struct buffer *encoded)
{
    struct buffer bytes = example(name);
    bool same = slice_equal(buffer_slice(&bytes), buffer_slice(encoded));

    if (!same) {
        print_message("%s is sent as:", name);
        for (size_t i = 0; i < encoded->size; i++)
            print_message(" %02x", encoded->data[i]);
        print_message("\n");
    }
    buffer_done(&bytes);
    buffer_done(encoded);
    assert_true(same);
}

static void expect_request(const char *name, uint32_t id, const struct request *request)
{
    struct buffer bytes = example(name);
    struct wire_request back;
    struct rpc_scan scan;
    size_t size = 0;

    rpc_scan_init(&scan, VALUE_SIZE_DEFAULT, REQUEST_VALUES_MAX);
    assert_int_equal(rpc_scan_more(&scan, buffer_slice(&bytes), &size), 0);
    assert_int_equal(size, bytes.size);
    assert_int_equal(request_decode(buffer_slice(&bytes), &decoder, &back), 0);
    assert_int_equal(back.refused, 0);
    assert_int_equal(back.id, id);
    saying_same_request(&back.request, request);
    buffer_done(&bytes);
}

static void expect_reply(const char *name, uint32_t id, const struct reply *reply)
{
    struct buffer bytes = {0};
    struct reply back;

    reply_encode(id, reply, &bytes);
    assert_int_equal(reply_decode(buffer_slice(&bytes), reply->method, &decoder, &back), 0);
    saying_same_reply(reply, &back);
    expect_bytes(name, &bytes);
}

// ---- the examples -------------------------------------------------------------------------------

static struct request keyed(enum method method)
{
    struct request request;

    request_init(&request, method);
    request.bucket = slice_of_text("users");
    request.key = slice_of_text("ada");
    return request;
}

static const struct dot dot = {0x0123456789abcdef, 3};

static void get(void **state)
{
    struct request request = keyed(METHOD_GET);
    struct version version = {dot, 0x0192a1b2c3d40000, 0, slice_of_text("1815")};
    struct reply reply = {.method = METHOD_GET,
                          .found = true,
                          .versions = &version,
                          .version_count = 1,
                          .token = token,
                          .replies = 2,
                          .r = 2,
                          .unanimous = true};
    struct reply none = {.method = METHOD_GET, .replies = 2, .r = 2, .unanimous = true};

    (void)state;
    expect_request("get", 1, &request);
    expect_reply("get found", 1, &reply);
    expect_reply("get not found", 1, &none);
    request.r = LEVEL_ALL;
    request.timeout_ms = 500;
    expect_request("get with options", 1, &request);
}

static void put(void **state)
{
    struct request request = keyed(METHOD_PUT);
    struct reply reply = {.method = METHOD_PUT, .dot = dot, .token = token, .acks = 2, .w = 2};
    struct reply late = {.method = METHOD_PUT,
                         .err = ERR_TIMEOUT,
                         .text = slice_of_text("put ada: 1 of 2 acknowledgements in 2000 ms"),
                         .dot = dot,
                         .acks = 1,
                         .w = 2};

    (void)state;
    request.value = slice_of_text("1815");
    expect_request("put", 2, &request);
    expect_reply("put done", 2, &reply);
    expect_reply("put timeout", 2, &late);
    request.has_token = true;
    request.token = token;
    expect_request("put with context", 2, &request);
    expect_request("put with context as text", 2, &request);
}

static void remove_key(void **state)
{
    struct request request = keyed(METHOD_DELETE);

    (void)state;
    request.has_token = true;
    request.token = token;
    expect_request("delete", 3, &request);
}

static void scan(void **state)
{
    struct version version = {dot, 0x0192a1b2c3d40000, 0, slice_of_text("1815")};
    struct scan_item item = {slice_of_text("users"), slice_of_text("ada"), &version, 1, token};
    struct reply reply = {.method = METHOD_SCAN,
                          .items = &item,
                          .item_count = 1,
                          .more = true,
                          .after = slice_of_text("0123456789abcdef")};
    struct request request;

    (void)state;
    request_init(&request, METHOD_SCAN);
    request.shard = 17;
    request.items_max = 1;
    expect_request("scan", 4, &request);
    expect_reply("scan done", 4, &reply);
}

static void replicas(void **state)
{
    struct clock clock = {0};
    struct replica_view view = {17, true, true, 2, 40, 0x7777, 1, 0, clock};
    struct reply reply = {.method = METHOD_REPLICAS, .replicas = &view, .replica_count = 1};
    struct request request;

    (void)state;
    clock_add_run(&view.clock, (struct run){0x0123456789abcdef, 1, 3});
    request_init(&request, METHOD_REPLICAS);
    request.shard = 17;
    request.items_max = 1;
    expect_request("replicas", 8, &request);
    expect_reply("replicas done", 8, &reply);
    clock_done(&view.clock);
}

static void held(void **state)
{
    struct dot dots[1] = {dot};
    struct held_key key = {slice_of_text("0123456789abcdef"), slice_of_text("users"),
                           slice_of_text("ada"), dots, 1};
    struct reply reply = {.method = METHOD_HELD,
                          .held = &key,
                          .held_count = 1,
                          .after = slice_of_text("0123456789abcdef")};
    struct request request;

    (void)state;
    request_init(&request, METHOD_HELD);
    request.shard = 17;
    expect_request("held", 9, &request);
    expect_reply("held done", 9, &reply);
}

static void compact(void **state)
{
    struct reply reply = {
        .method = METHOD_COMPACT,
        .compaction = {
            .state = COMPACTION_DONE, .bytes_before = 400, .bytes_after = 200, .elapsed_ms = 17}};
    struct request request;

    (void)state;
    request_init(&request, METHOD_COMPACT);
    request.start = true;
    expect_request("compact", 10, &request);
    expect_reply("compact done", 10, &reply);
    reply.compaction = (struct compaction){
        COMPACTION_FAILED, ERR_OVERLOADED, slice_of_text("try again"), 400, 0, 17};
    expect_reply("compact failed", 10, &reply);
}

static void buckets(void **state)
{
    struct reply reply = {.method = METHOD_BUCKET_SHOW, .properties = bucket_properties_default};
    struct request request;

    (void)state;
    request_init(&request, METHOD_BUCKET_SET);
    request.bucket = slice_of_text("users");
    request.set = BUCKET_SET_CONFLICT | BUCKET_SET_W;
    request.properties.conflict = CONFLICT_LWW;
    request.properties.w = LEVEL_ALL;
    expect_request("bucket_set", 5, &request);
    request_init(&request, METHOD_BUCKET_SHOW);
    request.bucket = slice_of_text("users");
    expect_request("bucket_show", 5, &request);
    reply.properties.conflict = CONFLICT_LWW;
    reply.properties.w = LEVEL_ALL;
    expect_reply("bucket properties", 5, &reply);
}

static void cluster(void **state)
{
    struct member member = {.id = 0x00000000000000a1,
                            .name = "n1",
                            .zone = "",
                            .host = "h1",
                            .client_address = "10.0.0.1:7400",
                            .peer_address = "10.0.0.1:7401",
                            .weight = 100};
    uint16_t owners[2] = {0, 0};
    struct topology topology = {1, 0, 0xc1, 0x5eed, 2, 1, &member, 1, owners};
    struct member_view view = {member, MEMBER_ALIVE, true, true, 2, 1, 0x7777};
    struct reply reply = {
        .method = METHOD_TOPOLOGY, .topology = &topology, .members = &view, .member_count = 1};
    struct request request;

    (void)state;
    request_init(&request, METHOD_CLUSTER_INIT);
    request.nodes = 3;
    expect_request("cluster_init", 6, &request);
    request_init(&request, METHOD_TOPOLOGY);
    expect_request("topology", 7, &request);
    expect_reply("topology answer", 7, &reply);
}

static void ping_and_status(void **state)
{
    struct reply reply = {.method = METHOD_PING,
                          .status = {.id = 0xa1,
                                     .name = slice_of_text("n1"),
                                     .cluster = 0xc1,
                                     .epoch = 1,
                                     .build = slice_of_text("0.1.0")}};
    struct request request;

    (void)state;
    request_init(&request, METHOD_PING);
    expect_request("ping", 0, &request);
    expect_reply("ping answer", 0, &reply);
    request_init(&request, METHOD_STATUS);
    expect_request("status", 8, &request);
}

static void errors(void **state)
{
    struct buffer bytes = example("unknown method");
    struct buffer answer = {0};
    struct wire_request back;

    (void)state;
    assert_int_equal(request_decode(buffer_slice(&bytes), &decoder, &back), 0);
    assert_int_equal(back.refused, ERR_METHOD);
    reply_encode_error(back.id, back.refused, back.text, &answer);
    expect_bytes("unknown method answer", &answer);
    buffer_done(&bytes);
    bytes = example("misspelt option");
    assert_int_equal(request_decode(buffer_slice(&bytes), &decoder, &back), 0);
    assert_int_equal(back.refused, ERR_INVALID);
    reply_encode_error(back.id, back.refused, back.text, &answer);
    expect_bytes("misspelt option answer", &answer);
    buffer_done(&bytes);
}

static void peers(void **state)
{
    struct hello hello = {0xc1, 0xa1, 0xac, 1, PEER_PROTOCOL, slice_of_text("n1")};
    struct hello_answer answer = {.id = 1, .hello = hello};
    struct message message = {.kind = MESSAGE_APPLIED, .op = 77};
    struct buffer bytes = {0};

    (void)state;
    hello_encode(1, &hello, &bytes);
    expect_bytes("hello", &bytes);
    hello_answer_encode(&answer, &bytes);
    expect_bytes("hello answer", &bytes);
    peer_message_encode(&message, &bytes);
    expect_bytes("applied", &bytes);
}

// Every error code has a row in the page's table.
static void error_table(void **state)
{
    static char page[1 << 17];
    FILE *file = fopen("node/wire/README.md", "r");
    char row[64];
    size_t size;

    (void)state;
    assert_non_null(file);
    size = fread(page, 1, sizeof page - 1, file);
    page[size] = 0;
    fclose(file);
#define X(name, number, code, exit_code, text)                                                     \
    snprintf(row, sizeof row, "\n| `%s` | %d | %d |", code, number, exit_code);                    \
    if (!strstr(page, row))                                                                        \
        fail_msg("README.md lacks the row%s", row);
    ERR_MAP(X)
#undef X
}

static int done(void **state)
{
    (void)state;
    wire_decoder_done(&decoder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get),         cmocka_unit_test(put),
        cmocka_unit_test(remove_key),  cmocka_unit_test(scan),
        cmocka_unit_test(replicas),    cmocka_unit_test(held),
        cmocka_unit_test(buckets),     cmocka_unit_test(cluster),
        cmocka_unit_test(errors),      cmocka_unit_test(ping_and_status),
        cmocka_unit_test(error_table), cmocka_unit_test(peers),
        cmocka_unit_test(compact),
    };

    return cmocka_run_group_tests(tests, NULL, done);
}
