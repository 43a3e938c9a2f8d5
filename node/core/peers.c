// SPDX-License-Identifier: Apache-2.0
// What is known of the other nodes: what gossip says of them and whether a link to them stands. A
// member is reachable when a link stands and gossip does not call it dead: the link notices a
// killed process at once, gossip notices one that is cut off.
#include "node/core/machine.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PEERS_MAX = 4 * MEMBERS_MAX };

struct peer *peer_find(const struct node *node, uint64_t id)
{
    return table_find(&node->peers, id);
}

// Forgets somebody who is neither a member nor there; false when there is nobody like that.
static bool peer_evict(struct node *node)
{
    struct peer *peer;
    size_t at = 0;

    while ((peer = table_next(&node->peers, &at))) {
        bool member = node->topology && topology_member(node->topology, peer->id) >= 0;
        bool here = peer->view.state == MEMBER_ALIVE || peer->view.state == MEMBER_SUSPECT;

        if (member || here || peer->linked)
            continue;
        table_remove(&node->peers, peer->id);
        free(peer);
        return true;
    }
    return false;
}

static bool state_is_gone(enum member_state state)
{
    return state == MEMBER_DEAD || state == MEMBER_LEFT;
}

static struct peer *peer_take(struct node *node, uint64_t id)
{
    struct peer *peer = peer_find(node, id);
    bool member = node->topology && topology_member(node->topology, id) >= 0;

    if (peer || id == node->settings.self.id)
        return peer;
    if (node->peers.count >= PEERS_MAX && !peer_evict(node) && !member)
        return NULL;
    peer = memory_new(sizeof *peer);
    peer->id = id;
    peer->view.member.id = id;
    table_set(&node->peers, id, peer);
    return peer;
}

void peer_member(struct node *node, const struct event *event)
{
    struct peer *peer = peer_take(node, event->member->member.id);
    enum member_state before;

    if (!peer)
        return;
    before = peer->view.state;
    peer->view = *event->member;
    peer->cluster = event->cluster;
    if (!state_is_gone(before) && state_is_gone(peer->view.state))
        op_peer_gone(node, peer->id);
    if (state_is_gone(before) != state_is_gone(peer->view.state))
        repair_link(node, peer->id, node_reachable(node, peer->id));
    cluster_learn(node, peer);
}

void peer_link(struct node *node, const struct event *event)
{
    struct peer *peer = peer_take(node, event->from);

    if (!peer || peer->linked == event->up)
        return;
    peer->linked = event->up;
    peer->heard_us = node->now_us;
    if (event->up) {
        kept_send(node, peer->id);
        cluster_learn(node, peer);
    } else {
        op_peer_gone(node, peer->id);
    }
    repair_link(node, peer->id, node_reachable(node, peer->id));
}

bool node_reachable(const struct node *node, uint64_t id)
{
    const struct peer *peer = peer_find(node, id);

    if (id == node->settings.self.id)
        return true;
    return peer && peer->linked && !state_is_gone(peer->view.state);
}

void peer_heard(struct node *node, uint64_t id)
{
    struct peer *peer = peer_find(node, id);

    if (peer)
        peer->heard_us = node->now_us;
}

bool peer_is_silent(const struct node *node, uint64_t id, uint64_t for_us)
{
    const struct peer *peer = peer_find(node, id);

    return peer && node->now_us - peer->heard_us >= for_us;
}

const char *node_name_of(const struct node *node, uint64_t id)
{
    const struct peer *peer = peer_find(node, id);
    int member = node->topology ? topology_member(node->topology, id) : -1;

    if (id == node->settings.self.id)
        return node->settings.self.name;
    if (member >= 0)
        return node->topology->members[member].name;
    return peer && peer->view.member.name[0] ? peer->view.member.name : "an unknown node";
}

enum member_state node_state_of(const struct node *node, uint64_t id)
{
    const struct peer *peer = peer_find(node, id);

    if (id == node->settings.self.id)
        return MEMBER_ALIVE;
    return peer ? peer->view.state : MEMBER_UNKNOWN;
}

void peers_done(struct node *node)
{
    struct peer *peer;
    size_t at = 0;

    while ((peer = table_next(&node->peers, &at)))
        free(peer);
    table_done(&node->peers);
}
