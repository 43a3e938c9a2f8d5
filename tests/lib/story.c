// SPDX-License-Identifier: Apache-2.0

#include "tests/lib/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { STORY_ACTOR = 1, STORY_SESSIONS = 1000, STORY_VALUES_MAX = 16, STORY_NOW = 1000 };

void story_begin(struct story *story)
{
    *story = (struct story){.settings = {.replicas = 3}, .sessions = STORY_SESSIONS};
    history_init(&story->history, 2);
}

void story_end(struct story *story)
{
    history_done(&story->history);
    verdict_done(&story->verdict);
}

static void list_add(struct clock *clock, const struct story_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        clock_add(clock, (struct dot){STORY_ACTOR, list->list[i]});
}

static struct history_op told_op(struct story *story, const struct told *told,
                                 enum history_method method)
{
    return (struct history_op){.method = method,
                               .outcome = told->outcome,
                               .session = told->session ? told->session : story->sessions++,
                               .key = told->key,
                               .began = told->began,
                               .ended = told->ended,
                               .asked = told->asked ? told->asked : 2,
                               .strict = !told->loose,
                               .owners = told->owners,
                               .holders_known = told->holders > 0,
                               .holders = told->holders,
                               .guests = told->guests,
                               .expires = told->expires,
                               .within_reach = told->within_reach};
}

static uint32_t story_write(struct story *story, const struct told *told,
                            enum history_method method)
{
    struct history_op op = told_op(story, told, method);
    struct clock sent = {0};
    struct clock received = {0};
    uint32_t id;

    list_add(&sent, &told->seen);
    list_add(&received, &told->knows);
    op.sent = sent.count ? &sent : NULL;
    op.received = received.count ? &received : NULL;
    op.value = told->value;
    if (!told->no_dot)
        op.dot = (struct dot){STORY_ACTOR, told->dot ? told->dot : told->value};
    id = history_add(&story->history, &op);
    clock_done(&sent);
    clock_done(&received);
    return id;
}

uint32_t story_put(struct story *story, struct told told)
{
    return story_write(story, &told, HISTORY_PUT);
}

uint32_t story_delete(struct story *story, struct told told)
{
    if (!told.dot)
        told.dot = STORY_DELETE_DOT + story->history.op_count;
    return story_write(story, &told, HISTORY_DELETE);
}

uint32_t story_get(struct story *story, struct told told)
{
    struct history_op op = told_op(story, &told, HISTORY_GET);
    struct history_sibling siblings[STORY_VALUES_MAX] = {0};
    struct clock received = {0};
    uint32_t id;

    list_add(&received, &told.shows);
    list_add(&received, &told.knows);
    for (size_t i = 0; i < told.shows.count; i++)
        siblings[i].value = told.shows.list[i];
    op.siblings = siblings;
    op.latest_only = told.latest_only;
    op.sibling_count = (uint32_t)told.shows.count;
    op.received = told.no_context ? NULL : &received;
    id = history_add(&story->history, &op);
    clock_done(&received);
    return id;
}

void story_judge(struct story *story)
{
    verdict_done(&story->verdict);
    judge_history(&story->history, &story->settings, &story->verdict);
}

void story_finish(struct story *story, struct story_list values)
{
    struct version versions[STORY_VALUES_MAX] = {0};
    struct object object = {versions, (uint32_t)values.count, {0}};
    struct replica_object held = {0, &object, values.list, NULL};
    struct clock clock = {0};
    struct replica_state list[3];
    struct replica_states states = {list, 3};

    verdict_done(&story->verdict);
    clock_add_run(&clock, (struct run){STORY_ACTOR, 1, STORY_DELETE_DOT * 2});
    for (size_t i = 0; i < values.count; i++)
        versions[i].dot = (struct dot){STORY_ACTOR, values.list[i]};
    for (uint32_t i = 0; i < 3; i++)
        list[i] = (struct replica_state){.node = i,
                                         .owner = true,
                                         .serves = true,
                                         .clock = &clock,
                                         .objects = &held,
                                         .object_count = values.count > 0};
    judge_final(&story->history, &story->settings, &states, STORY_NOW, &story->verdict);
    clock_done(&clock);
}

static void verdict_compare(const struct verdict *verdict, enum verdict_kind kind, uint64_t times)
{
    if (verdict->counts[kind] == times && verdict_count(verdict) == times)
        return;
    printf("%.*s", (int)verdict->text.size, (const char *)verdict->text.data);
    fail_msg("expected %lu times %s, found %lu, and %lu findings in all", (unsigned long)times,
             verdict_kind_text(kind), (unsigned long)verdict->counts[kind],
             (unsigned long)verdict_count(verdict));
}

void story_expect(struct story *story, enum verdict_kind kind, uint64_t times)
{
    verdict_compare(&story->verdict, kind, times);
    verdict_done(&story->verdict);
}

void story_expect_clean(struct story *story)
{
    story_expect(story, VERDICT_LOST, 0);
}
