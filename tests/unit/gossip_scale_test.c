// SPDX-License-Identifier: Apache-2.0
// Rings of many, in virtual time: how fast news gets to all, how fast a crash is seen, what it
// costs. QUORATE_SCALE=full takes the large sizes and more seeds.
#include "base/buffer.h"
#include "base/check.h"
#include "base/err.h"
#include "gossip/exchange.h"
#include "gossip/packet.h"
#include "tests/lib/swarm.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static size_t scaled(size_t small, size_t full)
{
    const char *scale = getenv("QUORATE_SCALE");

    return scale && strcmp(scale, "full") == 0 ? full : small;
}

static void adjust(const struct swarm *swarm, size_t index, struct swim_settings *settings)
{
    (void)swarm;
    (void)index;
    settings->streams_max = 4096;
    settings->members_max = 8192;
}

static size_t alive_count(const struct swarm *swarm, size_t seer)
{
    const struct swim *swim = swarm->nodes[seer].swim;
    size_t alive = 0;

    for (size_t i = 0; i < swim_count(swim); i++)
        alive += swim_at(swim, i)->state == MEMBER_ALIVE;
    return alive;
}

static bool all_know_all(const struct swarm *swarm)
{
    for (size_t i = 0; i < swarm->count; i++) {
        if (alive_count(swarm, i) != swarm->count)
            return false;
    }
    return true;
}

// Node after node joins through one that is there.
static void form(struct swarm *swarm, size_t count, uint64_t seed)
{
    swarm_init(swarm, seed);
    swarm->adjust = adjust;
    for (size_t i = 0; i < count; i++) {
        swarm_start(swarm, i);
        if (i)
            swarm_join(swarm, i, (size_t)rng_below(&swarm->rng, i));
        swarm_run(swarm, count > 100 ? 10 : 50);
    }
    for (unsigned second = 0; !all_know_all(swarm); second++) {
        assert_true(second < 120);
        swarm_run(swarm, 1000);
    }
}

static size_t news_about; // the index whose notices are counted
static enum swim_notice news_kind;
static size_t news_count;
static uint64_t news_first_ms;

static void count_news(struct swarm *swarm, size_t index, const struct swim_action *action)
{
    (void)index;
    if (action->notice != news_kind || swarm_index(action->member->node_id) != news_about)
        return;
    if (news_count++ == 0)
        news_first_ms = swarm->now_ms;
}

static bool all_got_news(const struct swarm *swarm)
{
    return news_count >= swarm->count - 1;
}

static void await_news(struct swarm *swarm, size_t about, enum swim_notice kind)
{
    news_about = about;
    news_kind = kind;
    news_count = 0;
    swarm->noticed = count_news;
}

// Whoever hears of it tells 3 others at once and 3 more after 50 ms: nearly all know then. The last
// ones take a round or two more, of 200 ms.
static void test_join(void **state)
{
    static const size_t sizes[] = {5, 10, 20, 50, 128, 256, 512, 1000};
    size_t count = scaled(5, 8);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct swarm swarm;
        uint64_t start_ms;

        form(&swarm, sizes[i] - 1, 100 + i);
        swarm_run(&swarm, 30000);
        swarm_start(&swarm, sizes[i] - 1);
        await_news(&swarm, sizes[i] - 1, SWIM_JOINED);
        start_ms = swarm.now_ms;
        swarm_join(&swarm, sizes[i] - 1, 0);
        assert_true(swarm_run_until(&swarm, 10000, all_got_news));
        print_message("join known to all of %zu after %u ms\n", sizes[i],
                      (unsigned)(swarm.now_ms - start_ms));
        assert_true(swarm.now_ms - start_ms <= 500);
        swarm_done(&swarm);
    }
}

struct crash {
    uint64_t suspected_ms; // until the first suspects it
    uint64_t known_ms;     // until all know
};

static struct crash crash_in(size_t count, uint64_t seed)
{
    struct swarm swarm;
    struct crash crash;
    uint64_t start_ms;

    form(&swarm, count, seed);
    swarm_run(&swarm, 20000 + rng_below(&swarm.rng, 1000));
    await_news(&swarm, 0, SWIM_SUSPECT);
    swarm_kill(&swarm, 0);
    start_ms = swarm.now_ms;
    while (news_count == 0)
        swarm_run(&swarm, 10);
    crash.suspected_ms = news_first_ms - start_ms;
    await_news(&swarm, 0, SWIM_DEAD);
    assert_true(swarm_run_until(&swarm, 60000, all_got_news));
    crash.known_ms = swarm.now_ms - start_ms;
    swarm_done(&swarm);
    return crash;
}

