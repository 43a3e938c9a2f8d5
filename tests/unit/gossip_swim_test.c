// SPDX-License-Identifier: Apache-2.0
// One membership machine, alone against whoever talks to it: streams, helpers, conflicts, and bytes
// that mean harm.
#include "base/err.h"
#include "base/rng.h"
#include "gossip/exchange.h"
#include "gossip/observer.h"
#include "gossip/packet.h"
#include "gossip/swim.h"
#include "tests/lib/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { START_MS = 5000 };

static struct arena arena;
static struct swim_address peer;

static struct swim *start(uint32_t members_max)
{
    struct swim_settings settings;
    struct swim *swim;

    peer = swim_address_of(slice_of("\x7f\0\0\1", 4), 17946);
    swim_settings_init(&settings, SWIM_LAN);
    settings.node_id = 0xabc;
    settings.seed = 1;
    settings.address = swim_address_of(slice_of("\x7f\0\0\1", 4), 7946);
    settings.members_max = members_max;
    settings.streams_max = 4;
    assert_int_equal(swim_new(&settings, START_MS, &swim), 0);
    return swim;
}

static const struct swim_action *find(const struct swim *swim, enum swim_action_kind kind)
{
    size_t count;
    const struct swim_action *actions = swim_actions(swim, &count);

    for (size_t i = 0; i < count; i++) {
        if (actions[i].kind == kind)
            return &actions[i];
    }
    return NULL;
}

// The first message of the first datagram among the actions.
static struct message sent(const struct swim *swim)
{
    static struct packet packet;
    const struct swim_action *action = find(swim, SWIM_DATAGRAM);
    struct message message;

    assert_non_null(action);
    assert_int_equal(packet_open(action->bytes, &arena, &packet), 0);
    assert_int_equal(message_decode(packet.parts[0], &message), 0);
    return message;
}

static void give(struct swim *swim, const struct message *message)
{
    struct buffer bytes = {0};

    message_encode(message, &bytes);
    swim_datagram(swim, START_MS, &peer, buffer_slice(&bytes));
    buffer_done(&bytes);
}

static struct message alive_of(const char *name, uint16_t port, uint32_t incarnation)
{
    return (struct message){
        .type = MESSAGE_ALIVE,
        .node = slice_of_text(name),
        .address = swim_address_of(slice_of("\x7f\0\0\1", 4), port),
        .incarnation = incarnation,
        .version = {1, 5, 2, 0, 0, 0},
    };
}

static void test_ping(void **state)
{
    struct swim *swim = start(16);
    struct message ping = {.sequence = 77, .node = slice_of_text("0000000000000abc")};

    (void)state;
    give(swim, &ping);
    assert_int_equal(sent(swim).type, MESSAGE_ACK);
    assert_int_equal(sent(swim).sequence, 77);
    assert_int_equal(find(swim, SWIM_DATAGRAM)->address.port, 17946);
    ping.source = swim_address_of(slice_of("\x0a\0\0\1", 4), 99);
    give(swim, &ping);
    assert_int_equal(find(swim, SWIM_DATAGRAM)->address.port, 99);
    ping.node = slice_of_text("somebody else");
    give(swim, &ping);
    assert_null(find(swim, SWIM_DATAGRAM));
    swim_free(swim);
}

// Accused and pinged in one datagram, the ping first as memberlist has it: the answer brings the
// refutation along.
static void test_answer_refutes(void **state)
{
    static struct packet packet;
    struct swim *swim = start(16);
    struct message ping = {.sequence = 77, .node = slice_of_text("0000000000000abc")};
    struct message suspect = {
        .type = MESSAGE_SUSPECT, .node = ping.node, .from = slice_of_text("ga"), .incarnation = 1};
    struct message alive;
    struct buffer first = {0}, second = {0}, bytes = {0};

    (void)state;
    message_encode(&ping, &first);
    message_encode(&suspect, &second);
    packet_seal((struct slice[]){buffer_slice(&first), buffer_slice(&second)}, 2, 0, &bytes);
    swim_datagram(swim, START_MS, &peer, buffer_slice(&bytes));
    assert_int_equal(sent(swim).type, MESSAGE_ACK);
    assert_int_equal(packet_open(find(swim, SWIM_DATAGRAM)->bytes, &arena, &packet), 0);
    assert_int_equal(packet.count, 2);
    assert_int_equal(message_decode(packet.parts[1], &alive), 0);
    assert_int_equal(alive.type, MESSAGE_ALIVE);
    assert_int_equal(alive.incarnation, 2);
    buffer_done(&first);
    buffer_done(&second);
    buffer_done(&bytes);
    swim_free(swim);
}

