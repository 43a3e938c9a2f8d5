// SPDX-License-Identifier: Apache-2.0
// The protocols of the load generator: what is asked is what a node reads, answers are cut out byte
// by byte, frames of floors are as long as those they stand for.
#include "base/err.h"
#include "client/bench/speaker.h"
#include "node/wire/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct values values;
static struct phrases phrases;
static struct wire_decoder decoder;

static int begin(void **state)
{
    (void)state;
    phrases = (struct phrases){.values = &values};
    values_init(&values, 100, 100, 1);
    request_init(&phrases.get, METHOD_GET);
    request_init(&phrases.put, METHOD_PUT);
    phrases.get.bucket = phrases.put.bucket = slice_of_text("bench");
    phrases.get.r = 1;
    phrases.put.w = 2;
    phrases.put.blind = BLIND_OVERWRITE;
    floor_measure(&phrases);
    return 0;
}

static int end(void **state)
{
    (void)state;
    values_done(&values);
    wire_decoder_done(&decoder);
    return 0;
}

static struct speech speech_of(const struct speaker *speaker)
{
    struct speech speech = {.phrases = &phrases, .decoder = &decoder};

    speaker->start(&speech);
    return speech;
}

// Feeds bytes one more at a time; the answer must be there with the last one, and not before.
static void next_whole(const struct speaker *speaker, struct slice bytes, bool write,
                       struct answer *out)
{
    struct speech speech = speech_of(speaker);

    for (size_t size = 0; size < bytes.size; size++) {
        uint8_t *moved = malloc(size + 1);

        memcpy(moved, bytes.data, size);
        assert_int_equal(speaker->next(&speech, slice_of(moved, size), write, out), ERR_AGAIN);
        free(moved);
    }
    assert_int_equal(speaker->next(&speech, bytes, write, out), 0);
    assert_int_equal(out->size, bytes.size);
}

// ---- quorate ------------------------------------------------------------------------------------

static void quorate_asks(void **state)
{
    struct speech speech = speech_of(&speaker_quorate);
    struct ask ask = {.id = 70000, .key = 5, .name = slice_of_text("user000000000005")};
    struct wire_request request;
    struct buffer out = {0};

    (void)state;
    speaker_quorate.ask(&speech, &ask, &out);
    assert_int_equal(request_decode(buffer_slice(&out), &decoder, &request), 0);
    assert_int_equal(request.id, 70000);
    assert_int_equal(request.request.method, METHOD_GET);
    assert_int_equal(request.request.r, 1);
    assert_true(slice_is(request.request.key, "user000000000005"));
    out.size = 0;
    ask.write = true;
    ask.value = slice_of_text("value");
    speaker_quorate.ask(&speech, &ask, &out);
    assert_int_equal(request_decode(buffer_slice(&out), &decoder, &request), 0);
    assert_int_equal(request.request.method, METHOD_PUT);
    assert_int_equal(request.request.w, 2);
    assert_int_equal(request.request.blind, BLIND_OVERWRITE);
    assert_true(slice_is(request.request.value, "value"));
    out.size = 0;
    ask.token = slice_of_text("token");
    speaker_quorate.ask(&speech, &ask, &out);
    assert_int_equal(request_decode(buffer_slice(&out), &decoder, &request), 0);
    assert_true(request.request.has_token && slice_is(request.request.token, "token"));
    buffer_done(&out);
}

static void quorate_answers(void **state)
{
    struct version versions[2] = {{.dot = {1, 2}, .value = slice_of_text("red")},
                                  {.dot = {2, 2}, .value = slice_of_text("blue")}};
    struct version many[ANSWER_VALUES_MAX + 1] = {{.dot = {1, 1}}};
    struct reply reply = {.method = METHOD_GET,
                          .found = true,
                          .versions = versions,
                          .version_count = 2,
                          .token = slice_of_text("\1token"),
                          .r = 2,
                          .replies = 2};
    struct speech speech = speech_of(&speaker_quorate);
    struct answer answer;
    struct buffer out = {0};

    (void)state;
    reply_encode(9, &reply, &out);
    next_whole(&speaker_quorate, buffer_slice(&out), false, &answer);
    assert_int_equal(answer.id, 9);
    assert_int_equal(answer.err, 0);
    assert_true(answer.found);
    assert_int_equal(speaker_quorate.read(&speech, &answer), 0);
    assert_int_equal(answer.value_count, 2);
    assert_true(slice_is(answer.values[1], "blue"));
    assert_true(slice_is(answer.token, "\1token"));
    assert_false(answer.has_more);
    out.size = 0;
    reply.versions = many;
    reply.version_count = ANSWER_VALUES_MAX + 1;
    reply_encode(9, &reply, &out);
    next_whole(&speaker_quorate, buffer_slice(&out), false, &answer);
    assert_int_equal(speaker_quorate.read(&speech, &answer), 0);
    assert_int_equal(answer.value_count, ANSWER_VALUES_MAX);
    assert_true(answer.has_more);
    out.size = 0;
    reply = (struct reply){.method = METHOD_GET, .r = 2};
    reply_encode(300, &reply, &out);
    next_whole(&speaker_quorate, buffer_slice(&out), false, &answer);
    assert_int_equal(answer.id, 300);
    assert_false(answer.found);
    out.size = 0;
    reply = (struct reply){.method = METHOD_PUT, .dot = {1, 1}, .acks = 2, .w = 2};
    reply_encode(1, &reply, &out);
    next_whole(&speaker_quorate, buffer_slice(&out), true, &answer);
    assert_int_equal(answer.err, 0);
    buffer_done(&out);
}

