// SPDX-License-Identifier: Apache-2.0
// Each knob has a generator of its own, from the seed and its name, so that a new knob changes no
// other one. What must go together is put right afterwards.
#include "sim/check/knobs.h"

#include "base/check.h"
#include "base/err.h"
#include "base/rng.h"

#include <inttypes.h>
#include <stdlib.h>

#define KNOB_FAULT(name, text, what)     {text, what, 0, 100, true},
#define X(name, text, least, most, what) {text, what, least, most, false},
static const struct knob_row {
    const char *name;
    const char *text;
    uint64_t least, most;
    bool fault;
} rows[] = {KNOB_MAP(X)};
#undef X
#undef KNOB_FAULT

enum { OPERATIONS_MOST = 10000 };

const char *knob_name(enum knob knob)
{
    return rows[knob].name;
}

const char *knob_text(enum knob knob)
{
    return rows[knob].text;
}

bool knob_is_fault(enum knob knob)
{
    return rows[knob].fault || knob == KNOB_LOSS || knob == KNOB_DUPLICATE ||
           knob == KNOB_REORDER || knob == KNOB_CORRUPT;
}

// ---- drawing ------------------------------------------------------------------------------------

// One of the values, each as likely.
static uint64_t pick(struct rng *rng, const uint64_t *values, size_t count)
{
    return values[rng_below(rng, count)];
}

#define PICK(...)                                                                                  \
    pick(rng, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / 8)

static uint64_t draw_load(enum knob knob, struct rng *rng)
{
    switch (knob) {
    case KNOB_SECONDS:
        return 5 + rng_below(rng, 56);
    case KNOB_KEYS:
        if (rng_below(rng, 2))
            return 1; // half of the runs: one hot key
        return rng_below(rng, 4) ? 2 + rng_below(rng, 30) : 300 + rng_below(rng, 1000);
    case KNOB_CLIENTS:
        return rng_below(rng, 4) ? 2 + rng_below(rng, 7) : 2;
    case KNOB_OPEN:
        return PICK(0, 0, 0, 1, 2);
    case KNOB_THINK_US:
        return PICK(2000, 20000, 100000, 300000);
    case KNOB_BURST:
        return rng_below(rng, 2);
    case KNOB_READS:
        return PICK(20, 50, 50, 80);
    case KNOB_DELETES:
        return PICK(0, 10, 30, 50);
    case KNOB_BLIND:
        return PICK(0, 10, 30, 100);
    case KNOB_OVERWRITE:
        return PICK(0, 50, 100);
    case KNOB_STALE:
        return PICK(0, 10, 50);
    case KNOB_WEAK:
        return PICK(0, 0, 20);
    case KNOB_SLOPPY:
        return PICK(0, 50, 100);
    case KNOB_TTL:
        return PICK(0, 0, 10);
    case KNOB_ROAM:
        return PICK(0, 30, 100);
    case KNOB_RETRIES:
        return PICK(0, 1, 3);
    case KNOB_TIMEOUT_MS:
        return PICK(300, 1000, 2000);
    default:
        return PICK(8, 24, 100, 400); // value bytes
    }
}

static uint64_t draw_store(enum knob knob, struct rng *rng)
{
    switch (knob) {
    case KNOB_SEGMENT_KIB:
        return PICK(32, 64, 256);
    case KNOB_MEMTABLE_KIB:
        return PICK(8, 32, 256);
    case KNOB_MEMTABLE_KEYS:
        return PICK(2, 8, 100, 1000);
    case KNOB_DOT_LOG_KIB:
        return PICK(2, 16, 1024);
    case KNOB_SIBLINGS:
        return PICK(4, 20, 100);
    case KNOB_OPERATIONS:
        return PICK(8, 256, 4096);
    case KNOB_REPAIR_KIB:
        return PICK(1000, 10000, 65536);
    case KNOB_REPAIR_KEYS:
        return PICK(30, 1000, 50000);
    case KNOB_DISK_US:
        return PICK(50, 200, 1000, 5000);
    default:
        return PICK(1000, 10000, 200000); // tree
    }
}

static uint64_t draw_net(enum knob knob, struct rng *rng)
{
    switch (knob) {
    case KNOB_DELAY_US:
        return PICK(50, 200, 1000, 5000, 20000);
    case KNOB_TAIL_US:
        return PICK(0, 5000, 100000, 1000000);
    case KNOB_BREAK_MS:
        return PICK(300, 1000, 3000, 10000);
    case KNOB_DETECT_MS:
        return PICK(300, 1000, 5000);
    case KNOB_GOSSIP_MS:
        return PICK(20, 200, 1000);
    case KNOB_FAULT_MS:
        return PICK(200, 500, 1000, 4000);
    case KNOB_FAULT_LENGTH_MS:
        return PICK(100, 1000, 3000, 10000);
    case KNOB_LOSS:
    case KNOB_DUPLICATE:
        return rng_below(rng, 2) ? 0 : PICK(100, 5000, 50000, 200000);
    case KNOB_REORDER:
        return rng_below(rng, 2) ? 0 : PICK(1000, 50000, 500000);
    default:
        return rng_below(rng, 2) ? 0 : PICK(100, 2000, 20000); // corrupt
    }
}

