// SPDX-License-Identifier: Apache-2.0
// A clock is one sorted array of runs. Every operation on two clocks walks both in order, once, and
// gallops over stretches that do not matter, so that a small clock against a large one costs
// small * log(large) and two of one size cost their sum.
//
// An operation that rewrites `into` needs no second array: it moves the runs of `into` to the end
// of their (grown) memory and writes the result from the beginning. The result never overtakes
// what is still to be read, because each run read, of either clock, gives at most one run of the
// result:
//
//     | result ->      ... | what is left of into -> |
//     0                    at                    total
//
// The two start apart by as many places as the other clock has runs.
//
// Sums of counters are guarded: UINT64_MAX is a counter like any other (a stranger may send it).
#include "node/data/clock.h"

#include "base/check.h"
#include "base/err.h"

#include <assert.h>
#include <stdlib.h>

enum { RUNS_MIN = 4, JOIN_FEW = 4 };

static_assert(sizeof(struct run) == 3 * sizeof(uint64_t), "runs are compared as bytes");

struct clock clock_in(struct arena *arena)
{
    return (struct clock){.arena = arena};
}

void clock_done(struct clock *clock)
{
    if (!clock->arena)
        free(clock->runs);
    *clock = (struct clock){.arena = clock->arena};
}

int dot_compare(struct dot a, struct dot b)
{
    if (a.actor != b.actor)
        return a.actor < b.actor ? -1 : 1;
    return a.counter < b.counter ? -1 : a.counter > b.counter;
}

static void runs_reserve(struct clock *clock, uint32_t need)
{
    uint32_t capacity = clock->capacity * 2;
    struct run *runs;

    if (need <= clock->capacity)
        return;
    if (capacity < need)
        capacity = need < RUNS_MIN ? RUNS_MIN : need;
    if (clock->arena) {
        runs = arena_alloc(clock->arena, capacity * sizeof *runs);
        if (clock->count)
            memcpy(runs, clock->runs, clock->count * sizeof *runs);
    } else {
        runs = memory_grow(clock->runs, capacity * sizeof *runs);
    }
    clock->runs = runs;
    clock->capacity = capacity;
}

// True when the run ends before the dot.
static inline bool run_before(const struct run *run, uint64_t actor, uint64_t counter)
{
    return run->actor < actor || (run->actor == actor && run->last < counter);
}

