// SPDX-License-Identifier: Apache-2.0
#include "sim/cluster/play.h"

#include "sim/world/host.h"

// The index of a key among what is judged: probes and the others side by side.
static uint64_t judged_key(uint64_t key)
{
    return key >= PROBE_KEYS ? 2 * (key - PROBE_KEYS) + 1 : 2 * key;
}

// ---- counting -----------------------------------------------------------------------------------

void gain_message(void *data, uint32_t from, uint32_t to, const struct message *message)
{
    struct play *play = data;

    (void)from;
    if (message->kind == MESSAGE_FORWARD)
        play->work[to].coordinated += 1;
    if (message->kind == MESSAGE_READ || message->kind == MESSAGE_APPLY)
        play->work[to].replicated += 1;
}

static uint32_t behind_of(struct play *play, const struct ask *ask, const struct reply *reply)
{
    uint8_t name[KEY_NAME_SIZE];

    key_name(ask->key, name);
    return fresh_behind(&play->fresh, &(struct fresh_read){.bucket = slice_of_text("sim"),
                                                           .name = slice_of(name, sizeof name),
                                                           .key = judged_key(ask->key),
                                                           .began_us = ask->began_us,
                                                           .token = reply->token});
}

static void judge_read(struct play *play, const struct ask *ask, const struct reply *reply)
{
    uint32_t behind = behind_of(play, ask, reply);

    if (ask->kind == ASK_PROBE_READ) {
        play->probe_reads[ask->user % play->setup->time_count] += 1;
        play->probe_fresh[ask->user % play->setup->time_count] += behind == 0;
        return;
    }
    play->stale[0] += 1;
    play->behind += behind;
    for (uint32_t k = 1; k <= STALE_VERSIONS_MAX; k++)
        play->stale[k] += behind >= k;
}

static void note_time(struct play *play, bool good)
{
    uint64_t now_us = sim_now_us(play->sim);
    uint64_t slot;

    if (!play->measuring || now_us < play->from_us)
        return;
    slot = (uint64_t)((double)(now_us - play->from_us) / SECOND_US / play->setup->seconds *
                      CLUSTER_SLOTS);
    play->ended += good;
    if (slot < CLUSTER_SLOTS) {
        play->slots[slot].ended += 1;
        play->slots[slot].good += good;
    }
}

static void note_load(struct play *play, const struct ask *ask, bool good)
{
    struct outcome_counts *counts = ask->method == METHOD_GET ? &play->reads : &play->writes;

    note_time(play, good);
    if (!ask->measured)
        return;
    counts->good += good;
    counts->failed += !good;
    if (good)
        samples_add(&counts->times, (double)(sim_now_us(play->sim) - ask->began_us) / 1000);
}

static void note_status(struct play *play, uint32_t node, const struct status *status)
{
    play->work[node].hedges = status->hedges;
    play->work[node].repairs = status->repairs;
}

void gain_ended(struct play *play, const struct ask *ask, const struct reply *reply, bool good)
{
    if (ask->kind == ASK_STATUS) {
        if (good)
            note_status(play, ask->node, &reply->status);
        return;
    }
    if (good && ask->method == METHOD_PUT && ask->kind != ASK_FILL)
        fresh_written(&play->fresh, judged_key(ask->key), reply->dot, sim_now_us(play->sim));
    if (good && ask->method == METHOD_GET && ask->measured)
        judge_read(play, ask, reply);
    if (ask->kind == ASK_LOAD)
        note_load(play, ask, good);
}

// ---- from when to when --------------------------------------------------------------------------

static void handled_read(struct play *play)
{
    for (uint32_t node = 0; node < play->trial->nodes; node++)
        play->work[node].handled = host_handled(play->sim, node);
}

void gains_begin(struct play *play)
{
    handled_read(play);
    memcpy(play->before, play->work, sizeof play->before);
    memcpy(play->traffic, sim_counts(play->sim)->traffic, sizeof play->traffic);
    play->measuring = true;
}

// A node that was started anew counts from 0.
static uint64_t grown(uint64_t before, uint64_t now)
{
    return now < before ? now : now - before;
}

void gains_end(struct play *play)
{
    const struct sim_traffic *now = sim_counts(play->sim)->traffic;

    play->measuring = false;
    handled_read(play);
    for (unsigned kind = 0; kind < SIM_TRAFFIC_KINDS; kind++) {
        play->traffic[kind].count = now[kind].count - play->traffic[kind].count;
        play->traffic[kind].bytes = now[kind].bytes - play->traffic[kind].bytes;
    }
    for (uint32_t node = 0; node < play->trial->nodes; node++) {
        struct node_work *work = &play->work[node];
        const struct node_work *before = &play->before[node];

        work->coordinated = grown(before->coordinated, work->coordinated);
        work->replicated = grown(before->replicated, work->replicated) + work->coordinated;
        work->handled = grown(before->handled, work->handled);
    }
}
