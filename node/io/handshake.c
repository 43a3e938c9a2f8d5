// SPDX-License-Identifier: Apache-2.0
#include "node/io/handshake.h"

#include "base/err.h"

int handshake_judge(const struct hello *own, const struct hello *other, struct buffer *why)
{
    if (other->protocol != PEER_PROTOCOL) {
        buffer_add_format(why, "it speaks version %u of the protocol among nodes, we speak %u",
                          other->protocol, PEER_PROTOCOL);
        return ERR_PROTOCOL;
    }
    if (own->node == other->node) {
        buffer_add_format(why, "two nodes have the id %016llx: is a data directory a copy?",
                          (unsigned long long)own->node);
        return ERR_CONFLICT;
    }
    if (own->actor == other->actor) {
        buffer_add_format(why, "two nodes have the actor %016llx: is a data directory a copy?",
                          (unsigned long long)own->actor);
        return ERR_CONFLICT;
    }
    if (own->cluster && other->cluster && own->cluster != other->cluster) {
        buffer_add_format(why, "cluster %016llx is not cluster %016llx",
                          (unsigned long long)other->cluster, (unsigned long long)own->cluster);
        return ERR_WRONG_CLUSTER;
    }
    return 0;
}
