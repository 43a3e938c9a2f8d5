// SPDX-License-Identifier: Apache-2.0
// What breaks, and what mends it.
#include "tests/lib/scenario_stage.h"

#include "base/check.h"
#include "base/err.h"
#include "node/store/tree_memory.h"
#include "sim/world/inside.h"

#include <inttypes.h>

enum { GOSSIP_US = 500000, CHECKPOINT_US = 200000, DAMAGED_BYTE = 20 };

// ---- links --------------------------------------------------------------------------------------

// Nodes in front of a bar, and behind it.
struct sides {
    uint32_t left[STAGE_NODES_MAX];
    uint32_t right[STAGE_NODES_MAX];
    uint32_t left_count;
    uint32_t right_count;
};

static void sides_read(struct stage *stage, struct words *words, struct sides *out)
{
    const char *word;
    bool behind = false;

    *out = (struct sides){0};
    while ((word = script_next(words)) && !stage->wrong[0]) {
        if (strcmp(word, "|") == 0)
            behind = true;
        else if (behind)
            out->right[out->right_count++ % STAGE_NODES_MAX] = stage_node(stage, word);
        else
            out->left[out->left_count++ % STAGE_NODES_MAX] = stage_node(stage, word);
    }
    if (!out->left_count || !out->right_count)
        stage_wrong(stage, "nodes | nodes");
}

static void sides_cut(struct stage *stage, struct words *words, bool cut)
{
    struct sides sides;

    sides_read(stage, words, &sides);
    for (uint32_t i = 0; i < sides.left_count && !stage->wrong[0]; i++) {
        for (uint32_t j = 0; j < sides.right_count; j++) {
            net_cut(stage->sim, sides.left[i], sides.right[j], cut);
            net_cut(stage->sim, sides.right[j], sides.left[i], cut);
        }
    }
}

void scene_cut(struct stage *stage, struct words *words)
{
    sides_cut(stage, words, true);
}

void scene_mend(struct stage *stage, struct words *words)
{
    sides_cut(stage, words, false);
}

void scene_isolate(struct stage *stage, struct words *words)
{
    uint32_t node = stage_node(stage, script_next(words));

    for (uint32_t other = 0; other < sim_nodes(stage->sim); other++) {
        if (other == node)
            continue;
        net_cut(stage->sim, node, other, true);
        net_cut(stage->sim, other, node, true);
    }
}

void scene_oneway(struct stage *stage, struct words *words)
{
    uint32_t from = stage_node(stage, script_next(words));
    uint32_t to = stage_node(stage, script_next(words));

    net_cut(stage->sim, from, to, true);
}

void scene_heal(struct stage *stage, struct words *words)
{
    (void)words;
    net_heal(stage->sim);
}

void scene_slow(struct stage *stage, struct words *words)
{
    uint32_t from = stage_node(stage, script_next(words));
    uint32_t to = stage_node(stage, script_next(words));

    net_slow(stage->sim, from, to,
             (uint32_t)stage_number(stage, script_value(words, "factor", "10"), 100000));
}

// slander n1 n2 for=10s: n1 is told that n2 is dead, which it is not.
void scene_slander(struct stage *stage, struct words *words)
{
    uint32_t who = stage_node(stage, script_next(words));
    uint32_t about = stage_node(stage, script_next(words));
    uint64_t us = stage_time(stage, script_value(words, "for", "10s"));

    net_call_dead(stage->sim, who, about, sim_now_us(stage->sim) + us);
    stage_pass(stage, GOSSIP_US);
}

// ---- processes and machines ---------------------------------------------------------------------

void scene_stop(struct stage *stage, struct words *words)
{
    const char *word = script_next(words);

    for (; word; word = script_next(words))
        host_stop(stage->sim, stage_node(stage, word), HOST_KILLED);
}

void scene_power(struct stage *stage, struct words *words)
{
    const char *word = script_next(words);

    for (; word; word = script_next(words))
        host_stop(stage->sim, stage_node(stage, word), HOST_POWER_OFF);
}

