// SPDX-License-Identifier: Apache-2.0
// The quorum as a pure core: who was asked, who answered, and whether that is enough, impossible or
// neither yet. It knows ranks in a preference list and nothing of nodes, messages or time; after
// the shape of riak_kv's put core.
//
// A sloppy quorum (DeCandia et al., "Dynamo", SOSP 2007, section 4.6) is one that stand-ins join
// while it is being gathered. Each rank is another node, so nobody is counted twice; a stand-in
// counts among the answers and never among those of owners.
#ifndef NODE_CORE_QUORUM_H
#define NODE_CORE_QUORUM_H

#include <stdbool.h>
#include <stdint.h>

enum { QUORUM_RANKS_MAX = 32 };

enum quorum_verdict {
    QUORUM_WAIT,      // neither yet
    QUORUM_MET,       // enough answers, and enough of them from owners
    QUORUM_IMPOSSIBLE // so many failed that it cannot be met any more
};

// One bit a rank.
struct quorum {
    uint32_t all;    // ranks that may be asked
    uint32_t owners; // those that are owners
    uint32_t ok;
    uint32_t failed;       // disjoint from ok
    uint8_t needed;        // r or w
    uint8_t needed_owners; // pr or pw
    uint8_t ranks;         // in `all`
    uint8_t spare;         // stand-ins that may still join
};

// ranks <= QUORUM_RANKS_MAX; `owners` has a bit for each rank that is an owner.
void quorum_init(struct quorum *quorum, uint32_t ranks, uint32_t owners, uint32_t needed,
                 uint32_t needed_owners);

// One stand-in more: the next rank, which is no owner's. Fewer than QUORUM_RANKS_MAX stand there.
uint32_t quorum_join(struct quorum *quorum);

// So many more could join: as long as they do for `needed`, nothing is impossible. 0 at first.
void quorum_set_spare(struct quorum *quorum, uint32_t spare);

// A rank answered. Saying so again changes nothing; an answer outweighs an earlier failure (the
// replica was only slow), never the other way round.
void quorum_add(struct quorum *quorum, uint32_t rank);
void quorum_fail(struct quorum *quorum, uint32_t rank);

enum quorum_verdict quorum_verdict(const struct quorum *quorum);

// How many answers count so far.
uint32_t quorum_count(const struct quorum *quorum);
uint32_t quorum_owner_count(const struct quorum *quorum);

#endif
