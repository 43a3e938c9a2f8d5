// SPDX-License-Identifier: Apache-2.0
// A ring of thousands, each a real machine that knows all others, in virtual time: how fast a join
// and a crash get to all, and what a machine takes. They do not join one after the other, which
// would fill each with old news, but are told of all at once. QUORATE_SCALE=full takes 5,000.
#include "base/buffer.h"
#include "gossip/exchange.h"
#include "gossip/machine.h"
#include "tests/lib/swarm.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static size_t machines(void)
{
    const char *scale = getenv("QUORATE_SCALE");

    return scale && strcmp(scale, "full") == 0 ? 5000 : 150;
}

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t bytes_allocated(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    return mallinfo2().uordblks;
}

static void adjust(const struct swarm *swarm, size_t index, struct swim_settings *settings)
{
    (void)swarm;
    (void)index;
    settings->members_max = 8192;
}

static void write_all(const struct swarm *swarm, struct buffer *out)
{
    exchange_encode_header(false, (uint32_t)swarm->count, 0, out);
    for (size_t i = 0; i < swarm->count; i++) {
        struct message record = machine_about(swim_self(swarm->nodes[i].swim), MESSAGE_ALIVE);

        message_encode_record(&record, out);
    }
}

// As if it had told all of it already.
static void forget_news(struct swim *swim)
{
    broadcasts_done(&swim->broadcasts);
    broadcasts_init(&swim->broadcasts, swim->settings.members_max);
}

static void form(struct swarm *swarm, size_t count)
{
    struct buffer all = {0};

    swarm_init(swarm, 5);
    swarm->adjust = adjust;
    for (size_t i = 0; i < count; i++)
        swarm_start(swarm, i);
    write_all(swarm, &all);
    for (size_t i = 0; i < count; i++) {
        struct swim *swim = swarm->nodes[i].swim;
        uint64_t stream = swim_accept(swim, swarm->now_ms, &swarm->nodes[0].address);

        swim_stream_bytes(swim, swarm->now_ms, stream, buffer_slice(&all));
        assert_int_equal(swim_count(swim), count);
        forget_news(swim);
        stream_schedule_exchange(swim, true); // as rare as among so many
        swim_tick(swim, swarm->now_ms);       // lets go of what that took
        swarm_perform(swarm, i);
    }
    buffer_done(&all);
}

static size_t about; // the index whose notices are counted
static enum swim_notice kind;
static size_t heard;
static size_t accused; // others that are suspected

static void count_news(struct swarm *swarm, size_t index, const struct swim_action *action)
{
    size_t of = swarm_index(action->member->node_id);

    (void)swarm;
    (void)index;
    heard += of == about && action->notice == kind;
    accused += of != about && action->notice == SWIM_SUSPECT;
}

static bool all_heard(const struct swarm *swarm)
{
    return heard >= swarm->count - 1;
}

static uint64_t time_news(struct swarm *swarm, size_t index, enum swim_notice notice)
{
    uint64_t start_ms = swarm->now_ms;

    about = index;
    kind = notice;
    heard = 0;
    if (notice == SWIM_DEAD)
        swarm_kill(swarm, index);
    else
        swarm_join(swarm, index, 0);
    assert_true(swarm_run_until(swarm, 60000, all_heard));
    return swarm->now_ms - start_ms;
}

static void test_thousands(void **state)
{
    size_t before = bytes_allocated(), count = machines(), each;
    struct swarm swarm;
    uint64_t datagrams, join_ms, crash_ms;

    (void)state;
    form(&swarm, count);
    swarm.noticed = count_news;
    swarm_run(&swarm, 5000);
    datagrams = swarm.datagrams;
    swarm_run(&swarm, 10000);
    datagrams = swarm.datagrams - datagrams;
    each = (bytes_allocated() - before) / count;
    swarm_start(&swarm, count);
    join_ms = time_news(&swarm, count, SWIM_JOINED);
    swarm_run(&swarm, 2000);
    crash_ms = time_news(&swarm, 7, SWIM_DEAD);
    print_message("%zu machines: %zu bytes each, %zu for each that it knows; a join known to all "
                  "after %u ms, a crash after %u ms\n",
                  count, each, each / count, (unsigned)join_ms, (unsigned)crash_ms);
    assert_in_range(datagrams, count * 2 * 9, count * 2 * 11);
    assert_true(each < (64 << 10) + 260 * count);
    assert_true(join_ms < 2000);
    assert_in_range(crash_ms, 8000, 30000);
    assert_int_equal(accused, 0);
    swarm_done(&swarm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_thousands)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