// A ping on behalf of another: the answer carries the asker's number; silence gives a nack.
static void test_relay(void **state)
{
    struct swim *swim = start(16);
    struct message ask = {
        .type = MESSAGE_INDIRECT_PING,
        .sequence = 5,
        .nack = true,
        .node = slice_of_text("gc"),
        .target = swim_address_of(slice_of("\x7f\0\0\1", 4), 17948),
    };
    struct message ack = {.type = MESSAGE_ACK};

    (void)state;
    give(swim, &ask);
    assert_int_equal(sent(swim).type, MESSAGE_PING);
    assert_int_equal(find(swim, SWIM_DATAGRAM)->address.port, 17948);
    ack.sequence = sent(swim).sequence;
    give(swim, &ack);
    assert_int_equal(sent(swim).type, MESSAGE_ACK);
    assert_int_equal(sent(swim).sequence, 5);
    give(swim, &ack); // once only
    assert_null(find(swim, SWIM_DATAGRAM));
    give(swim, &ask);
    swim_tick(swim, START_MS + 500);
    assert_int_equal(sent(swim).type, MESSAGE_NACK);
    assert_int_equal(sent(swim).sequence, 5);
    // A nack in time for the asker, and an acknowledgement after it.
    give(swim, &ask);
    ack.sequence = sent(swim).sequence;
    swim_tick(swim, START_MS + 900);
    assert_int_equal(sent(swim).type, MESSAGE_NACK);
    give(swim, &ack);
    assert_int_equal(sent(swim).type, MESSAGE_ACK);
    assert_int_equal(sent(swim).sequence, 5);
    for (unsigned i = 0; i < 10000; i++)
        give(swim, &ask);
    swim_free(swim);
}

// Ticks until a datagram begins with a message of this type, or a notice comes. Returns its time.
static uint64_t tick_until(struct swim *swim, enum message_type type, uint32_t *sequence)
{
    for (;;) {
        uint64_t now_ms = swim_deadline(swim);

        swim_tick(swim, now_ms);
        if (find(swim, SWIM_NOTICE))
            return now_ms;
        if (find(swim, SWIM_DATAGRAM) && sent(swim).type == type) {
            *sequence = sent(swim).sequence;
            return now_ms;
        }
    }
}

// A failed probe says something about us as well: if the helper is silent too, we are the slow one;
// if it says that it could not reach the member either, we are not.
static void probe_in_vain(bool helper, bool nack, uint32_t health)
{
    struct swim *swim = start(16);
    struct message members[2] = {alive_of("gb", 1, 1), alive_of("gc", 2, 1)};
    struct message answer = {.type = MESSAGE_NACK};
    struct buffer bytes = {0};
    uint64_t now_ms;

    give(swim, &members[0]);
    if (helper)
        give(swim, &members[1]);
    if (nack) {
        now_ms = tick_until(swim, MESSAGE_INDIRECT_PING, &answer.sequence);
        message_encode(&answer, &bytes);
        swim_datagram(swim, now_ms, &peer, buffer_slice(&bytes));
    }
    tick_until(swim, MESSAGE_ERROR, &answer.sequence);
    assert_int_equal(find(swim, SWIM_NOTICE)->notice, SWIM_SUSPECT);
    assert_int_equal(swim_counts(swim)->probes_failed, 1);
    assert_int_equal(swim_health(swim), health);
    buffer_done(&bytes);
    swim_free(swim);
}

static void test_health(void **state)
{
    (void)state;
    probe_in_vain(false, false, 1);
    probe_in_vain(true, false, 1);
    probe_in_vain(true, true, 0);
}

