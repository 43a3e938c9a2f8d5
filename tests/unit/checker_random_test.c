// SPDX-License-Identifier: Apache-2.0
//
// Random histories of a store that keeps its promises: the judge finds nothing. Then each history
// is falsified in one way that breaks a promise for certain: the judge finds each.
//
// CHECKER_SEEDS (2000) and CHECKER_SEED (one alone) in the environment.

#include "tests/lib/toy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t setting_of(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);

    return text && *text ? strtoull(text, NULL, 0) : fallback;
}

static void held_of(const struct toy *toy, uint64_t held[TOY_KEYS])
{
    for (uint32_t key = 0; key < TOY_KEYS; key++)
        held[key] = toy->held[0][key].versions;
}

// ---- falsifying ---------------------------------------------------------------------------------
//
// Each falsifier looks for places where its lie breaks a promise whatever else happened, by plain
// search, and tells it at one of them; false: the history has none.

struct forgery {
    struct toy *toy;
    struct rng *rng;
    uint64_t held[TOY_KEYS];
};

static struct history_op *op_at(struct forgery *forgery, uint32_t op)
{
    return &forgery->toy->history.ops[op];
}

static struct history_op *op_of(struct forgery *forgery, uint32_t write)
{
    return op_at(forgery, forgery->toy->writes[write].op);
}

// Was acknowledged before the read began, so that a strict quorum of 2 of 3 meets it (unless disks
// were lost).
static bool is_met(struct forgery *forgery, uint32_t write, const struct history_op *read)
{
    const struct history_op *op = op_of(forgery, write);

    return read->method == HISTORY_GET && read->outcome == HISTORY_ACKNOWLEDGED && read->strict &&
           read->asked >= 2 && op->key == read->key && op->outcome == HISTORY_ACKNOWLEDGED &&
           op->strict && op->asked >= 2 && op->ended < read->began && !forgery->toy->lost;
}

static int sibling_at(const struct history_op *read, uint32_t write)
{
    for (uint32_t i = 0; i < read->sibling_count; i++) {
        if (read->siblings[i].value == write + 1)
            return (int)i;
    }
    return -1;
}

static void sibling_add(struct forgery *forgery, struct history_op *read, uint64_t value,
                        struct dot dot)
{
    size_t size = (read->sibling_count + 1) * sizeof *read->siblings;
    struct history_sibling *list = arena_alloc(&forgery->toy->history.arena, size);

    if (read->sibling_count)
        memcpy(list, read->siblings, read->sibling_count * sizeof *list);
    list[read->sibling_count] = (struct history_sibling){value, dot};
    read->siblings = list;
    read->sibling_count++;
}

static void sibling_drop(struct forgery *forgery, struct history_op *read, uint32_t index)
{
    size_t size = read->sibling_count * sizeof *read->siblings;
    struct history_sibling *list = arena_alloc(&forgery->toy->history.arena, size);

    memcpy(list, read->siblings, size);
    list[index] = list[read->sibling_count - 1];
    read->siblings = list;
    read->sibling_count--;
}

static void received_forget(struct forgery *forgery, struct history_op *read, struct dot dot)
{
    struct arena *arena = &forgery->toy->history.arena;
    struct clock *clock = arena_new(arena, sizeof *clock);
    struct clock one = clock_in(arena);

    *clock = clock_in(arena);
    clock_copy(clock, read->received);
    clock_add(&one, dot);
    clock_subtract(clock, &one);
    read->received = clock;
}

// Some write that may have taken effect and began by `time` covers it.
static bool is_covered(struct forgery *forgery, uint32_t write, uint64_t time)
{
    for (uint32_t i = 0; i < forgery->toy->write_count; i++) {
        const struct history_op *op = op_of(forgery, i);

        if (op->outcome != HISTORY_REFUSED && op->began <= time &&
            (forgery->toy->writes[i].seen >> write & 1))
            return true;
    }
    return false;
}

// Calls `lie` for pairs of an operation and a write, beginning anywhere, until it has lied.
static bool try_pairs(struct forgery *forgery,
                      bool (*lie)(struct forgery *forgery, struct history_op *op, uint32_t write))
{
    uint32_t ops = forgery->toy->history.op_count;
    uint32_t writes = forgery->toy->write_count;
    uint32_t start;

    if (!ops || !writes)
        return false;
    start = (uint32_t)rng_below(forgery->rng, (uint64_t)ops * writes);
    for (uint32_t i = 0; i < ops * writes; i++) {
        uint32_t at = (start + i) % (ops * writes);

        if (lie(forgery, op_at(forgery, at / writes), at % writes))
            return true;
    }
    return false;
}

