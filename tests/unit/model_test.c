// SPDX-License-Identifier: Apache-2.0
//
// The schedules of tests/model (see generate.py there for the lines) played on node/data: every
// state must be the one that the model of plain sets came to.

#include "node/data/object.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NODES = 5, KEYS = 3, WORDS_MAX = 8, LINE_MAX_BYTES = 1000, ACTORS_FROM = 'a' - 1 };

static const char *const lines[] = {
#include "gen/model_vectors.h"
    NULL};

struct node {
    struct clock clock;
    struct object objects[KEYS];
    struct clock logs[KEYS]; // the dot log, by key
    struct clock fill;
    bool filling;
    bool passed[KEYS];
};

struct play {
    struct arena arena;
    struct node nodes[NODES];
    const char *words[WORDS_MAX];
    struct node *node; // of the last step
    uint32_t compared;
};

static void node_blank(struct play *play, struct node *node)
{
    *node = (struct node){.clock = clock_in(&play->arena), .fill = clock_in(&play->arena)};
    for (uint32_t key = 0; key < KEYS; key++) {
        node->objects[key].rest = clock_in(&play->arena);
        node->logs[key] = clock_in(&play->arena);
    }
}

// ---- words --------------------------------------------------------------------------------------

static struct node *node_at(struct play *play, uint32_t word)
{
    return &play->nodes[play->words[word][0] - 'a'];
}

static uint32_t key_at(const struct play *play, uint32_t word)
{
    return (uint32_t)(play->words[word][0] - '0');
}

// "a1-3,b2" or "-"
static struct clock clock_at(struct play *play, uint32_t word)
{
    struct clock clock = clock_in(&play->arena);
    const char *at = play->words[word];

    while (*at && *at != '-') {
        struct run run = {(uint64_t)(*at - ACTORS_FROM), 0, 0};
        char *end;

        run.first = run.last = strtoull(at + 1, &end, 10);
        if (*end == '-')
            run.last = strtoull(end + 1, &end, 10);
        clock_add_run(&clock, run);
        at = *end == ',' ? end + 1 : end;
    }
    return clock;
}

static void dots_write(const struct run *runs, uint32_t count, struct buffer *out)
{
    for (uint32_t i = 0; i < count; i++) {
        buffer_add_format(out, "%s%c%" PRIu64, i ? "," : "", (int)(runs[i].actor + ACTORS_FROM),
                          runs[i].first);
        if (runs[i].last > runs[i].first)
            buffer_add_format(out, "-%" PRIu64, runs[i].last);
    }
    if (!count)
        buffer_add_format(out, "-");
}

static struct clock versions_clock(struct arena *arena, const struct object *object)
{
    struct clock clock = clock_in(arena);

    for (uint32_t i = 0; i < object->count; i++)
        clock_add(&clock, object->versions[i].dot);
    return clock;
}

// ---- steps --------------------------------------------------------------------------------------

static const struct clock *fill_of(const struct node *node, uint32_t key)
{
    return node->filling && node->passed[key] ? &node->fill : NULL;
}

static struct clock node_context(struct play *play, const struct node *node, uint32_t key)
{
    struct clock context = clock_in(&play->arena);

    clock_copy(&context, &node->clock);
    clock_join(&context, &node->objects[key].rest);
    if (fill_of(node, key))
        clock_join(&context, fill_of(node, key));
    return context;
}

static void node_apply(struct play *play, struct node *node, uint32_t key,
                       const struct delta *delta)
{
    struct clock before = clock_in(&play->arena);
    struct clock fresh = clock_in(&play->arena);

    clock_copy(&before, &node->clock);
    node->objects[key] =
        object_apply(&play->arena, &node->objects[key], &node->clock, fill_of(node, key), delta);
    if (fill_of(node, key)) // ours remembers more: the model takes off what the fill's clock has
        object_strip(&node->objects[key], fill_of(node, key));
    clock_copy(&fresh, &node->clock);
    clock_subtract(&fresh, &before);
    clock_join(&node->logs[key], &fresh);
    assert_true(clock_valid(&node->clock) && clock_valid(&node->objects[key].rest));
}

// A write: one version or none.
static void step_apply(struct play *play)
{
    struct clock versions = clock_at(play, 3);
    struct delta delta = {.context = clock_at(play, 4), .dots = clock_at(play, 5)};
    struct version list[1] = {{.stamp = 1}};

    assert_true(clock_size(&versions) <= 1);
    delta.count = (uint32_t)clock_size(&versions);
    if (delta.count)
        list[0].dot = (struct dot){versions.runs[0].actor, versions.runs[0].first};
    delta.versions = list;
    node_apply(play, play->node, key_at(play, 2), &delta);
}

static void item_apply(struct play *play, const struct node *from, uint32_t key)
{
    const struct object *object = &from->objects[key];
    struct delta delta = {.versions = object->versions, .count = object->count};

    delta.context = node_context(play, from, key);
    delta.dots = from->logs[key];
    node_apply(play, play->node, key, &delta);
}