static uint64_t root(uint64_t square)
{
    uint64_t found = 0;

    while ((found + 1) * (found + 1) <= square)
        found++;
    return found;
}

// The mean of so many, each of which scatters by a second, as waiting for a random event does.
static void assert_mean(uint64_t mean_ms, uint64_t want_ms, size_t count)
{
    uint64_t slack_ms = 3000 / root(count);

    assert_in_range(mean_ms, want_ms > slack_ms ? want_ms - slack_ms : 0, want_ms + slack_ms);
}

// The first suspicion comes at the end of the first probe of the dead: one interval after that
// began. When probes of all are not in step, it begins after about one interval in a large ring
// (0.82 among 5, going round shuffled). Then the suspicion's time, which two others shorten to 4 s,
// or 8.4 s among 128 (4 * log10(128)); of three members none can confirm, and it is 4 s.
static void test_crash(void **state)
{
    static const struct {
        size_t members, seeds, seeds_full;
        uint64_t probed_ms, known_ms; // means
    } rows[] = {
        {3, 40, 1000, 700, 5680},
        {5, 40, 1000, 820, 5850},
        {20, 10, 300, 980, 7190},
        {128, 4, 60, 1000, 10390},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t seeds = scaled(rows[i].seeds, rows[i].seeds_full);
        uint64_t suspected_ms = 0, known_ms = 0, worst_ms = 0;

        for (uint64_t seed = 1; seed <= seeds; seed++) {
            struct crash crash = crash_in(rows[i].members, 1000 * i + seed);

            suspected_ms += crash.suspected_ms;
            known_ms += crash.known_ms;
            worst_ms = crash.known_ms > worst_ms ? crash.known_ms : worst_ms;
        }
        suspected_ms /= seeds;
        known_ms /= seeds;
        print_message("crash among %zu: suspected after %u ms, known to all after %u ms, at worst "
                      "%u ms\n",
                      rows[i].members, (unsigned)suspected_ms, (unsigned)known_ms,
                      (unsigned)worst_ms);
        assert_mean(suspected_ms, 1000 + rows[i].probed_ms, seeds);
        assert_mean(known_ms, rows[i].known_ms, seeds);
        assert_true(worst_ms <= 20000);
    }
}

// --- Loss and cuts -------------------------------------------------------------------------------

static uint64_t sum(const struct swarm *swarm, enum swim_notice notice)
{
    uint64_t count = 0;

    for (size_t i = 0; i < swarm->count; i++)
        count += swarm->nodes[i].notices[notice];
    return count;
}

// What the shell around the machine does every ten seconds (node/io/ring.c): it calls one of those
// whom it knows and who are not here.
static void call_the_missing(struct swarm *swarm)
{
    for (size_t i = 0; i < swarm->count; i++) {
        size_t first = (size_t)rng_below(&swarm->rng, swarm->count);

        for (size_t step = 0; step < swarm->count; step++) {
            size_t other = (first + step) % swarm->count;

            if (swarm_view(swarm, i, other) <= MEMBER_SUSPECT)
                continue;
            swarm_join(swarm, i, other);
            break;
        }
    }
}

static bool run_and_call(struct swarm *swarm, uint64_t ms, bool (*holds)(const struct swarm *))
{
    for (uint64_t end_ms = swarm->now_ms + ms; swarm->now_ms < end_ms;) {
        if (swarm_run_until(swarm, 10000, holds))
            return true;
        call_the_missing(swarm);
    }
    return false;
}

// Datagrams are lost at random, for half an hour. Streams keep everybody alive, at any loss.
// Without them a suspicion is nearly always refuted in time; a false death does not last, and when
// the loss ends all is well. (Whoever was held dead for half a minute is forgotten, and forgets;
// then only a call helps, which needs a stream.)
static void lose(uint32_t permille, bool streams, uint64_t deaths_max)
{
    struct swarm swarm;
    uint64_t end_ms;

    form(&swarm, 20, permille);
    swarm.loss_permille = permille;
    swarm.no_streams = !streams;
    run_and_call(&swarm, scaled(120000, 1800000), NULL);
    swarm.loss_permille = 0;
    swarm.no_streams = false;
    end_ms = swarm.now_ms;
    assert_true(run_and_call(&swarm, 120000, all_know_all));
    print_message("loss %u permille%s: %u suspicions, %u deaths seen, all well %u ms after it\n",
                  permille, streams ? "" : " without streams", (unsigned)sum(&swarm, SWIM_SUSPECT),
                  (unsigned)sum(&swarm, SWIM_DEAD), (unsigned)(swarm.now_ms - end_ms));
    assert_in_range(sum(&swarm, SWIM_DEAD), 0, deaths_max);
    if (streams)
        assert_int_equal(sum(&swarm, SWIM_SUSPECT), 0);
    swarm_done(&swarm);
}

