// SPDX-License-Identifier: Apache-2.0
#include "node/core/quorum.h"

#include "base/check.h"
#include "base/plant.h"

static uint32_t bits(uint32_t mask)
{
    return (uint32_t)__builtin_popcount(mask);
}

void quorum_init(struct quorum *quorum, uint32_t ranks, uint32_t owners, uint32_t needed,
                 uint32_t needed_owners)
{
    check(ranks <= QUORUM_RANKS_MAX && needed <= ranks && needed_owners <= ranks);
    *quorum = (struct quorum){
        .all = ranks == QUORUM_RANKS_MAX ? UINT32_MAX : (1u << ranks) - 1,
        .needed = (uint8_t)needed,
        .needed_owners = (uint8_t)needed_owners,
        .ranks = (uint8_t)ranks,
    };
    quorum->owners = owners & quorum->all;
}

uint32_t quorum_join(struct quorum *quorum)
{
    uint32_t rank = quorum->ranks;

    check(rank < QUORUM_RANKS_MAX);
    quorum->all |= 1u << rank;
    quorum->ranks += 1;
    return rank;
}

void quorum_set_spare(struct quorum *quorum, uint32_t spare)
{
    check(spare <= QUORUM_RANKS_MAX);
    quorum->spare = (uint8_t)spare;
}

void quorum_add(struct quorum *quorum, uint32_t rank)
{
    check(quorum->all & 1u << rank);
    quorum->ok |= 1u << rank;
    quorum->failed &= ~(1u << rank);
}

void quorum_fail(struct quorum *quorum, uint32_t rank)
{
    check(quorum->all & 1u << rank);
    quorum->failed |= 1u << rank & ~quorum->ok;
}

enum quorum_verdict quorum_verdict(const struct quorum *quorum)
{
    uint32_t possible = quorum->all & ~quorum->failed;

    if (quorum_count(quorum) >= quorum->needed &&
        quorum_owner_count(quorum) >= quorum->needed_owners)
        return QUORUM_MET;
    if (bits(possible) + quorum->spare < quorum->needed ||
        bits(possible & quorum->owners) < quorum->needed_owners)
        return QUORUM_IMPOSSIBLE;
    return QUORUM_WAIT;
}

uint32_t quorum_count(const struct quorum *quorum)
{
    if (planted("count-twice") && quorum->ok) // one of the replicas counts for two
        return bits(quorum->ok) + 1;
    return bits(quorum->ok);
}

uint32_t quorum_owner_count(const struct quorum *quorum)
{
    if (planted("guest-as-owner"))
        return bits(quorum->ok);
    return bits(quorum->ok & quorum->owners);
}
