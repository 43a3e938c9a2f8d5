// SPDX-License-Identifier: Apache-2.0
#include "sim/check/trial.h"

#include "base/check.h"
#include "base/err.h"
#include "node/store/engine.h"
#include "sim/check/acks.h"
#include "sim/check/contexts.h"
#include "sim/check/inspect.h"
#include "sim/check/users.h"
#include "sim/checker/gauge.h"
#include "sim/checker/issued.h"
#include "sim/checker/judge.h"
#include "sim/checker/placed.h"
#include "sim/world/host.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    SECOND_US = 1000000,
    CORE_SECONDS = 3, // of asking a healed core
    ROUND_US = 3000000,
    CONVERGE_ROUNDS = 100,
    EXPIRY_SLACK_US = 60000000 // a request may wait in a stopped node
};

enum {
    ASKED_KEPT = 1024,        // questions remembered
    MEMORY_PER_KIB = 3 << 10, // of two memtables, by the size that starts a checkpoint
    MEMORY_LEAST = 256 << 10  // of tables that are empty
};

struct running {
    const struct trial *trial;
    struct knobs knobs;
    struct sim *sim;
    struct users *users;
    struct faults *faults;
    struct history history;
    struct verdict verdict;
    struct inspect inspect;
    const struct topology *topology; // a copy
    struct issued issued;
    struct early early;
    struct acks acks;
    struct contexts contexts;
    bool whole;                            // all nodes are up at the end
    uint64_t asked_for_little[ASKED_KEPT]; // by the last bits: ops of reads that take what there is
};

// ---- what the world tells -----------------------------------------------------------------------

static void on_reply(void *data, uint64_t ticket, const struct reply *reply)
{
    struct running *run = data;
    struct acks_told told = {.reply = reply};

    told.level = users_asked(run->users, ticket, &told.key);
    if (told.level)
        acks_reply(&run->acks, run->sim, &run->early, &told, &run->verdict);
    users_reply(run->users, ticket, reply);
}

static void on_refused(void *data, uint64_t ticket)
{
    users_refused(((struct running *)data)->users, ticket);
}

static void on_started(void *data, uint32_t node, uint64_t actor)
{
    struct running *run = data;
    uint64_t now_us = run->sim ? sim_now_us(run->sim) : 0; // the first ones are in sim_new

    issued_life(&run->issued, actor, node, now_us, &run->verdict);
}

static void on_closed(void *data, uint32_t node)
{
    struct running *run = data;

    early_closed(&run->early, node);
    contexts_closed(&run->contexts, node);
    if (run->users)
        users_closed(run->users, node);
    if (run->faults)
        faults_closed(run->faults, node);
}

// S4, in every log.
static void see_dots(struct running *run, uint32_t node, const struct key *key,
                     const struct delta *delta)
{
    for (uint32_t i = 0; i < delta->count; i++) {
        struct issued_sight sight = {.dot = delta->versions[i].dot,
                                     .shard = key->shard,
                                     .key = key->low ^ key->high,
                                     .what = ISSUED_VALUE,
                                     .node = node,
                                     .time = sim_now_us(run->sim)};

        sight.value_hash = users_value_number(delta->versions[i].value);
        issued_see(&run->issued, &sight, &run->verdict);
        if (sight.dot.actor == store_mint(host_store(run->sim, node), key->shard).actor)
            issued_stamp(&run->issued, &sight, delta->versions[i].stamp, &run->verdict);
    }
}

static void on_applied(void *data, uint32_t node, const struct key *key, const struct delta *delta)
{
    struct running *run = data;

    if (run->topology) {
        users_applied(run->users, node, key, delta);
        see_dots(run, node, key, delta);
        // Dots without a key's name are adopted: the node knew them, and nobody waits for them.
        if (key_is_named(key))
            early_applied(&run->early, run->sim, node, key->shard, delta);
    }
}

static bool is_owner(struct running *run, uint32_t node, uint32_t shard)
{
    int member = topology_member(run->topology, host_member(run->sim, node)->id);

    return topology_rank(run->topology, shard, member) >= 0;
}