static void quorate_failures(void **state)
{
    static const char *const texts[] = {
        "put k: 1 of 2 acknowledgements in 2000 ms", "",
        "a sentence that is longer than what fits into the shortest "
        "spelling of a text, and then some more of it until it does "
        "not fit into the next one either, which ends at two hundred "
        "and fifty-five bytes: that is soon, and now it is certainly "
        "reached"};
    struct answer answer;
    struct buffer out = {0};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct reply reply = {.method = METHOD_PUT,
                              .err = ERR_TIMEOUT,
                              .acks = 1,
                              .w = 2,
                              .dot = {1, 1},
                              .text = slice_of_text(texts[i])};

        out.size = 0;
        reply_encode(2, &reply, &out);
        next_whole(&speaker_quorate, buffer_slice(&out), true, &answer);
        assert_int_equal(answer.err, ERR_TIMEOUT);
        assert_true(slice_is(answer.text, texts[i]));
    }
    out.size = 0;
    reply_encode_error(2, ERR_OVERLOADED, slice_of_text("full"), &out);
    next_whole(&speaker_quorate, buffer_slice(&out), false, &answer);
    assert_int_equal(answer.err, ERR_OVERLOADED);
    buffer_done(&out);
}

static void quorate_nonsense(void **state)
{
    struct speech speech = speech_of(&speaker_quorate);
    struct answer answer;
    struct buffer out = {0};

    (void)state;
    assert_int_equal(speaker_quorate.next(&speech, slice_of_text("HTTP/1.1 200"), false, &answer),
                     ERR_PROTOCOL);
    speech = speech_of(&speaker_quorate);
    request_encode(1, &phrases.get, &out); // a request is no answer
    assert_int_equal(speaker_quorate.next(&speech, buffer_slice(&out), false, &answer),
                     ERR_PROTOCOL);
    buffer_done(&out);
}

// ---- floors -------------------------------------------------------------------------------------

static void floor_frame(bool write, uint32_t size, uint32_t *out_size, uint32_t *out_reply)
{
    struct speech speech = speech_of(&speaker_floor);
    struct ask ask = {.id = 7, .write = write, .name = slice_of_text("user000000000005")};
    struct buffer out = {0};

    values_done(&values);
    values_init(&values, size, size, 1);
    speaker_floor.ask(&speech, &ask, &out);
    *out_size = bytes_u32(out.data);
    *out_reply = bytes_u32(out.data + 4);
    assert_int_equal(out.size, *out_size);
    assert_int_equal(bytes_u64(out.data + 8), 7);
    buffer_done(&out);
}

static void floor_sizes(void **state)
{
    static const uint32_t sizes[] = {0, 1, 100, 255, 256, 65535, 65536, 1 << 20};
    uint8_t token[16] = {1};

    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *bytes = calloc(1, sizes[i] + 1);
        struct version version = {
            .dot = {UINT64_MAX, 1000}, .stamp = UINT64_MAX, .value = slice_of(bytes, sizes[i])};
        struct reply got = {.method = METHOD_GET,
                            .found = true,
                            .versions = &version,
                            .version_count = 1,
                            .r = 2,
                            .replies = 2,
                            .token = slice_of(token, sizeof token)};
        struct reply done = {
            .method = METHOD_PUT, .dot = version.dot, .acks = 2, .w = 2, .token = got.token};
        struct request put = phrases.put;
        struct buffer out = {0};
        uint32_t size, reply;

        put.key = slice_of_text("user000000000005");
        put.value = version.value;
        request_encode(7, &put, &out);
        floor_frame(true, sizes[i], &size, &reply);
        assert_int_equal(size, out.size);
        out.size = 0;
        reply_encode(7, &done, &out);
        assert_int_equal(reply, out.size);
        out.size = 0;
        reply_encode(7, &got, &out);
        floor_frame(false, sizes[i], &size, &reply);
        assert_int_equal(reply, out.size);
        phrases.echo = true;
        floor_frame(true, sizes[i], &size, &reply);
        assert_int_equal(reply, size);
        phrases.echo = false;
        buffer_done(&out);
        free(bytes);
    }
}