static void test_conflict(void **state)
{
    struct swim *swim = start(16);
    struct message alive = alive_of("gb", 1, 1);
    struct message self = alive_of("0000000000000abc", 9999, 9);

    (void)state;
    give(swim, &alive);
    assert_int_equal(find(swim, SWIM_NOTICE)->notice, SWIM_JOINED);
    alive = alive_of("gb", 2, 5);
    give(swim, &alive);
    assert_int_equal(find(swim, SWIM_NOTICE)->notice, SWIM_CONFLICT);
    assert_int_equal(find(swim, SWIM_NOTICE)->address.port, 2);
    assert_int_equal(find(swim, SWIM_NOTICE)->member->address.port, 1);
    give(swim, &self);
    assert_int_equal(find(swim, SWIM_NOTICE)->notice, SWIM_CONFLICT);
    assert_int_equal(swim_self(swim)->address.port, 7946);
    assert_int_equal(swim_counts(swim)->conflicts, 2);
    // Somebody claims our name and address, in a newer life: we are still newer.
    self = alive_of("0000000000000abc", 7946, 9);
    give(swim, &self);
    assert_int_equal(find(swim, SWIM_NOTICE)->notice, SWIM_REFUTED);
    assert_int_equal(swim_self(swim)->incarnation, 10);
    swim_free(swim);
}

// A dead member's name may move once it is dead for longer than reclaim_ms, even in an older life.
static void test_reclaim(void **state)
{
    struct swim *swim = start(16);
    struct message alive = alive_of("gb", 1, 7);
    struct message dead = {
        .type = MESSAGE_DEAD,
        .node = slice_of_text("gb"),
        .from = slice_of_text("gc"),
        .incarnation = 7,
    };
    struct buffer bytes = {0};

    (void)state;
    give(swim, &alive);
    give(swim, &dead);
    assert_int_equal(find(swim, SWIM_NOTICE)->notice, SWIM_DEAD);
    alive = alive_of("gb", 2, 1);
    message_encode(&alive, &bytes);
    swim_datagram(swim, START_MS + 30000, &peer, buffer_slice(&bytes));
    assert_int_equal(find(swim, SWIM_NOTICE)->notice, SWIM_CONFLICT);
    swim_datagram(swim, START_MS + 30001, &peer, buffer_slice(&bytes));
    assert_int_equal(find(swim, SWIM_NOTICE)->notice, SWIM_JOINED);
    assert_int_equal(find(swim, SWIM_NOTICE)->member->address.port, 2);
    buffer_done(&bytes);
    swim_free(swim);
}

static void test_table_is_bounded(void **state)
{
    struct swim *swim = start(8);

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        char name[] = "n00";
        struct message alive;

        name[1] = (char)('0' + i / 10);
        name[2] = (char)('0' + i % 10);
        alive = alive_of(name, 1, 1);
        give(swim, &alive);
    }
    assert_int_equal(swim_count(swim), 8);
    assert_int_equal(swim_counts(swim)->members_refused, 93);
    swim_free(swim);
}

static void give_stream(struct swim *swim, uint64_t stream, const char *name)
{
    swim_stream_bytes(swim, START_MS, stream, vector_named(name, &arena));
}

static void test_streams(void **state)
{
    struct swim *swim = start(16);
    uint64_t stream = swim_accept(swim, START_MS, &peer);
    struct slice bytes = vector_named("pushpull-two-nodes", &arena);

    (void)state;
    // In pieces: nothing until the last byte is there, then our state, and theirs merged.
    for (size_t i = 0; i < bytes.size; i++) {
        assert_null(find(swim, SWIM_WRITE));
        swim_stream_bytes(swim, START_MS, stream, slice_of(bytes.data + i, 1));
    }
    assert_non_null(find(swim, SWIM_WRITE));
    assert_int_equal(find(swim, SWIM_CLOSE)->stream, stream);
    assert_true(slice_is(find(swim, SWIM_USER_STATE)->bytes, "STATE-A"));
    assert_int_equal(swim_count(swim), 3);
    // The number is void now.
    swim_stream_bytes(swim, START_MS, stream, bytes);
    assert_null(find(swim, SWIM_CLOSE));

    stream = swim_accept(swim, START_MS, &peer);
    give_stream(swim, stream, "compressed-pushpull-request");
    assert_non_null(find(swim, SWIM_WRITE));
    stream = swim_accept(swim, START_MS, &peer);
    give_stream(swim, stream, "user-tcp");
    assert_true(slice_is(find(swim, SWIM_USER_MESSAGE)->bytes, "hello-tcp"));
    // A ping for another name.
    stream = swim_accept(swim, START_MS, &peer);
    give_stream(swim, stream, "ping-tcp-fallback");
    assert_int_equal(find(swim, SWIM_WRITE)->bytes.data[0], MESSAGE_ERROR);
    assert_int_equal(swim_counts(swim)->streams_failed, 1);
    swim_free(swim);
}