void scene_start(struct stage *stage, struct words *words)
{
    const char *word = script_next(words);

    for (; word; word = script_next(words)) {
        uint32_t node = stage_node(stage, word);
        int err = host_start(stage->sim, node);

        if (err) {
            buffer_add_format(stage->out, "n%" PRIu32 " does not start: %s: ", node + 1,
                              err_code(err));
            say_sentence(slice_of_text(host_why(stage->sim, node)), stage->out);
            buffer_add_format(stage->out, "\n");
            continue;
        }
        stage_note_life(stage, node);
        buffer_add_format(stage->out, "n%" PRIu32 " starts: life n%" PRIu32 "%c\n", node + 1,
                          node + 1, stage->lives[stage->life_count - 1].letter);
    }
    stage_tell_events(stage, false);
}

void scene_pause(struct stage *stage, struct words *words)
{
    host_pause(stage->sim, stage_node(stage, script_next(words)));
}

void scene_resume(struct stage *stage, struct words *words)
{
    host_resume(stage->sim, stage_node(stage, script_next(words)));
}

// wall n3 ahead=60s
void scene_wall(struct stage *stage, struct words *words)
{
    uint32_t node = stage_node(stage, script_next(words));
    uint64_t ahead_us = stage_time(stage, script_value(words, "ahead", "0"));
    uint64_t behind_us = stage_time(stage, script_value(words, "behind", "0"));

    host_set_wall(stage->sim, node, ((int64_t)ahead_us - (int64_t)behind_us) / 1000);
}

// ---- disks --------------------------------------------------------------------------------------

static bool down(struct stage *stage, uint32_t node)
{
    if (host_node(stage->sim, node))
        stage_wrong(stage, "n%" PRIu32 " must be down for that", node + 1);
    return !stage->wrong[0];
}

void scene_empty(struct stage *stage, struct words *words)
{
    uint32_t node = stage_node(stage, script_next(words));

    if (down(stage, node))
        host_empty(stage->sim, node);
}

void scene_save(struct stage *stage, struct words *words)
{
    host_save(stage->sim, stage_node(stage, script_next(words)));
}

void scene_restore(struct stage *stage, struct words *words)
{
    uint32_t node = stage_node(stage, script_next(words));

    if (down(stage, node) && !host_restore(stage->sim, node))
        stage_wrong(stage, "no image of n%" PRIu32 " was saved", node + 1);
}

// stall n1 1s: the disk writes nothing before then.
void scene_stall(struct stage *stage, struct words *words)
{
    uint32_t node = stage_node(stage, script_next(words));
    uint64_t us = stage_time(stage, script_next(words));

    host_stall_disk(stage->sim, node, sim_now_us(stage->sim) + us);
}

// rot n1 draw=7: flips a bit somewhere in the log, where the number says.
void scene_rot(struct stage *stage, struct words *words)
{
    uint32_t node = stage_node(stage, script_next(words));
    uint64_t draw = stage_number(stage, script_value(words, "draw", "1"), UINT32_MAX);

    if (!host_rot_log(stage->sim, node, rng_mix(draw)))
        stage_wrong(stage, "there is no log");
}

// full n1: the disk has no room for another segment of the log; room n1: it has again.
void scene_full(struct stage *stage, struct words *words)
{
    host_fill_disk(stage->sim, stage_node(stage, script_next(words)), 0);
}

void scene_room(struct stage *stage, struct words *words)
{
    host_room_disk(stage->sim, stage_node(stage, script_next(words)));
}

// damage n2 key=k: flips a bit of its record, which is in the tree then.
void scene_damage(struct stage *stage, struct words *words)
{
    uint32_t node = stage_node(stage, script_next(words));
    uint8_t tree_key[TREE_KEY_SIZE];
    struct key key;

    if (stage->wrong[0] || !host_node(stage->sim, node) ||
        key_make(stage->topology->seed, stage->topology->shards,
                 slice_of_text(script_value(words, "bucket", "b")),
                 slice_of_text(script_value(words, "key", "k")), &key)) {
        stage_wrong(stage, "damage what?");
        return;
    }
    store_checkpoint(host_store(stage->sim, node));
    stage_pass(stage, 1000);
    // The turn in which it is begun, and the transaction.
    for (int i = 0; i < 2; i++)
        stage_pass(stage, CHECKPOINT_US);
    key_tree(&key, tree_key);
    if (!tree_memory_flip(stage->sim->hosts[node].tree, TREE_OBJECTS,
                          slice_of(tree_key, sizeof tree_key), DAMAGED_BYTE))
        stage_wrong(stage, "there is no record of the key in the tree");
    stage_tell_events(stage, false);
}