static void floor_answers(void **state)
{
    struct speech speech = speech_of(&speaker_floor);
    uint8_t frame[40] = {40};
    struct answer answer;

    (void)state;
    bytes_put_u64(frame + 8, 77);
    next_whole(&speaker_floor, slice_of(frame, sizeof frame), true, &answer);
    assert_int_equal(answer.id, 77);
    frame[0] = 15;
    assert_int_equal(speaker_floor.next(&speech, slice_of(frame, sizeof frame), true, &answer),
                     ERR_PROTOCOL);
}

// ---- redis --------------------------------------------------------------------------------------

static void redis_asks(void **state)
{
    struct speech speech = speech_of(&speaker_redis);
    struct ask ask = {.name = slice_of_text("k"), .value = slice_of_text("hello world")};
    struct buffer out = {0};

    (void)state;
    speaker_redis.ask(&speech, &ask, &out);
    assert_true(slice_is(buffer_slice(&out), "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"));
    out.size = 0;
    ask.write = true;
    speaker_redis.ask(&speech, &ask, &out);
    assert_true(
        slice_is(buffer_slice(&out), "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$11\r\nhello world\r\n"));
    out.size = 0;
    phrases.wait = 1;
    phrases.wait_ms = 2000;
    speaker_redis.ask(&speech, &ask, &out);
    assert_true(slice_is(buffer_slice(&out), "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$11\r\nhello "
                                             "world\r\n*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$4\r\n2000"
                                             "\r\n"));
    buffer_done(&out);
}

static void redis_answers(void **state)
{
    struct speech speech = speech_of(&speaker_redis);
    struct answer answer;

    (void)state;
    next_whole(&speaker_redis, slice_of_text("$5\r\nhe\r\nl\r\n"), false, &answer);
    assert_true(answer.found && answer.err == 0);
    assert_int_equal(speaker_redis.read(&speech, &answer), 0);
    assert_int_equal(answer.value_count, 1);
    assert_true(slice_is(answer.values[0], "he\r\nl"));
    next_whole(&speaker_redis, slice_of_text("$0\r\n\r\n"), false, &answer);
    assert_true(answer.found);
    next_whole(&speaker_redis, slice_of_text("$-1\r\n"), false, &answer);
    assert_false(answer.found);
    next_whole(&speaker_redis, slice_of_text("+OK\r\n"), true, &answer);
    assert_int_equal(answer.err, 0);
    next_whole(&speaker_redis, slice_of_text("-OOM command not allowed\r\n"), true, &answer);
    assert_int_equal(answer.err, ERR_OVERLOADED);
    next_whole(&speaker_redis, slice_of_text("-ERR no\r\n"), false, &answer);
    assert_int_equal(answer.err, ERR_INVALID);
    assert_true(slice_is(answer.text, "ERR no"));
    phrases.wait = 2;
    next_whole(&speaker_redis, slice_of_text("+OK\r\n:2\r\n"), true, &answer);
    assert_int_equal(answer.err, 0);
    next_whole(&speaker_redis, slice_of_text("+OK\r\n:1\r\n"), true, &answer);
    assert_int_equal(answer.err, ERR_TIMEOUT);
    next_whole(&speaker_redis, slice_of_text("$-1\r\n"), false, &answer); // no WAIT behind a GET
    assert_int_equal(answer.err, 0);
    assert_int_equal(speaker_redis.next(&speech, slice_of_text("x\n"), false, &answer),
                     ERR_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(quorate_asks, begin, end),
        cmocka_unit_test_setup_teardown(quorate_answers, begin, end),
        cmocka_unit_test_setup_teardown(quorate_failures, begin, end),
        cmocka_unit_test_setup_teardown(quorate_nonsense, begin, end),
        cmocka_unit_test_setup_teardown(floor_sizes, begin, end),
        cmocka_unit_test_setup_teardown(floor_answers, begin, end),
        cmocka_unit_test_setup_teardown(redis_asks, begin, end),
        cmocka_unit_test_setup_teardown(redis_answers, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