static void test_stream_limits(void **state)
{
    struct swim *swim = start(16);
    uint64_t streams[5];

    (void)state;
    for (size_t i = 0; i < 5; i++)
        streams[i] = swim_accept(swim, START_MS, &peer);
    assert_true(streams[3] != 0);
    assert_true(streams[4] == 0);
    swim_stream_ended(swim, START_MS, streams[0], ERR_CLOSED);
    assert_true(swim_accept(swim, START_MS, &peer) != 0);
    // An encrypted or labelled stream, which we do not read.
    swim_stream_bytes(swim, START_MS, streams[1], slice_of("\x0a", 1));
    assert_non_null(find(swim, SWIM_CLOSE));
    // Too long a user state is refused before it comes.
    swim_stream_bytes(swim, START_MS, streams[2],
                      slice_of("\x06\x81\xacUserStateLen\xce\x7f\xff\xff\xff", 20));
    assert_non_null(find(swim, SWIM_CLOSE));
    // The rest is late.
    swim_tick(swim, START_MS + 10000);
    assert_non_null(find(swim, SWIM_CLOSE));
    assert_int_equal(swim_counts(swim)->streams_failed, 5);
    swim_free(swim);
}

// Versions that cannot live together: Serf's members do not come in by a full exchange.
static void test_versions(void **state)
{
    struct swim *swim = start(16);
    uint64_t stream = swim_accept(swim, START_MS, &peer);
    struct message record = alive_of("s1", 28946, 1);
    struct buffer bytes = {0};

    (void)state;
    memcpy(record.version, "\x01\x05\x02\x02\x05\x04", VERSION_SIZE);
    exchange_encode_header(true, 1, 0, &bytes);
    message_encode_record(&record, &bytes);
    swim_stream_bytes(swim, START_MS, stream, buffer_slice(&bytes));
    assert_int_equal(swim_counts(swim)->incompatible, 1);
    assert_int_equal(swim_count(swim), 1);
    buffer_done(&bytes);
    swim_free(swim);
}

// The observer leaves no trace, and gets everything.
static void test_observer(void **state)
{
    struct swim *swim = start(16);
    struct observation observation = {0};
    struct message alive = alive_of("gb", 1, 4);
    struct message suspect = {
        .type = MESSAGE_SUSPECT,
        .node = slice_of_text("gb"),
        .from = slice_of_text("gc"),
        .incarnation = 4,
    };
    struct buffer state_of_user = {0};
    struct buffer ask = {0};

    (void)state;
    give(swim, &alive);
    assert_int_equal(swim_set_user_state(swim, slice_of_text("ages")), 0);
    observation_ask(&ask);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t stream = swim_accept(swim, START_MS, &peer);

        swim_stream_bytes(swim, START_MS, stream, buffer_slice(&ask));
        assert_null(find(swim, SWIM_NOTICE));
        assert_int_equal(
            observation_take(&observation, find(swim, SWIM_WRITE)->bytes, &state_of_user), 0);
        give(swim, &suspect);
    }
    observation_finish(&observation);
    assert_int_equal(swim_count(swim), 2);
    assert_int_equal(observation.count, 2);
    assert_int_equal(observation.answers, 2);
    assert_true(slice_is(buffer_slice(&state_of_user), "agesages"));
    for (size_t i = 0; i < 2; i++) {
        const struct observed *row = &observation.rows[i];
        bool foreign = strcmp(row->name, "gb") == 0;

        assert_int_equal(row->disputed, foreign);
        assert_int_equal(row->state, foreign ? MEMBER_SUSPECT : MEMBER_ALIVE);
    }
    observation_done(&observation);
    buffer_done(&state_of_user);
    buffer_done(&ask);
    swim_free(swim);
}