static bool lie_missed_value(struct forgery *forgery, struct history_op *op, uint32_t write)
{
    int at = is_met(forgery, write, op) ? sibling_at(op, write) : -1;

    if (at < 0 || is_covered(forgery, write, op->ended) ||
        (op_of(forgery, write)->expires && op_of(forgery, write)->expires <= op->ended))
        return false;
    sibling_drop(forgery, op, (uint32_t)at);
    return true;
}

static bool lie_missed_dot(struct forgery *forgery, struct history_op *op, uint32_t write)
{
    int at;

    if (!is_met(forgery, write, op))
        return false;
    at = sibling_at(op, write);
    if (at >= 0)
        sibling_drop(forgery, op, (uint32_t)at);
    received_forget(forgery, op, forgery->toy->writes[write].dot);
    return true;
}

// Shows what the acknowledged write has covered.
static bool lie_returned(struct forgery *forgery, struct history_op *op, uint32_t write)
{
    uint64_t seen = forgery->toy->writes[write].seen;

    if (!is_met(forgery, write, op))
        return false;
    for (uint32_t i = 0; i < forgery->toy->write_count; i++) {
        if ((seen >> i & 1) && forgery->toy->writes[i].put && sibling_at(op, i) < 0) {
            sibling_add(forgery, op, i + 1, forgery->toy->writes[i].dot);
            return true;
        }
    }
    return false;
}

static bool lie_other_key(struct forgery *forgery, struct history_op *op, uint32_t write)
{
    if (op->method != HISTORY_GET || op->outcome != HISTORY_ACKNOWLEDGED ||
        !forgery->toy->writes[write].put || forgery->toy->writes[write].key == op->key)
        return false;
    sibling_add(forgery, op, write + 1, (struct dot){0});
    return true;
}

static bool lie_garbage(struct forgery *forgery, struct history_op *op, uint32_t write)
{
    (void)write;
    if (op->method != HISTORY_GET || op->outcome != HISTORY_ACKNOWLEDGED)
        return false;
    sibling_add(forgery, op, VALUE_GARBAGE, (struct dot){0});
    return true;
}

static bool lie_refused(struct forgery *forgery, struct history_op *op, uint32_t write)
{
    if (op->method != HISTORY_GET || sibling_at(op, write) < 0)
        return false;
    op_of(forgery, write)->outcome = HISTORY_REFUSED;
    return true;
}

static bool lie_superfluous(struct forgery *forgery, struct history_op *op, uint32_t write)
{
    uint64_t seen = forgery->toy->writes[write].seen;

    if (op->method != HISTORY_GET || sibling_at(op, write) < 0)
        return false;
    for (uint32_t i = 0; i < forgery->toy->write_count; i++) {
        if ((seen >> i & 1) && forgery->toy->writes[i].put) {
            sibling_add(forgery, op, i + 1, forgery->toy->writes[i].dot);
            return true;
        }
    }
    return false;
}

static bool lie_wrong_dot(struct forgery *forgery, struct history_op *op, uint32_t write)
{
    int at = op->method == HISTORY_GET ? sibling_at(op, write) : -1;
    struct dot dot = forgery->toy->writes[write].dot;

    // Its dot must be told somewhere else too.
    if (at < 0 || !op_of(forgery, write)->dot.counter)
        return false;
    sibling_drop(forgery, op, (uint32_t)at);
    dot.counter += 100;
    sibling_add(forgery, op, write + 1, dot);
    return true;
}

static bool lie_one_dot_for_two(struct forgery *forgery, struct history_op *op, uint32_t write)
{
    struct history_op *other = op_of(forgery, write);

    if (op == other || op->key != other->key || !op->dot.counter || !other->dot.counter)
        return false;
    other->dot = op->dot;
    return true;
}

// A context that lacks what the context of a value shown had, of the same session before.
static bool lie_monotonic_writes(struct forgery *forgery, struct history_op *op, uint32_t write)
{
    struct history_op *shown = op_of(forgery, write);
    uint32_t before = UINT32_MAX;
    uint64_t last = 0;

    if (op->method != HISTORY_GET || sibling_at(op, write) < 0 || forgery->toy->lost)
        return false;
    for (uint32_t i = 0; i < forgery->toy->write_count; i++) {
        const struct history_op *it = op_of(forgery, i);

        if (it->session == shown->session && it->key == shown->key &&
            it->outcome == HISTORY_ACKNOWLEDGED && it->ended <= shown->began && it->began >= last) {
            last = it->began;
            before = i;
        }
    }
    if (before == UINT32_MAX || !(forgery->toy->writes[write].seen >> before & 1) ||
        sibling_at(op, before) >= 0)
        return false;
    received_forget(forgery, op, forgery->toy->writes[before].dot);
    return true;
}

static bool lie_holders(struct forgery *forgery, struct history_op *op, uint32_t write)
{
    (void)forgery;
    (void)write;
    if (op->method == HISTORY_GET || op->outcome != HISTORY_ACKNOWLEDGED || !op->holders_known)
        return false;
    op->holders &= op->holders - 1;
    return true;
}

