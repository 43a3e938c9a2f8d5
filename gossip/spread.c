// SPDX-License-Identifier: Apache-2.0
// Datagrams out. News has two ways: each gossip interval to a few random members, and along with
// whatever datagram leaves anyway.
#include "base/check.h"
#include "gossip/machine.h"

enum {
    EARLY_ROUNDS = 10, // that may be owed
    SOON_PART = 4      // of an interval
};

struct slice spread_encode(struct swim *swim, const struct message *message)
{
    struct buffer out = {0};
    struct slice bytes;

    message_encode(message, &out);
    bytes = arena_copy(&swim->arena, buffer_slice(&out));
    buffer_done(&out);
    return bytes;
}

// News is told at once, and a second time soon after: it then gets to nearly all in the time of
// some hops, and not of some intervals. (memberlist waits for its next tick.) So some rounds come
// early, and later ones are owed for them: a burst is answered quickly, and of lasting news there
// are no more rounds than one an interval. How often each is sent is the same.
static uint64_t early_from_ms(const struct swim *swim)
{
    uint64_t ahead_ms = EARLY_ROUNDS * (uint64_t)swim->settings.timing.gossip_interval_ms;

    return swim->gossip_even_ms > ahead_ms ? swim->gossip_even_ms - ahead_ms : 0;
}

static void hasten_gossip(struct swim *swim, uint64_t due_ms)
{
    if (due_ms < early_from_ms(swim))
        due_ms = early_from_ms(swim);
    if (due_ms < swim->gossip_due_ms)
        swim->gossip_due_ms = due_ms;
}

void spread_news(struct swim *swim, const struct swim_member *about, const struct message *news)
{
    struct slice bytes = spread_encode(swim, news);

    if (!broadcasts_add(&swim->broadcasts, about->name_hash, bytes))
        swim->counts.broadcasts_dropped++;
    hasten_gossip(swim, swim->now_ms);
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

// For the messages of one datagram and their sizes in a compound.
static size_t budget_of(const struct swim *swim)
{
    return swim->settings.datagram_size - PACKET_OVERHEAD - guard_overhead(&swim->settings.guard);
}

// News about members first, then what the application has to tell.
static size_t fill(struct swim *swim, size_t used, struct slice *parts, size_t room_parts)
{
    bool along = used > 0;
    size_t budget = budget_of(swim);
    struct broadcast_room room = {
        .bytes = used < budget ? budget - used : 0,
        .parts = room_parts,
        .overhead = PACKET_PART_OVERHEAD,
        .sends_max =
            broadcasts_sends_max(swim->settings.timing.retransmit_mult, swim->members.count),
        .along = along,
    };
    size_t count = broadcasts_fill(&swim->broadcasts, &room, &swim->arena, parts);

    for (size_t i = 0; i < count; i++)
        room.bytes -= parts[i].size + room.overhead;
    room.parts -= count;
    return count + broadcasts_fill(&swim->user_broadcasts, &room, &swim->arena, parts + count);
}

size_t spread_user_size_max(const struct swim *swim)
{
    return budget_of(swim) - PACKET_PART_OVERHEAD - 1;
}

void spread_user(struct swim *swim, uint64_t topic, struct slice bytes)
{
    struct message message = {.type = MESSAGE_USER, .payload = bytes};

    if (!broadcasts_add(&swim->user_broadcasts, topic, spread_encode(swim, &message)))
        swim->counts.broadcasts_dropped++;
    hasten_gossip(swim, swim->now_ms);
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
static bool gets_gossip(const struct swim *swim, const struct swim_member *member)
{
    if (member->local)
        return false;
    if (member->state == MEMBER_DEAD)
        return swim->now_ms - member->state_since_ms <= swim->settings.timing.gossip_dead_ms;
    return member->state != MEMBER_LEFT;
}

// The next ones of the list, which is shuffled now and then. (memberlist draws them anew each time.
// Going round reaches more of them with the same number of sends: among 5 members news that is sent
// 4 times misses nobody, where drawing misses somebody in one of 200 cases, until the next
// exchange.)
static size_t next_receivers(struct swim *swim, struct swim_member **to)
{
    size_t want = swim->settings.timing.gossip_nodes;
    size_t found = 0;

    for (size_t looks = swim->members.count; looks > 0 && found < want; looks--) {
        struct swim_member *member;

        if (swim->gossip_place >= swim->members.count)
            swim->gossip_place = 0;
        member = swim->members.list[swim->gossip_place++];
        if (gets_gossip(swim, member))
            to[found++] = member;
    }
    return found;
}

static void note_round(struct swim *swim, bool is_fresh)
{
    const struct swim_timing *timing = &swim->settings.timing;
    uint32_t sends = broadcasts_sends_max(timing->retransmit_mult, swim->members.count);

    if (swim->gossip_even_ms < swim->now_ms)
        swim->gossip_even_ms = swim->now_ms;
    swim->gossip_even_ms += timing->gossip_interval_ms;
    // In a small ring it would be told often enough then, and not again when a cut of a moment is
    // over.
    if (is_fresh && sends > 2 * timing->gossip_nodes)
        hasten_gossip(swim, swim->now_ms + timing->gossip_interval_ms / SOON_PART);
}

void spread_gossip(struct swim *swim)
{
    struct swim_member *to[MACHINE_HELPERS_MAX];
    struct slice parts[PACKET_PARTS_MAX];
    bool is_fresh = swim->broadcasts.count && swim->broadcasts.list[0]->sends == 0;
    size_t members;

    swim->gossip_due_ms = swim->now_ms + swim->settings.timing.gossip_interval_ms;
    if (swim->broadcasts.count == 0 && swim->user_broadcasts.count == 0)
        return;
    members = next_receivers(swim, to);
    if (members)
        note_round(swim, is_fresh);
    for (size_t i = 0; i < members; i++) {
        size_t count = fill(swim, 0, parts, PACKET_PARTS_MAX);

        if (count == 0)
            return;
        spread_send_plain(swim, to[i], parts, count);
    }
}