// --- Harm ----------------------------------------------------------------------------------------

static struct rng rng;

// A captured packet with some bytes changed, or plain noise.
static struct slice make_noise(uint8_t bytes[1024])
{
    size_t count = 0;
    struct slice good;
    size_t size;

    while (vectors[count].name)
        count++;
    if (rng_below(&rng, 4) == 0) {
        size = (size_t)rng_below(&rng, 200);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)rng_u64(&rng);
        bytes[0] = (uint8_t)rng_below(&rng, 16);
        return slice_of(bytes, size);
    }
    good = vector_bytes(vectors[rng_below(&rng, count)].hex, &arena);
    if (good.data[0] == MESSAGE_CHECKED) // the sum would hide the rest
        good = slice_of(good.data + 5, good.size - 5);
    size = rng_below(&rng, 4) ? good.size : (size_t)rng_below(&rng, good.size);
    memcpy(bytes, good.data, size);
    for (uint64_t changes = rng_below(&rng, 6); changes && size; changes--)
        bytes[rng_below(&rng, size)] = (uint8_t)rng_u64(&rng);
    return slice_of(bytes, size);
}

static void give_noise(struct swim *swim, uint64_t now_ms)
{
    uint8_t bytes[1024];
    struct slice noise = make_noise(bytes);

    if (rng_below(&rng, 2)) {
        swim_datagram(swim, now_ms, &peer, noise);
    } else {
        uint64_t stream = swim_accept(swim, now_ms, &peer);

        swim_stream_bytes(swim, now_ms, stream, noise);
        if (rng_below(&rng, 2))
            swim_stream_ended(swim, now_ms, stream, ERR_CLOSED);
    }
}

static void test_noise(void **state)
{
    struct swim *swim = start(64);
    uint64_t now_ms = START_MS;

    (void)state;
    rng_init(&rng, 4711);
    for (unsigned run = 0; run < 100000; run++) {
        give_noise(swim, now_ms);
        if (swim_deadline(swim) <= now_ms)
            swim_tick(swim, now_ms);
        now_ms += rng_below(&rng, 20);
        assert_true(swim_count(swim) <= 64);
        assert_int_equal(swim_self(swim)->state, MEMBER_ALIVE);
        arena_reset(&arena);
    }
    assert_true(swim_counts(swim)->datagrams_malformed > 1000);
    assert_true(swim_counts(swim)->streams_failed > 1000);
    swim_free(swim);
}

// No datagram of ours is larger than the budget, however much there is to tell.
static void test_budget(void **state)
{
    struct swim *swim = start(300);

    (void)state;
    for (unsigned i = 0; i < 250; i++) {
        char name[] = "member-000";
        struct message alive;

        name[7] = (char)('0' + i / 100);
        name[8] = (char)('0' + i / 10 % 10);
        name[9] = (char)('0' + i % 10);
        alive = alive_of(name, 1, 1);
        give(swim, &alive);
    }
    for (uint64_t now_ms = START_MS; now_ms < START_MS + 20000; now_ms = swim_deadline(swim)) {
        size_t count;
        const struct swim_action *actions;

        swim_tick(swim, now_ms);
        actions = swim_actions(swim, &count);
        for (size_t i = 0; i < count; i++) {
            if (actions[i].kind == SWIM_DATAGRAM)
                assert_true(actions[i].bytes.size <= 1400);
        }
    }
    assert_true(swim_counts(swim)->datagram_bytes_out / swim_counts(swim)->datagrams_out > 700);
    swim_free(swim);
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_answer_refutes),
        cmocka_unit_test(test_relay),
        cmocka_unit_test(test_health),
        cmocka_unit_test(test_conflict),
        cmocka_unit_test(test_reclaim),
        cmocka_unit_test(test_table_is_bounded),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_stream_limits),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_observer),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_budget),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