static uint64_t draw_cluster(enum knob knob, struct rng *rng)
{
    switch (knob) {
    case KNOB_NODES:
        return 3 + rng_below(rng, 5);
    case KNOB_REPLICAS:
        return PICK(1, 2, 3, 3, 3, 3, 4, 5);
    case KNOB_SHARDS:
        return PICK(1, 1, 2, 4, 16);
    default:
        return 0;
    }
}

static uint64_t draw_one(enum knob knob, uint64_t seed)
{
    struct rng rng;
    uint64_t name = 0;

    for (const char *at = rows[knob].name; *at; at++)
        name = rng_mix(name + (uint8_t)*at);
    rng_init(&rng, rng_mix(seed) ^ name);
    if (rows[knob].fault)
        return rng_below(&rng, 2) ? 1 + rng_below(&rng, 3) : 0;
    if (knob <= KNOB_SHARDS)
        return draw_cluster(knob, &rng);
    if (knob == KNOB_W)
        return rng_below(&rng, 4) ? 0 : 1 + rng_below(&rng, 5); // 0: a majority
    if (knob < KNOB_SEGMENT_KIB)
        return draw_load(knob, &rng);
    return knob <= KNOB_TREE_US ? draw_store(knob, &rng) : draw_net(knob, &rng);
}

static bool calm(uint64_t seed)
{
    return rng_mix(rng_mix(seed) ^ 0xca13) % 10 == 0; // one run of ten has no faults
}

static void faults_off(struct knobs *knobs, uint64_t seed, const struct knobs_set *set)
{
    for (int knob = 0; knob < KNOBS; knob++) {
        bool chosen = set->only_faults && set->faults[knob];

        if (knob_is_fault((enum knob)knob) && (set->only_faults ? !chosen : calm(seed)))
            knobs->at[knob] = 0;
        else if (chosen && knobs->at[knob] == 0)
            knobs->at[knob] = knob < KNOB_FAULT_KILL ? 2000 : 1;
    }
}

static uint64_t at_most(uint64_t value, uint64_t most)
{
    return value < most ? value : most;
}

// A destroyed disk must leave W-1 copies of what was acknowledged.
static bool destroys(const struct knobs *knobs)
{
    return knobs->at[KNOB_FAULT_ROT] || knobs->at[KNOB_FAULT_ROLLBACK] ||
           knobs->at[KNOB_FAULT_EMPTY];
}

static void reconcile(struct knobs *knobs)
{
    uint64_t *at = knobs->at;
    uint64_t majority;

    at[KNOB_REPLICAS] = at_most(at[KNOB_REPLICAS], at[KNOB_NODES]);
    majority = at[KNOB_REPLICAS] / 2 + 1;
    at[KNOB_OPEN] = at_most(at[KNOB_OPEN], at[KNOB_CLIENTS]);
    at[KNOB_W] = at_most(at[KNOB_W] ? at[KNOB_W] : majority, at[KNOB_REPLICAS]);
    if (destroys(knobs) && (at[KNOB_REPLICAS] == 1 || majority < 2)) {
        at[KNOB_FAULT_ROT] = at[KNOB_FAULT_ROLLBACK] = at[KNOB_FAULT_EMPTY] = 0;
    } else if (destroys(knobs)) {
        at[KNOB_W] = at[KNOB_W] < majority ? majority : at[KNOB_W];
        at[KNOB_WEAK] = 0;
    }
    at[KNOB_R] = at[KNOB_REPLICAS] + 1 - at[KNOB_W];
    // A record of the log holds all siblings of a key, a segment two of the largest records.
    while (at[KNOB_SEGMENT_KIB] << 10 < 4 * at[KNOB_SIBLINGS] * (at[KNOB_VALUE_BYTES] + 64))
        at[KNOB_SEGMENT_KIB] *= 2;
    // A page of a fill is written in one turn, which has the room of two segments.
    if (at[KNOB_KEYS] > 64 && at[KNOB_SEGMENT_KIB] < 1024)
        at[KNOB_SEGMENT_KIB] = 1024;
    while (at[KNOB_SHARDS] & (at[KNOB_SHARDS] - 1))
        at[KNOB_SHARDS] &= at[KNOB_SHARDS] - 1;
}