// Of runs[low..high) the first that does not end before the dot, `high` when all do.
static uint32_t run_find(const struct run *runs, uint32_t low, uint32_t high, struct dot dot)
{
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (run_before(&runs[middle], dot.actor, dot.counter))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// The same, for a walk in order: looks near `low` first, then twice as far each time.
static uint32_t run_seek(const struct clock *clock, uint32_t low, struct dot dot)
{
    uint32_t step = 1;
    uint32_t at = low;

    while (at < clock->count && run_before(&clock->runs[at], dot.actor, dot.counter)) {
        low = at + 1;
        at = step < clock->count - at ? at + step : clock->count;
        step *= 2;
    }
    return run_find(clock->runs, low, at, dot);
}

bool clock_contains(const struct clock *clock, struct dot dot)
{
    uint32_t at = run_find(clock->runs, 0, clock->count, dot);

    return at < clock->count && clock->runs[at].actor == dot.actor &&
           clock->runs[at].first <= dot.counter;
}

// Puts a run in place of runs[from..to).
static void runs_replace(struct clock *clock, uint32_t from, uint32_t to, struct run run)
{
    uint32_t behind = clock->count - to;

    if (from == to)
        runs_reserve(clock, clock->count + 1);
    if (from + 1 != to && behind)
        memmove(&clock->runs[from + 1], &clock->runs[to], behind * sizeof run);
    clock->runs[from] = run;
    clock->count = from + 1 + behind;
}

// Runs of one actor that overlap or touch: nothing is missing between them.
static inline bool run_reaches(const struct run *left, const struct run *right)
{
    return left->actor == right->actor && right->first - 1 <= left->last;
}

// Adds a run; `at` is the first run of the clock that does not end before the dot in front of it.
static void run_insert(struct clock *clock, uint32_t at, struct run run)
{
    uint32_t to = at;

    while (to < clock->count && clock->runs[to].actor == run.actor &&
           clock->runs[to].first - 1 <= run.last) {
        if (clock->runs[to].first < run.first)
            run.first = clock->runs[to].first;
        if (clock->runs[to].last > run.last)
            run.last = clock->runs[to].last;
        to += 1;
    }
    runs_replace(clock, at, to, run);
    check_slow(clock_valid(clock));
}

bool clock_add(struct clock *clock, struct dot dot)
{
    struct dot front = {dot.actor, dot.counter - 1};
    uint32_t at = run_find(clock->runs, 0, clock->count, front);
    const struct run *run = at < clock->count ? &clock->runs[at] : NULL;

    check(dot.actor && dot.counter);
    if (run && run->actor == dot.actor && run->first <= dot.counter && dot.counter <= run->last)
        return false;
    run_insert(clock, at, (struct run){dot.actor, dot.counter, dot.counter});
    return true;
}

void clock_add_run(struct clock *clock, struct run run)
{
    struct dot front = {run.actor, run.first - 1};

    check(run.actor && run.first && run.first <= run.last);
    run_insert(clock, run_find(clock->runs, 0, clock->count, front), run);
}

// Moves the runs to the end of memory that has room for `extra` more; returns where they begin.
static uint32_t runs_set_back(struct clock *clock, uint32_t extra)
{
    runs_reserve(clock, clock->count + extra);
    memmove(clock->runs + extra, clock->runs, clock->count * sizeof *clock->runs);
    return extra;
}

// Appends a run that begins behind the begin of the last one.
static inline void run_append(struct clock *clock, struct run run)
{
    struct run *last = clock->count ? &clock->runs[clock->count - 1] : NULL;

    if (last && run_reaches(last, &run)) {
        if (run.last > last->last)
            last->last = run.last;
    } else {
        clock->runs[clock->count++] = run;
    }
}

static inline bool run_starts_before(const struct run *a, const struct run *b)
{
    return a->actor < b->actor || (a->actor == b->actor && a->first < b->first);
}

void clock_join(struct clock *into, const struct clock *from)
{
    uint32_t end = into->count + from->count;
    uint32_t at;

    if (from->count <= JOIN_FEW) {
        for (uint32_t i = 0; i < from->count; i++)
            clock_add_run(into, from->runs[i]);
        return;
    }
    at = runs_set_back(into, from->count);
    into->count = 0;
    for (uint32_t i = 0; at < end || i < from->count;) {
        bool ours =
            i == from->count || (at < end && run_starts_before(&into->runs[at], &from->runs[i]));

        run_append(into, ours ? into->runs[at++] : from->runs[i++]);
    }
    check_slow(clock_valid(into));
}

void clock_subtract(struct clock *into, const struct clock *what)
{
    uint32_t end = into->count + what->count;
    uint32_t i = 0;
    uint32_t at;

    if (!clock_overlaps(into, what))
        return;
    at = runs_set_back(into, what->count);
    into->count = 0;
    while (at < end) {
        struct run left = into->runs[at++];
        bool whole = false;

        i = run_seek(what, i, (struct dot){left.actor, left.first});
        for (; i < what->count && what->runs[i].actor == left.actor; i++) {
            const struct run *cut = &what->runs[i];

            if (cut->first > left.last)
                break;
            if (cut->first > left.first)
                into->runs[into->count++] = (struct run){left.actor, left.first, cut->first - 1};
            whole = cut->last >= left.last;
            if (whole)
                break;
            left.first = cut->last + 1;
        }
        if (!whole)
            into->runs[into->count++] = left;
    }
    check_slow(clock_valid(into));
}

void clock_intersect(struct clock *into, const struct clock *with)
{
    uint32_t end = into->count + with->count;
    uint32_t i = 0;
    uint32_t at;

    if (into->count == 0 || with->count == 0) {
        into->count = 0;
        return;
    }
    at = runs_set_back(into, with->count);
    into->count = 0;
    while (at < end) {
        struct run ours = into->runs[at++];

        i = run_seek(with, i, (struct dot){ours.actor, ours.first});
        for (; i < with->count && with->runs[i].actor == ours.actor; i++) {
            struct run both = with->runs[i];

            if (both.first > ours.last)
                break;
            if (both.first < ours.first)
                both.first = ours.first;
            if (both.last > ours.last)
                both.last = ours.last;
            into->runs[into->count++] = both;
            if (with->runs[i].last >= ours.last)
                break;
        }
    }
    check_slow(clock_valid(into));
}

void clock_copy(struct clock *into, const struct clock *from)
{
    into->count = 0;
    runs_reserve(into, from->count);
    if (from->count)
        memcpy(into->runs, from->runs, from->count * sizeof *from->runs);
    into->count = from->count;
}

bool clock_covers(const struct clock *a, const struct clock *b)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < b->count; i++) {
        const struct run *run = &b->runs[i];

        at = run_seek(a, at, (struct dot){run->actor, run->last});
        if (at == a->count || a->runs[at].actor != run->actor || a->runs[at].first > run->first)
            return false;
    }
    return true;
}

