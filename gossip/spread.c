// SPDX-License-Identifier: Apache-2.0
// Datagrams out. News has two ways: each gossip interval to a few random members, and along with
// whatever datagram leaves anyway.
#include "base/check.h"
#include "gossip/machine.h"

struct slice spread_encode(struct swim *swim, const struct message *message)
{
    struct buffer out = {0};
    struct slice bytes;

    message_encode(message, &out);
    bytes = arena_copy(&swim->arena, buffer_slice(&out));
    buffer_done(&out);
    return bytes;
}

void spread_news(struct swim *swim, const struct swim_member *about, const struct message *news)
{
    struct slice bytes = spread_encode(swim, news);

    if (!broadcasts_add(&swim->broadcasts, about->name_hash, bytes))
        swim->counts.broadcasts_dropped++;
}

static void send(struct swim *swim, const struct swim_address *to, const struct slice *parts,
                 size_t count, bool checked)
{
    unsigned form =
        (checked ? PACKET_CHECKED : 0U) | (swim->settings.compress ? PACKET_COMPRESSED : 0U);
    struct swim_action *action;
    struct buffer inside = {0};
    struct buffer out = {0};
    uint8_t nonce[KEYRING_NONCE];

    machine_nonce(swim, nonce);
    packet_seal(parts, count, form, &inside);
    guard_seal_datagram(&swim->settings.guard, nonce, buffer_slice(&inside), &out);
    action = machine_act(swim, SWIM_DATAGRAM);
    action->address = *to;
    action->bytes = arena_copy(&swim->arena, buffer_slice(&out));
    buffer_done(&inside);
    buffer_done(&out);
    swim->counts.datagrams_out++;
    swim->counts.datagram_bytes_out += action->bytes.size;
}

static size_t fill(struct swim *swim, size_t used, struct slice *parts, size_t room_parts)
{
    size_t budget =
        swim->settings.datagram_size - PACKET_OVERHEAD - guard_overhead(&swim->settings.guard);
    struct broadcast_room room = {
        .bytes = used < budget ? budget - used : 0,
        .parts = room_parts,
        .overhead = PACKET_PART_OVERHEAD,
        .sends_max =
            broadcasts_sends_max(swim->settings.timing.retransmit_mult, swim->members.count),
    };

    return broadcasts_fill(&swim->broadcasts, &room, &swim->arena, parts);
}

void spread_send(struct swim *swim, const struct swim_address *to, const struct message *message)
{
    struct slice parts[PACKET_PARTS_MAX];
    size_t count;

    parts[0] = spread_encode(swim, message);
    count = 1 + fill(swim, parts[0].size + PACKET_PART_OVERHEAD, parts + 1, PACKET_PARTS_MAX - 1);
    send(swim, to, parts, count, false);
}

static bool reads_crc(const struct swim_member *member)
{
    return member->version[VERSION_MAX] >= 5;
}

void spread_send_plain(struct swim *swim, const struct swim_member *to, const struct slice *parts,
                       size_t count)
{
    send(swim, &to->address, parts, count, reads_crc(to));
}

// The newly dead get gossip as well: a member that is wrongly held dead can refute it only if it
// hears of it.
static bool gets_gossip(const struct swim_member *member, uint64_t now_ms, uint64_t limit_ms)
{
    if (member->state == MEMBER_DEAD)
        return now_ms - member->state_since_ms <= limit_ms;
    return member->state != MEMBER_LEFT;
}

void spread_gossip(struct swim *swim)
{
    struct members_choice choice = {
        .fits = gets_gossip,
        .now_ms = swim->now_ms,
        .limit_ms = swim->settings.timing.gossip_dead_ms,
    };
    struct swim_member *to[MACHINE_HELPERS_MAX];
    struct slice parts[PACKET_PARTS_MAX];
    size_t members;

    swim->gossip_due_ms = swim->now_ms + swim->settings.timing.gossip_interval_ms;
    if (swim->broadcasts.count == 0)
        return;
    members =
        members_pick(&swim->members, &choice, &swim->rng, to, swim->settings.timing.gossip_nodes);
    for (size_t i = 0; i < members; i++) {
        size_t count = fill(swim, 0, parts, PACKET_PARTS_MAX);

        if (count == 0)
            return;
        spread_send_plain(swim, to[i], parts, count);
    }
}