static void test_loss(void **state)
{
    (void)state;
    lose(250, true, 0);
    lose(500, true, 0);
    lose(250, false, scaled(5, 60));
    lose(500, false, scaled(100, 3000));
}

static size_t cut_one; // it gets nothing from, or to, the others
static bool cut_out;

static bool one_way(const struct swarm *swarm, size_t from, size_t to)
{
    (void)swarm;
    return from == to || (cut_out ? from : to) != cut_one;
}

static bool others_hold_dead(const struct swarm *swarm)
{
    for (size_t i = 0; i < swarm->count; i++) {
        if (i != cut_one && swarm_view(swarm, i, cut_one) != MEMBER_DEAD)
            return false;
    }
    return true;
}

// One member is heard and hears nothing, or hears and is not heard. The others give it up, and only
// it. It finds everybody silent, and so doubts itself first: they have given it up before it gives
// up any of them. When the way is open again all is well, as long as the dead are told.
static void cut_one_way(bool out, uint64_t seed)
{
    struct swarm swarm;

    form(&swarm, 12, seed);
    cut_one = 5;
    cut_out = out;
    swarm.reaches = one_way;
    assert_true(swarm_run_until(&swarm, 60000, others_hold_dead));
    assert_int_equal(swarm.nodes[cut_one].notices[SWIM_DEAD], 0);
    assert_true(swim_health(swarm.nodes[cut_one].swim) >= 3);
    assert_int_equal(sum(&swarm, SWIM_DEAD), swarm.count - 1);
    swarm_run(&swarm, 15000);
    swarm.reaches = NULL;
    assert_true(swarm_run_until(&swarm, 60000, all_know_all));
    swarm_done(&swarm);
}

static void test_one_way(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        cut_one_way(true, seed);
        cut_one_way(false, seed);
    }
}

// From the first half nothing gets to the second, the other way all does.
static bool half_way(const struct swarm *swarm, size_t from, size_t to)
{
    return from >= swarm->count / 2 || to < swarm->count / 2;
}

static bool halves_are_apart(const struct swarm *swarm)
{
    for (size_t seer = 0; seer < swarm->count; seer++) {
        for (size_t seen = 0; seen < swarm->count; seen++) {
            bool same = (seer < swarm->count / 2) == (seen < swarm->count / 2);

            if (!same && swarm_view(swarm, seer, seen) != MEMBER_DEAD)
                return false;
        }
    }
    return true;
}

static bool halves_forgot(const struct swarm *swarm)
{
    for (size_t i = 0; i < swarm->count; i++) {
        if (swim_count(swarm->nodes[i].swim) != swarm->count / 2)
            return false;
    }
    return true;
}

// Each half gives the other one up, also when only one way is cut, and only the other one. A short
// cut heals by itself (the dead hear that they are held dead), a long one when somebody joins; when
// only one way is cut, it takes long until all have given up all.
static void part(bool both_ways, bool for_long, uint64_t seed)
{
    struct swarm swarm;
    uint64_t deaths;

    form(&swarm, 16, seed);
    swarm.reaches = half_way;
    for (size_t i = 0; both_ways && i < swarm.count / 2; i++)
        swarm.nodes[i].side = 1;
    assert_true(swarm_run_until(&swarm, 180000, halves_are_apart));
    deaths = sum(&swarm, SWIM_DEAD);
    if (both_ways)
        assert_int_equal(deaths, swarm.count * swarm.count / 2);
    if (for_long)
        assert_true(swarm_run_until(&swarm, 120000, halves_forgot));
    for (size_t i = 0; i < swarm.count; i++)
        swarm.nodes[i].side = 0;
    swarm.reaches = NULL;
    if (for_long || !both_ways)
        swarm_join(&swarm, 0, swarm.count - 1);
    assert_true(swarm_run_until(&swarm, 60000, all_know_all));
    if (for_long) // else the news of deaths meets those who are alive
        assert_int_equal(sum(&swarm, SWIM_DEAD), deaths);
    swarm_done(&swarm);
}

static void test_halves(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        part(true, false, seed);
        part(true, true, seed);
        part(false, false, seed);
    }
}

// --- Memory --------------------------------------------------------------------------------------

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t bytes_allocated(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    return mallinfo2().uordblks;
}

static struct arena arena;
static struct packet packet;
static const struct swim_address stranger = {.bytes = {10, 200, 0, 1}, .size = 4, .port = 7946};