// ---- of what is there at the end

static bool is_kept(struct forgery *forgery, uint32_t write)
{
    const struct history_op *op = op_of(forgery, write);

    return op->method == HISTORY_PUT && op->outcome == HISTORY_ACKNOWLEDGED && !op->expires &&
           !forgery->toy->lost;
}

static bool lie_lost(struct forgery *forgery, struct history_op *op, uint32_t write)
{
    uint64_t *held = &forgery->held[forgery->toy->writes[write].key];

    (void)op;
    if (!is_kept(forgery, write) || !(*held >> write & 1) || is_covered(forgery, write, TIME_NEVER))
        return false;
    *held &= ~((uint64_t)1 << write);
    return true;
}

static bool lie_returned_on_disk(struct forgery *forgery, struct history_op *op, uint32_t write)
{
    (void)op;
    if (forgery->toy->lost || !forgery->toy->writes[write].put)
        return false;
    for (uint32_t i = 0; i < forgery->toy->write_count; i++) {
        if ((forgery->toy->writes[i].seen >> write & 1) &&
            op_of(forgery, i)->outcome == HISTORY_ACKNOWLEDGED) {
            forgery->held[forgery->toy->writes[write].key] |= (uint64_t)1 << write;
            return true;
        }
    }
    return false;
}

// What was replaced by one write alone has no excuse when that write had not seen it.
static bool lie_unseen(struct forgery *forgery, struct history_op *op, uint32_t write)
{
    uint64_t held = forgery->held[forgery->toy->writes[write].key];
    uint64_t over = 0;

    (void)op;
    if (!is_kept(forgery, write) || (held >> write & 1))
        return false;
    for (uint32_t i = 0; i < forgery->toy->write_count; i++) {
        if (forgery->toy->writes[i].seen >> write & 1)
            op_of(forgery, i)->sent = NULL;
        over += forgery->toy->writes[i].seen >> write & 1;
    }
    return over > 0;
}

// A write that never arrived anywhere was acknowledged after all.
static bool lie_acknowledged(struct forgery *forgery, struct history_op *op, uint32_t write)
{
    struct history_op *it = op_of(forgery, write);

    (void)op;
    if (it->method != HISTORY_PUT || it->outcome != HISTORY_UNKNOWN || it->expires ||
        forgery->toy->lost || (forgery->toy->held[0][it->key].known >> write & 1))
        return false;
    it->outcome = HISTORY_ACKNOWLEDGED;
    it->dot = forgery->toy->writes[write].dot;
    return true;
}

struct lie {
    const char *name;
    bool (*tell)(struct forgery *forgery, struct history_op *op, uint32_t write);
    uint32_t kinds[2]; // one of these is found; a second 0 is none
    uint64_t told;
    uint64_t found;
    uint64_t named; // found as what it is
};

static struct lie lies[] = {
    {"missed value", lie_missed_value, {VERDICT_MISSED, VERDICT_ERASED}, 0, 0, 0},
    {"missed dot", lie_missed_dot, {VERDICT_MISSED}, 0, 0, 0},
    {"returned", lie_returned, {VERDICT_RETURNED}, 0, 0, 0},
    {"other key", lie_other_key, {VERDICT_INVENTED}, 0, 0, 0},
    {"garbage", lie_garbage, {VERDICT_INVENTED}, 0, 0, 0},
    {"refused", lie_refused, {VERDICT_REFUSED}, 0, 0, 0},
    {"superfluous", lie_superfluous, {VERDICT_SUPERFLUOUS}, 0, 0, 0},
    {"wrong dot", lie_wrong_dot, {VERDICT_DOT}, 0, 0, 0},
    {"one dot for two", lie_one_dot_for_two, {VERDICT_DOT}, 0, 0, 0},
    {"monotonic writes", lie_monotonic_writes, {VERDICT_MONOTONIC_WRITES}, 0, 0, 0},
    {"too few holders", lie_holders, {VERDICT_QUORUM}, 0, 0, 0},
    {"lost", lie_lost, {VERDICT_LOST, VERDICT_ERASED}, 0, 0, 0},
    {"returned on disk", lie_returned_on_disk, {VERDICT_RETURNED}, 0, 0, 0},
    {"covered by nobody", lie_unseen, {VERDICT_LOST, VERDICT_ERASED}, 0, 0, 0},
    {"never arrived", lie_acknowledged, {VERDICT_LOST, VERDICT_ERASED}, 0, 0, 0},
};

enum { LIES = sizeof lies / sizeof lies[0] };

static bool is_named(const struct lie *lie, const struct verdict *verdict)
{
    return verdict->counts[lie->kinds[0]] || (lie->kinds[1] && verdict->counts[lie->kinds[1]]);
}