static void step_repair(struct play *play)
{
    uint32_t key = key_at(play, 4);
    const struct node *one = node_at(play, 2);
    const struct node *two = node_at(play, 3);
    struct clock one_context = node_context(play, one, key);
    struct clock two_context = node_context(play, two, key);
    struct merge_side a = {one->objects[key].versions, one->objects[key].count, &one_context, NULL};
    struct merge_side b = {two->objects[key].versions, two->objects[key].count, NULL, &two_context};
    struct object merged;
    struct delta delta = {.context = one_context, .dots = clock_in(&play->arena)};

    object_merge(&play->arena, &a, &b, &merged);
    delta.versions = merged.versions;
    delta.count = merged.count;
    clock_join(&delta.context, &two_context);
    node_apply(play, play->node, key, &delta);
}

static void node_strip(struct node *node)
{
    for (uint32_t key = 0; key < KEYS; key++) {
        object_strip(&node->objects[key], &node->clock);
        if (fill_of(node, key))
            object_strip(&node->objects[key], fill_of(node, key));
    }
}

static void step_fill(struct play *play)
{
    play->node->filling = true;
    memset(play->node->passed, 0, sizeof play->node->passed);
    clock_copy(&play->node->fill, &node_at(play, 2)->clock);
}

static void step_pass(struct play *play)
{
    uint32_t key = key_at(play, 3);

    item_apply(play, node_at(play, 2), key);
    play->node->passed[key] = true;
    object_strip(&play->node->objects[key], &play->node->fill);
}

static void step_end(struct play *play)
{
    clock_join(&play->node->clock, &play->node->fill);
    play->node->filling = false;
    node_strip(play->node);
}

static void step_prune(struct play *play)
{
    struct clock gone = clock_at(play, 2);

    for (uint32_t key = 0; key < KEYS; key++)
        clock_subtract(&play->node->logs[key], &gone);
}

static void step_item(struct play *play)
{
    item_apply(play, node_at(play, 2), key_at(play, 3));
}

static void step_strip(struct play *play)
{
    node_strip(play->node);
}

static void step_lose(struct play *play)
{
    node_blank(play, play->node);
}

static const struct {
    const char *word;
    void (*take)(struct play *play);
} steps[] = {{"apply", step_apply}, {"item", step_item},   {"repair", step_repair},
             {"fill", step_fill},   {"pass", step_pass},   {"end", step_end},
             {"strip", step_strip}, {"prune", step_prune}, {"lose", step_lose}};

static void run_begin(struct play *play)
{
    arena_reset(&play->arena);
    for (uint32_t i = 0; i < NODES; i++)
        node_blank(play, &play->nodes[i]);
}

// ---- comparing ----------------------------------------------------------------------------------

static void state_compare(struct play *play, const char *line, uint32_t number)
{
    uint32_t key = key_at(play, 1);
    const struct object *object = &play->node->objects[key];
    struct clock versions = versions_clock(&play->arena, object);
    struct buffer have = {0};

    buffer_add_format(&have, "= %" PRIu32 " ", key);
    dots_write(versions.runs, versions.count, &have);
    buffer_add_u8(&have, ' ');
    dots_write(object->rest.runs, object->rest.count, &have);
    buffer_add_u8(&have, ' ');
    dots_write(play->node->clock.runs, play->node->clock.count, &have);
    buffer_add_u8(&have, 0);
    if (strcmp((const char *)have.data, line))
        fail_msg("line %u of the vectors:\nexpected %s\nhave     %s", number, line,
                 (const char *)have.data);
    buffer_done(&have);
    play->compared++;
}

static void line_play(struct play *play, const char *line, uint32_t number)
{
    static char text[LINE_MAX_BYTES];
    uint32_t count = 0;

    assert_true(strlen(line) < sizeof text);
    strcpy(text, line);
    for (char *word = strtok(text, " "); word && count < WORDS_MAX; word = strtok(NULL, " "))
        play->words[count++] = word;
    if (!strcmp(play->words[0], "run")) {
        run_begin(play);
        return;
    }
    if (!strcmp(play->words[0], "=")) {
        state_compare(play, line, number);
        return;
    }
    play->node = node_at(play, 1);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (!strcmp(play->words[0], steps[i].word)) {
            steps[i].take(play);
            return;
        }
    }
    fail_msg("line %u: what is %s?", number, line);
}

static void states_are_those_of_the_model(void **state)
{
    static struct play play;

    (void)state;
    for (uint32_t i = 0; lines[i]; i++)
        line_play(&play, lines[i], i + 1);
    printf("%" PRIu32 " states compared\n", play.compared);
    assert_true(play.compared > 3000);
    arena_done(&play.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(states_are_those_of_the_model)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
