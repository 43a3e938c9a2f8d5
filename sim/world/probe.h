// SPDX-License-Identifier: Apache-2.0
// "Sometimes" probes: things that must happen now and then in a campaign, or it does not test what
// it claims to (FoundationDB's "sometimes" assertions). A campaign tells those never hit.
#ifndef SIM_WORLD_PROBE_H
#define SIM_WORLD_PROBE_H

// X(name, what happened)
#define PROBE_MAP(X)                                                                               \
    X(RESTART_REPLAYED, "a start replayed log records")                                            \
    X(RESTART_TORN, "a start cut a torn tail")                                                     \
    X(RESTART_DAMAGED, "a start refused a damaged disk")                                           \
    X(RESTART_FAILED, "a start failed because the disk did")                                       \
    X(DISK_STOPPED, "a process stopped because its disk failed")                                   \
    X(DISK_FULL, "a put was refused for a full disk")                                              \
    X(CHECKPOINT, "a checkpoint was committed")                                                    \
    X(LINK_BROKE, "a link was given up after silence")                                             \
    X(LINK_RESET, "a link was reset by the other side")                                            \
    X(HELD_DELIVERED, "messages held by a cut arrived after it")                                   \
    X(HELD_LOST, "messages held by a cut were lost with their link")                               \
    X(CORRUPT_CAUGHT, "a corrupted message was refused")                                           \
    X(FALSE_DEATH, "a living node was called dead")                                                \
    X(PAUSED_LONG, "a process was stopped longer than its links last")                             \
    X(FORWARDED, "a request was forwarded")                                                        \
    X(READ_REPAIR, "a read repaired a replica")                                                    \
    X(DAMAGE_SEEN, "a read met a damaged record")                                                  \
    X(SIBLINGS, "a read showed siblings")                                                          \
    X(SIBLINGS_REFUSED, "a write was refused for too many siblings")                               \
    X(OVERLOADED, "a request was refused for overload")                                            \
    X(UNAVAILABLE, "a request was refused for want of replicas")                                   \
    X(TIMED_OUT, "a request timed out")                                                            \
    X(CLOSED, "a client lost its connection with a request in flight")                             \
    X(STALE_TOKEN, "a write carried an old token")                                                 \
    X(RETRIED, "a client tried again with the same token")                                         \
    X(DELETED, "a delete was acknowledged")                                                        \
    X(ROLLED_BACK, "a disk went back to an older image")                                           \
    X(EMPTIED, "a disk was emptied")                                                               \
    X(ALL_DOWN, "all processes were down at once")                                                 \
    X(SYNCED, "replicas synchronised")                                                             \
    X(SYNC_STALE, "a sync asked below the floor")                                                  \
    X(FILLED, "a replica was filled")                                                              \
    X(FILL_REFUSED, "a source could not go on with a fill")                                        \
    X(NAMED, "an owner named a damaged key")                                                       \
    X(GUESTED, "a guest took a write")

enum probe {
#define X(name, text) PROBE_##name,
    PROBE_MAP(X)
#undef X
        PROBE_COUNT
};

const char *probe_text(enum probe probe);

struct sim;
void probe_hit(struct sim *sim, enum probe probe);

#endif