bool clock_equal(const struct clock *a, const struct clock *b)
{
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->runs, b->runs, a->count * sizeof *a->runs) == 0);
}

bool clock_overlaps(const struct clock *a, const struct clock *b)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < b->count && at < a->count; i++) {
        const struct run *run = &b->runs[i];

        at = run_seek(a, at, (struct dot){run->actor, run->first});
        if (at < a->count && a->runs[at].actor == run->actor && a->runs[at].first <= run->last)
            return true;
    }
    return false;
}

uint64_t clock_size(const struct clock *clock)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < clock->count; i++) {
        uint64_t length = clock->runs[i].last - clock->runs[i].first + 1;

        size = length < UINT64_MAX - size ? size + length : UINT64_MAX;
    }
    return size;
}

uint64_t clock_last(const struct clock *clock, uint64_t actor)
{
    uint32_t at = run_find(clock->runs, 0, clock->count, (struct dot){actor, UINT64_MAX});

    if (at < clock->count && clock->runs[at].actor == actor)
        return UINT64_MAX;
    return at > 0 && clock->runs[at - 1].actor == actor ? clock->runs[at - 1].last : 0;
}

// How many runs from `at` on belong to the actor of runs[at].
static uint32_t actor_runs(const struct clock *clock, uint32_t at)
{
    uint32_t end = at + 1;

    while (end < clock->count && clock->runs[end].actor == clock->runs[at].actor)
        end += 1;
    return end - at;
}

void clock_encode(const struct clock *clock, struct buffer *out)
{
    uint64_t actors = 0;

    for (uint32_t i = 0; i < clock->count; i += actor_runs(clock, i))
        actors += 1;
    buffer_add_varint(out, actors);
    for (uint32_t i = 0; i < clock->count;) {
        uint32_t end = i + actor_runs(clock, i);
        uint64_t last = clock->runs[i].first == 1 ? clock->runs[i].last : 0;

        buffer_add_u64(out, clock->runs[i].actor);
        buffer_add_varint(out, last);
        i += last ? 1 : 0;
        buffer_add_varint(out, end - i);
        for (; i < end; i++) {
            const struct run *run = &clock->runs[i];

            buffer_add_varint(out, run->first - last - 2);
            buffer_add_varint(out, run->last - run->first);
            last = run->last;
        }
    }
}

static int run_decode(struct reader *reader, struct clock *out, uint64_t actor, uint64_t last)
{
    uint64_t gap = reader_varint(reader);
    uint64_t more = reader_varint(reader);
    uint64_t first = last + gap + 2;

    if (reader->failed || last > UINT64_MAX - 2 || gap > UINT64_MAX - 2 - last ||
        more > UINT64_MAX - first || out->count >= CLOCK_RUNS_MAX)
        return ERR_PROTOCOL;
    runs_reserve(out, out->count + 1);
    out->runs[out->count++] = (struct run){actor, first, first + more};
    return 0;
}

static int actor_decode(struct reader *reader, struct clock *out)
{
    uint64_t before = out->count ? out->runs[out->count - 1].actor : 0;
    uint64_t actor = reader_u64(reader);
    uint64_t last = reader_varint(reader);
    uint64_t above = reader_varint(reader);

    if (reader->failed || actor <= before || (last == 0 && above == 0) ||
        out->count >= CLOCK_RUNS_MAX)
        return ERR_PROTOCOL;
    if (last > 0) {
        runs_reserve(out, out->count + 1);
        out->runs[out->count++] = (struct run){actor, 1, last};
    }
    for (uint64_t i = 0; i < above; i++) {
        if (run_decode(reader, out, actor, last))
            return ERR_PROTOCOL;
        last = out->runs[out->count - 1].last;
    }
    return 0;
}

int clock_decode(struct reader *reader, struct clock *out)
{
    uint64_t actors = reader_varint(reader);

    check(out->count == 0);
    for (uint64_t i = 0; i < actors; i++) {
        if (actor_decode(reader, out)) {
            clock_done(out);
            return ERR_PROTOCOL;
        }
    }
    return reader->failed ? ERR_PROTOCOL : 0;
}

bool clock_valid(const struct clock *clock)
{
    if (clock->count > clock->capacity)
        return false;
    for (uint32_t i = 0; i < clock->count; i++) {
        const struct run *run = &clock->runs[i];
        const struct run *before = i ? run - 1 : NULL;

        if (run->actor == 0 || run->first == 0 || run->first > run->last)
            return false;
        if (before && (!run_starts_before(before, run) || run_reaches(before, run)))
            return false;
    }
    return true;
}