// A rebuild asks owners without a complete copy for what little they have, as it asks guests.
static void see_asked(struct running *run, const struct message *message)
{
    if (message->kind == MESSAGE_READ && message->guest)
        run->asked_for_little[message->op % ASKED_KEPT] = message->op;
}

// What an owner whose copy is not complete says of a key is worth nothing to a reader. An answer
// does not say which shard it is about, so this is seen where there is one.
static void see_unborn(struct running *run, uint32_t node, const struct message *message)
{
    struct store_shard shard;

    if (message->kind != MESSAGE_OBJECT || message->err || run->topology->shards != 1 ||
        run->asked_for_little[message->op % ASKED_KEPT] == message->op || !is_owner(run, node, 0))
        return;
    store_shard(host_store(run->sim, node), 0, &shard);
    if (!shard.born)
        verdict_add(&run->verdict, VERDICT_STATE,
                    "n%" PRIu32 " answers a read from a copy that is not complete", node + 1);
}

// Of one node only the disk may be destroyed, or damaged.
static void see_context(struct running *run, uint32_t node, const struct key *key)
{
    bool victim = run->faults && faults_victim(run->faults) == (int)node;

    if (!is_owner(run, node, key->shard) || (victim && run->knobs.at[KNOB_FAULT_ROT]))
        return;
    if (victim)
        contexts_lost(&run->contexts, node);
    contexts_look(&run->contexts, run->sim, node, key, &run->verdict);
}

// Reads and writes name their key.
static void see_key(struct running *run, uint32_t from, uint32_t to, const struct message *message)
{
    struct acks_sight sight = {run->sim, &run->early, from, to, message};
    bool named = users_key_number(message->bucket, message->key) != UINT32_MAX;
    struct key key;

    if (named)
        check(key_make(run->topology->seed, run->topology->shards, message->bucket, message->key,
                       &key) == 0);
    acks_message(&run->acks, &sight, named ? &key : NULL, &run->verdict);
    if (named && message->kind == MESSAGE_READ && to < sim_nodes(run->sim))
        see_context(run, to, &key);
}

static void on_message(void *data, uint32_t from, uint32_t to, const struct message *message)
{
    struct running *run = data;

    if (!run->topology)
        return;
    early_message(&run->early, run->sim, from, message, &run->verdict);
    see_key(run, from, to, message);
    see_asked(run, message);
    see_unborn(run, from, message);
}

static void on_line(void *data, uint64_t now_us, int node, const char *text)
{
    struct running *run = data;

    run->trial->line(run->trial->data, now_us, node, text);
}

// ---- making it ----------------------------------------------------------------------------------

static void settings_make(struct running *run, struct sim_settings *out)
{
    const uint64_t *at = run->knobs.at;

    sim_settings_init(out);
    out->nodes = (uint32_t)at[KNOB_NODES];
    out->seed = run->trial->seed;
    out->data = run;
    out->calls = (struct sim_calls){.reply = on_reply,
                                    .refused = on_refused,
                                    .started = on_started,
                                    .closed = on_closed,
                                    .applied = on_applied,
                                    .message = on_message,
                                    .line = run->trial->line ? on_line : NULL};
    out->segment_bytes = at[KNOB_SEGMENT_KIB] << 10;
    out->memtable_bytes = at[KNOB_MEMTABLE_KIB] << 10;
    out->memtable_keys = (uint32_t)at[KNOB_MEMTABLE_KEYS];
    out->dot_log_bytes = at[KNOB_DOT_LOG_KIB] << 10;
    out->siblings_max = (uint32_t)at[KNOB_SIBLINGS];
    out->calm_us = 1000 * (4 * at[KNOB_FAULT_LENGTH_MS] + 2 * at[KNOB_BREAK_MS] +
                           2 * at[KNOB_TIMEOUT_MS] + 2000) +
                   4 * at[KNOB_TAIL_US];
    out->repair_bytes_per_s = at[KNOB_REPAIR_KIB] << 10;
    out->repair_keys_per_s = at[KNOB_REPAIR_KEYS];
    out->operations_max = (uint32_t)at[KNOB_OPERATIONS];
    out->disk_us = (uint32_t)at[KNOB_DISK_US];
    out->tree_us = (uint32_t)at[KNOB_TREE_US];
    out->delay_us = (uint32_t)at[KNOB_DELAY_US];
    out->delay_tail_us = (uint32_t)at[KNOB_TAIL_US];
    out->loss = (uint32_t)at[KNOB_LOSS];
    out->duplicate = (uint32_t)at[KNOB_DUPLICATE];
    out->reorder = (uint32_t)at[KNOB_REORDER];
    out->corrupt = (uint32_t)at[KNOB_CORRUPT];
    out->break_us = (uint32_t)at[KNOB_BREAK_MS] * 1000;
    out->detect_us = (uint32_t)at[KNOB_DETECT_MS] * 1000;
    out->gossip_us = (uint32_t)at[KNOB_GOSSIP_MS] * 1000;
}