struct fixed {
    enum knob knob;
    uint64_t to;
};

static void fix(struct knobs *knobs, const struct fixed *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        knobs->at[list[i].knob] = list[i].to;
}

// One run of ten: many keys, a dot log that soon overflows, partitions and a disk that is lost,
// so that owners fill from each other all the time. In half of these partitions are many and short:
// fills lose their sources, and go on from owners that know less.
static void fill_up(struct knobs *knobs, uint64_t seed)
{
    static const struct fixed filling[] = {
        {KNOB_SHARDS, 1},      {KNOB_KEYS, 600},        {KNOB_THINK_US, 5000},
        {KNOB_DOT_LOG_KIB, 2}, {KNOB_REPAIR_KEYS, 300}, {KNOB_FAULT_MS, 300},
        {KNOB_FAULT_POWER, 1}, {KNOB_FAULT_HALVES, 1},  {KNOB_FAULT_ISOLATE, 1},
        {KNOB_FAULT_EMPTY, 1}, {KNOB_FAULT_ROLLBACK, 1}};
    static const struct fixed parted[] = {
        {KNOB_FAULT_LENGTH_MS, 1000}, {KNOB_FAULT_HALVES, 3}, {KNOB_FAULT_ISOLATE, 3}};

    if (rng_mix(rng_mix(seed) ^ 0xf111) % 10)
        return;
    fix(knobs, filling, sizeof filling / sizeof *filling);
    if (rng_mix(rng_mix(seed) ^ 0xf112) % 2)
        fix(knobs, parted, sizeof parted / sizeof *parted);
}

// Many operations cost much and find little more: such runs are shorter.
static void shorten(struct knobs *knobs)
{
    uint64_t *at = knobs->at;

    while (at[KNOB_SECONDS] > 4 &&
           at[KNOB_SECONDS] * 1000000 * at[KNOB_CLIENTS] / at[KNOB_THINK_US] > OPERATIONS_MOST)
        at[KNOB_SECONDS] /= 2;
}

void knobs_draw(struct knobs *knobs, uint64_t seed, const struct knobs_set *set)
{
    for (int knob = 0; knob < KNOBS; knob++)
        knobs->at[knob] = draw_one((enum knob)knob, seed);
    fill_up(knobs, seed);
    shorten(knobs);
    faults_off(knobs, seed, set);
    for (int knob = 0; knob < KNOBS; knob++) {
        if (set->is[knob])
            knobs->at[knob] = set->to[knob];
    }
    reconcile(knobs);
    for (int knob = 0; knob < KNOBS; knob++)
        check(knobs->at[knob] >= rows[knob].least && knobs->at[knob] <= rows[knob].most);
}

// ---- reading ------------------------------------------------------------------------------------

static int knob_find(const char *name, size_t size)
{
    for (int knob = 0; knob < KNOBS; knob++) {
        if (strlen(rows[knob].name) == size && memcmp(rows[knob].name, name, size) == 0)
            return knob;
    }
    return -1;
}

static bool number_read(struct slice text, uint64_t *out)
{
    uint64_t value = 0;

    if (text.size == 0 || text.size > 12)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out = value;
    return true;
}

int knobs_set_read(struct knobs_set *set, struct slice text, struct buffer *why)
{
    const uint8_t *sign = text.size ? memchr(text.data, '=', text.size) : NULL;
    size_t size = sign ? (size_t)(sign - text.data) : text.size;
    int knob = knob_find((const char *)text.data, size);
    uint64_t value;

    if (knob < 0) {
        buffer_add_format(why, "there is no knob '%.*s'; --knobs lists them", (int)size,
                          (const char *)text.data);
        return ERR_INVALID;
    }
    if (!sign || !number_read(slice_of(sign + 1, text.size - size - 1), &value) ||
        value < rows[knob].least || value > rows[knob].most) {
        buffer_add_format(why, "give %s=NUMBER, from %" PRIu64 " to %" PRIu64, rows[knob].name,
                          rows[knob].least, rows[knob].most);
        return ERR_INVALID;
    }
    set->is[knob] = true;
    set->to[knob] = value;
    return 0;
}

int knobs_faults_read(struct knobs_set *set, const char *text, struct buffer *why)
{
    if (strcmp(text, "all") == 0)
        return 0;
    set->only_faults = true;
    if (strcmp(text, "none") == 0)
        return 0;
    while (*text) {
        size_t size = strcspn(text, ",");
        int knob = knob_find(text, size);

        if (knob < 0 || !knob_is_fault((enum knob)knob)) {
            buffer_add_format(why, "there is no fault '%.*s'; --knobs lists them", (int)size, text);
            return ERR_INVALID;
        }
        set->faults[knob] = true;
        text += size + (text[size] == ',');
    }
    return 0;
}
