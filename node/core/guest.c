// SPDX-License-Identifier: Apache-2.0
// Who stands in for owners that are away: members of the topology that own nothing of the shard, in
// rendezvous order, those that can be reached, each at most once an operation (the sloppy quorum of
// DeCandia et al., "Dynamo", SOSP 2007, section 4.6). All nodes compute the same order, so those
// that read during a partition ask the stand-ins that were written to.
//
// A stand-in's answer counts for r or w, never for pr or pw. Where N is the number of members there
// is nobody to stand in, and nothing here ever happens.
#include "base/plant.h"
#include "node/core/machine.h"

bool guests_allowed(const struct node *node, bool strict)
{
    if (planted("strict-ignored"))
        strict = false;
    return !strict && node->self >= 0 && node->topology->member_count > node->topology->replicas;
}

bool answer_is_guest(const struct op *op, uint32_t rank)
{
    return rank >= op->owner_count;
}

uint32_t guest_join(struct op *op, uint64_t id)
{
    uint32_t rank = quorum_join(&op->quorum);

    check(rank == op->answer_count && rank < ANSWERS_MAX && op_rank(op, id) < 0);
    op->answers[rank].node = id;
    op->answers[rank].state = ANSWER_UNASKED;
    op->answer_count += 1;
    return rank;
}

// The first stand-in not used yet, 0: none; how many there are in *out_count.
static uint64_t stand_in_first(const struct node *node, const struct op *op, uint32_t *out_count)
{
    uint16_t order[MEMBERS_MAX];
    uint32_t room = ANSWERS_MAX - op->answer_count;
    uint32_t count = topology_stand_ins(node->topology, op->key.shard, order);
    uint64_t first = 0;
    uint32_t found = 0;

    for (uint32_t i = 0; i < count && found < room; i++) {
        uint64_t id = node->topology->members[order[i]].id;

        if (!node_reachable(node, id) || op_rank(op, id) >= 0)
            continue;
        first = found ? first : id;
        found += 1;
    }
    *out_count = found;
    return first;
}

int guest_take(struct node *node, struct op *op)
{
    uint32_t left;
    uint64_t id = op->sloppy ? stand_in_first(node, op, &left) : 0;

    return id ? (int)guest_join(op, id) : -1;
}

// Who could stand in is only counted where it decides: while all are well nobody looks.
enum quorum_verdict op_verdict(const struct node *node, struct op *op)
{
    enum quorum_verdict verdict;
    uint32_t left;

    quorum_set_spare(&op->quorum, 0);
    verdict = quorum_verdict(&op->quorum);
    if (verdict != QUORUM_IMPOSSIBLE || !op->sloppy)
        return verdict;
    stand_in_first(node, op, &left);
    quorum_set_spare(&op->quorum, left);
    return quorum_verdict(&op->quorum);
}