// False when the cluster could not be made, which is a finding.
static bool cluster_make(struct running *run)
{
    const uint64_t *at = run->knobs.at;
    struct sim_settings settings;
    int err;

    settings_make(run, &settings);
    run->sim = sim_new(&settings);
    run->users = users_new(run->sim, &run->knobs, run->trial->seed, &run->history);
    err = sim_init(run->sim, (uint32_t)at[KNOB_SHARDS], (uint32_t)at[KNOB_REPLICAS]);
    if (err) {
        verdict_add(&run->verdict, VERDICT_UNANSWERED, "cluster init: %s", err_code(err));
        return false;
    }
    run->topology = topology_clone(node_topology(host_node(run->sim, 0)));
    placed_check(run->topology, &run->verdict);
    users_set_topology(run->users, run->topology);
    run->faults = faults_new(&(struct faults_setup){.sim = run->sim,
                                                    .knobs = &run->knobs,
                                                    .seed = run->trial->seed,
                                                    .kept = &run->trial->kept,
                                                    .history = &run->history,
                                                    .verdict = &run->verdict});
    return true;
}

static void pass(struct running *run, uint64_t us)
{
    sim_run(run->sim, sim_now_us(run->sim) + us);
}

static void note(struct running *run, const char *what)
{
    sim_tell(run->sim, -1, "---- %s", what);
}

// ---- the phases ---------------------------------------------------------------------------------

static void phase_faults(struct running *run)
{
    note(run, "clients under faults");
    faults_begin(run->faults);
    users_start(run->users);
    pass(run, run->knobs.at[KNOB_SECONDS] * SECOND_US);
}

// Links and rumours have come round, and what was in flight has ended.
static void settle(struct running *run)
{
    const uint64_t *at = run->knobs.at;
    uint64_t ms = 2 * at[KNOB_DETECT_MS] + 2 * at[KNOB_BREAK_MS] + 4 * at[KNOB_GOSSIP_MS] + 8000;

    pass(run, ms * 1000 + 4 * (at[KNOB_TAIL_US] + at[KNOB_TREE_US]));
}

// So many nodes may stay away that each shard still has enough owners; the victim of a lost disk
// first, because nobody else may be away then.
static uint64_t core_choose(struct running *run)
{
    const uint64_t *at = run->knobs.at;
    uint64_t most = at[KNOB_W] > at[KNOB_R] ? at[KNOB_W] : at[KNOB_R];
    uint64_t away = at[KNOB_REPLICAS] - most;
    uint64_t mask = (UINT64_C(1) << at[KNOB_NODES]) - 1;
    int victim = faults_victim(run->faults);
    struct rng rng;

    rng_init(&rng, rng_mix(rng_mix(run->trial->seed) ^ 0xc04e));
    if (victim >= 0)
        return away ? mask & ~(UINT64_C(1) << victim) : mask;
    for (away = rng_below(&rng, away + 1); away > 0; away--) {
        uint64_t node = rng_below(&rng, at[KNOB_NODES]);

        if (mask & (mask - 1))
            mask &= ~(UINT64_C(1) << node);
    }
    return mask;
}