static void lie_try(struct lie *lie, uint64_t seed)
{
    static struct toy toy;
    struct verdict verdict = {0};
    struct rng rng;
    struct forgery forgery = {&toy, &rng, {0}};

    rng_init(&rng, seed);
    toy_play(&toy, seed);
    held_of(&toy, forgery.held);
    if (try_pairs(&forgery, lie->tell)) {
        toy_judge(&toy, forgery.held, &verdict);
        lie->told++;
        lie->found += !verdict_is_clean(&verdict);
        lie->named += is_named(lie, &verdict);
        if (verdict_is_clean(&verdict))
            printf("seed %lu: not found: %s\n", (unsigned long)seed, lie->name);
    }
    verdict_done(&verdict);
    toy_done(&toy);
}

static void each_lie_is_found(void **state)
{
    uint64_t seeds = setting_of("CHECKER_SEEDS", 2000);

    (void)state;
    for (uint64_t seed = 1; seed <= seeds; seed++)
        lie_try(&lies[seed % LIES], seed);
    for (uint32_t i = 0; i < LIES; i++)
        printf("%-18s told %6lu found %6lu by name %6lu\n", lies[i].name,
               (unsigned long)lies[i].told, (unsigned long)lies[i].found,
               (unsigned long)lies[i].named);
    for (uint32_t i = 0; i < LIES; i++) {
        assert_true(lies[i].told > seeds / LIES / 10);
        assert_int_equal(lies[i].found, lies[i].told);
        assert_int_equal(lies[i].named, lies[i].told);
    }
}

// ---- the truth ----------------------------------------------------------------------------------

static void truth_try(uint64_t seed, struct verdict *verdict)
{
    static struct toy toy;
    uint64_t held[TOY_KEYS];

    toy_play(&toy, seed);
    held_of(&toy, held);
    toy_judge(&toy, held, verdict);
    if (!verdict_is_clean(verdict))
        fail_msg("seed %lu: %.*s", (unsigned long)seed, (int)verdict->text.size,
                 (const char *)verdict->text.data);
    toy_done(&toy);
}

static void honest_histories_pass(void **state)
{
    uint64_t seeds = setting_of("CHECKER_SEEDS", 2000);
    uint64_t only = setting_of("CHECKER_SEED", 0);
    struct verdict verdict = {0};
    struct buffer line = {0};

    (void)state;
    for (uint64_t seed = only ? only : 1; seed <= (only ? only : seeds); seed++)
        truth_try(seed, &verdict);
    verdict_summary(&verdict, &line);
    printf("%.*s", (int)line.size, (const char *)line.data);
    // A test in which nothing was judged proves nothing.
    assert_true(only || verdict.reads_judged > seeds * 2);
    assert_true(only || verdict.writes_judged > seeds * 2);
    assert_true(only || verdict.promises_tested > seeds * 2);
    buffer_done(&line);
}

// ---- size ---------------------------------------------------------------------------------------

enum { LONG_TURNS = 50000 };

// One hot key: a write with what the last read showed, a blind write that stays beside it until the
// next turn, a read. Anything quadratic here takes minutes.
static void a_long_history_of_one_key(void **state)
{
    struct judge_settings settings = {.replicas = 3};
    struct history history;
    struct verdict verdict = {0};
    struct clock seen = {0};

    (void)state;
    history_init(&history, 1);
    for (uint64_t turn = 0; turn < LONG_TURNS; turn++) {
        struct dot dots[2] = {{1, turn * 3 + 1}, {2, turn * 2 + 1}}; // other keys between them
        struct history_sibling siblings[2];
        struct history_op op = {.method = HISTORY_PUT, .asked = 2, .strict = true};

        for (uint64_t i = 0; i < 2; i++) {
            op.value = turn * 2 + i + 1;
            op.dot = dots[i];
            op.sent = i ? NULL : &seen;
            op.began = turn * 10 + i;
            op.ended = op.began + 3;
            history_add(&history, &op);
            siblings[i] = (struct history_sibling){op.value, dots[i]};
            clock_add_run(&seen, (struct run){dots[i].actor, 1, dots[i].counter});
        }
        history_add(&history, &(struct history_op){.method = HISTORY_GET,
                                                   .asked = 2,
                                                   .strict = true,
                                                   .began = turn * 10 + 6,
                                                   .ended = turn * 10 + 8,
                                                   .received = &seen,
                                                   .siblings = siblings,
                                                   .sibling_count = 2});
    }
    judge_history(&history, &settings, &verdict);
    assert_int_equal(verdict_count(&verdict), 0);
    assert_int_equal(verdict.reads_judged, LONG_TURNS);
    clock_done(&seen);
    history_done(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_history_of_one_key),
        cmocka_unit_test(honest_histories_pass),
        cmocka_unit_test(each_lie_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
