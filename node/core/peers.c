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

static struct peer *peer_take(struct node *node, uint64_t id)
{
    struct peer *peer = peer_find(node, id);

    if (peer || node->peers.count >= PEERS_MAX || id == node->settings.self.id)
        return peer;
    peer = memory_new(sizeof *peer);
    peer->id = id;
    peer->view.member.id = id;
    table_set(&node->peers, id, peer);
    peers_bind_members(node);
    return peer;
}

void peers_bind_members(struct node *node)
{
    uint32_t count = node->topology ? node->topology->member_count : 0;

    node->member_peers = memory_grow(node->member_peers, (count + 1) * sizeof(struct peer *));
    for (uint32_t i = 0; i < count; i++)
        node->member_peers[i] = peer_find(node, node->topology->members[i].id);
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
    if (before != peer->view.state && peer->view.state == MEMBER_DEAD)
        op_peer_gone(node, peer->id);
    cluster_learn(node, peer);
}

void peer_link(struct node *node, const struct event *event)
{
    struct peer *peer = peer_take(node, event->from);

    if (!peer || peer->linked == event->up)
        return;
    peer->linked = event->up;
    if (event->up)
        cluster_learn(node, peer);
    else
        op_peer_gone(node, peer->id);
}

bool member_reachable(const struct node *node, int member)
{
    const struct peer *peer = node->member_peers[member];

    if (member == node->self)
        return true;
    return peer && peer->linked && peer->view.state != MEMBER_DEAD &&
           peer->view.state != MEMBER_LEFT;
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
    free(node->member_peers);
}