// Where some messages take very long nothing can be promised in a bounded time, nor where writes
// can overtake checkpoints.
static bool core_must_serve(const struct running *run)
{
    const uint64_t *at = run->knobs.at;
    bool slow = at[KNOB_TREE_US] > 1000;

    return at[KNOB_TAIL_US] <= 100000 && at[KNOB_MEMTABLE_KIB] >= (slow ? 256 : 32) &&
           (at[KNOB_MEMTABLE_KEYS] >= (slow ? 100 : 8) || at[KNOB_MEMTABLE_KEYS] > at[KNOB_KEYS]);
}

static void phase_core(struct running *run)
{
    uint64_t core = core_choose(run);

    note(run, "a core is healed");
    users_stop(run->users);
    for (uint32_t node = 0; node < run->knobs.at[KNOB_NODES]; node++) {
        if (!(core >> node & 1))
            faults_hold(run->faults, node, true);
    }
    faults_end(run->faults);
    settle(run);
    users_set_nodes(run->users, core);
    users_within_reach(run->users, core_must_serve(run));
    users_start(run->users);
    pass(run, CORE_SECONDS * SECOND_US);
    users_stop(run->users);
    settle(run);
    users_within_reach(run->users, false);
}

static bool all_are_up(struct running *run)
{
    for (uint32_t node = 0; node < run->knobs.at[KNOB_NODES]; node++) {
        if (host_state(run->sim, node) != HOST_UP)
            return false;
    }
    return true;
}

static uint64_t differences(struct running *run)
{
    struct verdict verdict = {0};
    uint64_t count;

    inspect_read(&run->inspect, run->sim, run->topology);
    states_converged(&run->inspect.states, run->topology->replicas, &verdict);
    count = verdict_count(&verdict);
    verdict_done(&verdict);
    return count;
}

// Time passes until the replicas are equal, or too much of it has passed.
static void become_equal(struct running *run)
{
    for (int round = 0; round < CONVERGE_ROUNDS && (round == 0 || differences(run)); round++)
        pass(run, ROUND_US);
}

static void phase_converge(struct running *run)
{
    note(run, "all are healed");
    for (uint32_t node = 0; node < run->knobs.at[KNOB_NODES]; node++)
        faults_hold(run->faults, node, false);
    settle(run);
    become_equal(run);
    settle(run);
}

// L6. Nothing is under way in calm, no dot is kept for anybody, and memory for what is not in the
// tree yet stays within what checkpoints allow: two memtables, half as much again for repairs.
static void check_gauges(struct running *run)
{
    for (uint32_t node = 0; node < run->knobs.at[KNOB_NODES]; node++) {
        struct store_totals totals;
        char names[3][32];
        struct gauge gauges[3] = {
            {.name = names[0], .after = node_in_flight(host_node(run->sim, node))},
            {.name = names[1]},
            {.name = names[2],
             .limit = run->knobs.at[KNOB_MEMTABLE_KIB] * MEMORY_PER_KIB + MEMORY_LEAST}};

        store_totals(host_store(run->sim, node), &totals);
        gauges[1].after = totals.dots;
        gauges[2].highest = gauges[2].after = gauges[2].before = totals.memory_bytes;
        snprintf(names[0], sizeof names[0], "n%" PRIu32 ": requests in flight", node + 1);
        snprintf(names[1], sizeof names[1], "n%" PRIu32 ": dots kept", node + 1);
        snprintf(names[2], sizeof names[2], "n%" PRIu32 ": memtables", node + 1);
        gauges_check(gauges, 3, &run->verdict);
    }
    if (users_in_flight(run->users))
        verdict_add(&run->verdict, VERDICT_UNANSWERED, "%" PRIu32 " requests never ended",
                    users_in_flight(run->users));
}

static void judge_states(struct running *run)
{
    inspect_read(&run->inspect, run->sim, run->topology);
    states_check(&run->inspect.states, &run->verdict);
    states_converged(&run->inspect.states, run->topology->replicas, &run->verdict);
}