// Everybody but us: answers each ping.
static void answer_pings(struct swim *swim, uint64_t now_ms)
{
    struct message acks[64];
    struct swim_address from[64];
    size_t count, answers = 0;
    const struct swim_action *actions = swim_actions(swim, &count);

    arena_reset(&arena);
    for (size_t i = 0; i < count; i++) {
        struct message ping;

        if (actions[i].kind != SWIM_DATAGRAM || answers == 64 ||
            packet_open(actions[i].bytes, &arena, &packet) ||
            message_decode(packet.parts[0], &ping) || ping.type != MESSAGE_PING)
            continue;
        from[answers] = actions[i].address;
        acks[answers++] = (struct message){.type = MESSAGE_ACK, .sequence = ping.sequence};
    }
    for (size_t i = 0; i < answers; i++) {
        struct buffer bytes = {0};

        message_encode(&acks[i], &bytes);
        swim_datagram(swim, now_ms, &from[i], buffer_slice(&bytes));
        buffer_done(&bytes);
    }
}

// A full exchange that tells of so many members with metadata as long as our nodes have.
static void tell_of(struct swim *swim, size_t count, uint64_t now_ms)
{
    uint64_t stream = swim_accept(swim, now_ms, &stranger);
    static const uint8_t meta[160];
    struct buffer bytes = {0};

    exchange_encode_header(true, (uint32_t)count, 0, &bytes);
    for (size_t i = 0; i < count; i++) {
        char name[MEMBER_NAME_DIGITS + 1];
        struct message record = {
            .node = slice_of(name, MEMBER_NAME_DIGITS),
            .address = {.bytes = {10, 1, (uint8_t)(i >> 8), (uint8_t)i}, .size = 4, .port = 7946},
            .incarnation = 1,
            .version = {1, 5, 2, 0, 0, 0},
            .meta = slice_of(meta, sizeof meta),
        };

        member_write_name(1000 + i, name);
        message_encode_record(&record, &bytes);
    }
    swim_stream_bytes(swim, now_ms, stream, buffer_slice(&bytes));
    buffer_done(&bytes);
}

// What a member costs, table and its news included: bounded, and the same in a ring five times as
// large. Two minutes pass, all of them answer, and nobody is suspected.
static void test_memory(void **state)
{
    static const size_t sizes[] = {1000, 5000};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t before = bytes_allocated(), told;
        struct swim_settings settings;
        struct swim *swim;
        uint64_t now_ms = 1000;

        swim_settings_init(&settings, SWIM_LAN);
        settings.node_id = 1;
        settings.seed = 1;
        settings.address = stranger;
        settings.members_max = 8192;
        settings.timing.push_pull_ms = 0;
        assert_int_equal(swim_new(&settings, now_ms, &swim), 0);
        tell_of(swim, sizes[i], now_ms);
        assert_int_equal(swim_count(swim), sizes[i] + 1);
        swim_tick(swim, now_ms);
        told = bytes_allocated() - before;
        for (; now_ms < 121000; now_ms = swim_deadline(swim)) {
            swim_tick(swim, now_ms);
            answer_pings(swim, now_ms);
        }
        print_message("%zu members: %zu bytes each, with their news\n", sizes[i], told / sizes[i]);
        assert_true(told / sizes[i] < 900);
        assert_true(bytes_allocated() - before <= told + (64 << 10));
        assert_int_equal(swim_counts(swim)->probes_late, 0);
        assert_true(swim_counts(swim)->probes >= 119);
        swim_free(swim);
        arena_done(&arena);
    }
}

// A whole ring of so many, at rest: a ping and an answer each second for each, and nobody accused.
static void test_rest_of_many(void **state)
{
    const size_t fixed = 64 << 10; // of a machine, whatever it knows
    size_t count = scaled(128, 1000);
    size_t before = bytes_allocated(), each;
    struct swarm swarm;
    uint64_t datagrams;

    (void)state;
    form(&swarm, count, 77);
    swarm_run(&swarm, 30000);
    datagrams = swarm.datagrams;
    swarm_run(&swarm, 60000);
    datagrams = swarm.datagrams - datagrams;
    each = (bytes_allocated() - before) / count;
    print_message("%zu members at rest: %u datagrams each in a minute, %zu bytes each\n", count,
                  (unsigned)(datagrams / count), each);
    assert_in_range(datagrams / count, 115, 125);
    assert_int_equal(sum(&swarm, SWIM_SUSPECT), 0);
    assert_true(each < fixed + 280 * count);
    swarm_done(&swarm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join),         cmocka_unit_test(test_crash),
        cmocka_unit_test(test_loss),         cmocka_unit_test(test_one_way),
        cmocka_unit_test(test_halves),       cmocka_unit_test(test_memory),
        cmocka_unit_test(test_rest_of_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