static void phase_restart(struct running *run)
{
    struct buffer before = {0};
    struct buffer after = {0};

    note(run, "everything starts again from its disks");
    inspect_digest(&run->inspect, &before);
    for (uint32_t node = 0; node < run->knobs.at[KNOB_NODES]; node++)
        host_stop(run->sim, node, HOST_POWER_OFF);
    settle(run);
    if (!all_are_up(run)) {
        verdict_add(&run->verdict, VERDICT_STATE, "not all nodes start again");
    } else {
        run->whole = true;
        become_equal(run); // a record that rotted may be met only now
        judge_states(run);
        inspect_digest(&run->inspect, &after);
        if (!slice_equal(buffer_slice(&before), buffer_slice(&after)))
            verdict_add(&run->verdict, VERDICT_STATE,
                        "clocks or digests are others after a restart from disk");
    }
    buffer_done(&before);
    buffer_done(&after);
}

// ---- the verdict --------------------------------------------------------------------------------

static void judge_all(struct running *run)
{
    const uint64_t *at = run->knobs.at;
    struct judge_settings settings = {.replicas = (uint32_t)at[KNOB_REPLICAS],
                                      .expiry_slack =
                                          at[KNOB_FAULT_CLOCK] ? TIME_NEVER : EXPIRY_SLACK_US,
                                      .deadline = 2500000};

    users_settle(run->users);
    if (run->whole)
        judge_final(&run->history, &settings, &run->inspect.states, sim_now_us(run->sim),
                    &run->verdict);
    judge_history(&run->history, &settings, &run->verdict);
    if (sim_counts(run->sim)->digest_alarms)
        verdict_add(&run->verdict, VERDICT_STATE,
                    "%" PRIu64 " alarms: replicas that had seen the same held other versions",
                    sim_counts(run->sim)->digest_alarms);
    if (sim_counts(run->sim)->corrupt_accepted)
        verdict_add(&run->verdict, VERDICT_INVENTED, "%" PRIu64 " damaged messages were accepted",
                    sim_counts(run->sim)->corrupt_accepted);
}

static void result_fill(struct running *run, struct trial_result *out)
{
    const struct sim_counts *counts = sim_counts(run->sim);
    size_t size = run->verdict.text.size;

    *out = (struct trial_result){.seed = run->trial->seed,
                                 .hash = sim_hash(run->sim),
                                 .virtual_us = sim_now_us(run->sim),
                                 .operations = users_operations(run->users),
                                 .done = users_done(run->users),
                                 .events = counts->events,
                                 .messages = counts->messages,
                                 .findings = verdict_count(&run->verdict),
                                 .reads_judged = run->verdict.reads_judged,
                                 .writes_judged = run->verdict.writes_judged,
                                 .promises_tested = run->verdict.promises_tested};
    if (run->faults) {
        out->faults = faults_happened(run->faults);
        out->faults_drawn = faults_count(run->faults);
    }
    memcpy(out->probes, counts->probes, sizeof out->probes);
    if (size >= TRIAL_TEXT_SIZE)
        size = TRIAL_TEXT_SIZE - 1;
    if (size)
        memcpy(out->text, run->verdict.text.data, size);
}

static void run_done(struct running *run)
{
    struct users *users = run->users;

    faults_free(run->faults);
    run->faults = NULL;
    run->users = NULL;
    sim_free(run->sim);
    users_free(users);
    topology_free((struct topology *)(uintptr_t)run->topology);
    history_done(&run->history);
    verdict_done(&run->verdict);
    inspect_done(&run->inspect);
    issued_done(&run->issued);
    early_done(&run->early);
    acks_done(&run->acks);
    contexts_done(&run->contexts);
}

void trial_run(const struct trial *trial, struct trial_result *out)
{
    struct running run = {.trial = trial};

    knobs_draw(&run.knobs, trial->seed, &trial->set);
    history_init(&run.history, (uint32_t)run.knobs.at[KNOB_KEYS]);
    if (cluster_make(&run)) {
        phase_faults(&run);
        phase_core(&run);
        phase_converge(&run);
        if (all_are_up(&run)) {
            check_gauges(&run);
            judge_states(&run);
            phase_restart(&run);
        } else {
            verdict_add(&run.verdict, VERDICT_STATE, "not all nodes came back");
        }
        judge_all(&run);
    }
    result_fill(&run, out);
    run_done(&run);
}
