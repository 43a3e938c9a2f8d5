// SPDX-License-Identifier: Apache-2.0
// Events in, actions out. Every event begins by letting go of what the last one left, and ends by
// looking whether a farewell is out.
#include "gossip/swim.h"

#include "base/check.h"
#include "base/err.h"
#include "gossip/machine.h"

#include <stdlib.h>

enum {
    PROTOCOL_MIN = 1,
    PROTOCOL_MAX = 5,
    PROTOCOL_NOW = 2,
    USER_STATE_MAX = 256 << 10,
    USER_BROADCASTS_MAX = 256,
    ACTIONS_KEEP = 64,
    ARENA_KEEP = 16 << 10,
    CHECKED_AT_ONCE = 64 // members, after each event
};

// --- What the parts share ------------------------------------------------------------------------

struct swim_action *machine_act(struct swim *swim, enum swim_action_kind kind)
{
    struct swim_action *action;

    if (swim->action_count == swim->action_capacity) {
        swim->action_capacity = swim->action_capacity ? swim->action_capacity * 2 : 16;
        swim->actions = memory_grow(swim->actions, swim->action_capacity * sizeof *swim->actions);
    }
    action = &swim->actions[swim->action_count++];
    *action = (struct swim_action){.kind = kind};
    return action;
}

void machine_notice(struct swim *swim, enum swim_notice notice, const struct swim_member *member)
{
    struct swim_action *action = machine_act(swim, SWIM_NOTICE);

    action->notice = notice;
    action->member = member;
    action->address = member->address;
}

void machine_nonce(struct swim *swim, uint8_t nonce[KEYRING_NONCE])
{
    const struct swim_entropy *entropy = &swim->settings.entropy;

    memset(nonce, 0, KEYRING_NONCE);
    if (guard_seals(&swim->settings.guard))
        entropy->fill(entropy->data, nonce, KEYRING_NONCE);
}

void machine_refused(struct swim *swim, int err)
{
    swim->counts.foreign += err == ERR_WRONG_CLUSTER;
    swim->counts.unopened += err == ERR_PRECONDITION;
}

uint32_t machine_sequence(struct swim *swim)
{
    return ++swim->last_sequence;
}

struct message machine_about(const struct swim_member *member, enum message_type type)
{
    struct message message = {
        .type = type,
        .node = member_name(member),
        .address = member->address,
        .incarnation = member->incarnation,
        .state = member->state,
        .has_version = true,
        .meta = member_meta(member),
    };

    memcpy(message.version, member->version, VERSION_SIZE);
    return message;
}

// Time that passed without us (a stopped process, a machine that slept, a blocked loop) was
// nobody's silence: what they said meanwhile waits in our sockets. So those from whom we wait to
// hear get it back, and as long as a direct answer takes for us to read it; and being late says
// that we are the slow one. Else we would wake up and bury whoever was suspected before.
static void make_up(struct swim *swim, uint64_t now_ms)
{
    uint64_t grace_ms = swim->settings.timing.probe_timeout_ms;
    uint64_t due_ms = swim_deadline(swim);

    if (due_ms < swim->now_ms)
        due_ms = swim->now_ms; // due since the last event
    if (now_ms <= due_ms || now_ms - due_ms < grace_ms)
        return;
    swim->counts.stalls++;
    awareness_add(&swim->awareness, 1);
    probe_postpone(swim, now_ms - due_ms + grace_ms);
    rules_postpone(swim, now_ms - due_ms + grace_ms);
}

// A full exchange in a large ring needs much memory, and seldom.
static void let_go(struct swim *swim)
{
    swim->action_count = 0;
    if (swim->action_capacity > ACTIONS_KEEP) {
        free(swim->actions);
        swim->actions = NULL;
        swim->action_capacity = 0;
    }
    if (swim->arena.total > ARENA_KEEP)
        arena_done(&swim->arena);
    else
        arena_reset(&swim->arena);
}

static void begin(struct swim *swim, uint64_t now_ms)
{
    while (swim->forgotten_count)
        member_free(swim->forgotten[--swim->forgotten_count]);
    let_go(swim);
    make_up(swim, now_ms);
    if (now_ms > swim->now_ms)
        swim->now_ms = now_ms;
}

static bool anybody_else(const struct swim *swim)
{
    for (size_t i = 0; i < swim->members.count; i++) {
        const struct swim_member *member = swim->members.list[i];

        if (!member->local && !member_is_gone(member))
            return true;
    }
    return false;
}

static void check_member(const struct swim *swim, size_t at)
{
    const struct swim_member *member = swim->members.list[at];

    check(member->place == at);
    check((member->state == MEMBER_SUSPECT) == (member->doubt && member->doubt->timer.place != 0));
    check(!member->accused || member->state == MEMBER_SUSPECT);
    check(!member->given_grace || member->state == MEMBER_ALIVE);
}

// Each suspect has its timer, and all is counted. Of a large table a part at a time.
static void check_invariants(const struct swim *swim)
{
    size_t count = swim->members.count;
    size_t suspects = 0;
    size_t accused = 0;

    for (size_t i = 0; i < count && i < CHECKED_AT_ONCE; i++)
        check_member(swim, (swim->now_ms * CHECKED_AT_ONCE + i) % count);
    for (size_t i = 0; i < count && count <= CHECKED_AT_ONCE; i++) {
        suspects += swim->members.list[i]->state == MEMBER_SUSPECT;
        accused += swim->members.list[i]->accused;
    }
    check(count > CHECKED_AT_ONCE ||
          (suspects == swim->suspicions.count && accused == swim->accusations));
    check(swim->broadcasts.count <= swim->broadcasts.max);
    check(swim->streams.count == swim->stream_timers.count);
}

static void finish(struct swim *swim)
{
#ifdef QUORATE_SLOW_CHECKS
    check_invariants(swim);
#else
    (void)check_invariants;
#endif
    if (!swim->leaving || swim->left)
        return;
    if (anybody_else(swim) && broadcasts_pending(&swim->broadcasts, swim->self->name_hash))
        return;
    swim->left = true;
    machine_act(swim, SWIM_LEFT_RING);
}

// --- Making one ----------------------------------------------------------------------------------

static void add_self(struct swim *swim, const struct swim_settings *settings)
{
    const uint8_t version[VERSION_SIZE] = {
        PROTOCOL_MIN,
        PROTOCOL_MAX,
        PROTOCOL_NOW,
        settings->delegate_version[0],
        settings->delegate_version[1],
        settings->delegate_version[2],
    };
    char name[MEMBER_NAME_DIGITS + 1];
    struct swim_member *self;

    member_write_name(settings->node_id, name);
    self = members_add(&swim->members, slice_of_text(name), &swim->rng);
    check(self);
    self->local = true;
    self->state = MEMBER_ALIVE;
    self->state_since_ms = swim->now_ms;
    self->incarnation = 1;
    self->address = settings->address;
    member_set_meta(self, settings->meta);
    memcpy(self->version, version, VERSION_SIZE);
    swim->self = self;
}

int swim_new(const struct swim_settings *settings, uint64_t now_ms, struct swim **out)
{
    struct swim *swim;
    int err = swim_settings_verify(settings);

    if (err)
        return err;
    swim = memory_new(sizeof *swim);
    swim->settings = *settings;
    swim->settings.meta = (struct slice){0};
    swim->now_ms = now_ms;
    rng_init(&swim->rng, settings->seed);
    members_init(&swim->members, settings->members_max, rng_u64(&swim->rng));
    broadcasts_init(&swim->broadcasts, settings->members_max);
    broadcasts_init(&swim->user_broadcasts, USER_BROADCASTS_MAX);
    swim->awareness.max = settings->timing.awareness_max;
    swim->last_sequence = (uint32_t)rng_u64(&swim->rng); // so that nobody answers unasked
    add_self(swim, settings);
    rules_announce_self(swim);
    probe_start_rounds(swim);
    swim->gossip_due_ms = now_ms + rng_below(&swim->rng, settings->timing.gossip_interval_ms);
    stream_schedule_exchange(swim, true);
    *out = swim;
    return 0;
}

void swim_free(struct swim *swim)
{
    if (!swim)
        return;
    begin(swim, 0);
    free(swim->forgotten);
    stream_free_all(swim);
    relay_free_all(swim);
    heap_done(&swim->suspicions);
    broadcasts_done(&swim->broadcasts);
    broadcasts_done(&swim->user_broadcasts);
    members_done(&swim->members);
    buffer_done(&swim->user_state);
    arena_done(&swim->arena);
    free(swim->actions);
    guard_done(&swim->settings.guard);
    free(swim);
}

// --- Events --------------------------------------------------------------------------------------

static void note_speaker(struct swim *swim, const struct swim_address *from, struct slice name)
{
    struct swim_member *speaker = members_find(&swim->members, name);

    if (speaker && swim_address_equal(&speaker->address, from))
        speaker->heard_ms = swim->now_ms;
}

static void take_ping(struct swim *swim, const struct swim_address *from,
                      const struct message *ping)
{
    struct message ack = {.type = MESSAGE_ACK, .sequence = ping->sequence};

    note_speaker(swim, from, ping->source_node);

    // A ping for another name reached whoever has its address now: silence is the right answer.
    if (ping->node.size && !slice_equal(ping->node, member_name(swim->self)))
        return;
    spread_send(swim, ping->source.size ? &ping->source : from, &ack);
}

static void take_user_message(struct swim *swim, const struct swim_address *from,
                              struct slice payload)
{
    struct slice copy = arena_copy(&swim->arena, payload);
    struct swim_action *action = machine_act(swim, SWIM_USER_MESSAGE);

    action->address = *from;
    action->bytes = copy;
}

static void take_message(struct swim *swim, const struct swim_address *from,
                         const struct message *message)
{
    switch (message->type) {
    case MESSAGE_PING:
        take_ping(swim, from, message);
        break;
    case MESSAGE_INDIRECT_PING:
        relay_ask(swim, from, message);
        break;
    case MESSAGE_ACK:
        if (!probe_acknowledged(swim, from, message->sequence))
            relay_acknowledged(swim, message->sequence);
        break;
    case MESSAGE_NACK:
        probe_nacked(swim, message->sequence);
        break;
    case MESSAGE_SUSPECT:
        rules_suspect(swim, message);
        break;
    case MESSAGE_ALIVE:
        rules_alive(swim, message);
        break;
    case MESSAGE_DEAD:
        rules_told_dead(swim, message);
        break;
    case MESSAGE_USER:
        take_user_message(swim, from, message->payload);
        break;
    default: // no other comes out of message_decode but errors, which nobody asked for
        break;
    }
}

// Each ping makes us send a datagram, to wherever it says: a packed one must not make us send a
// thousand. They are answered last, so that the answer to an accuser who pings carries what we say
// to the accusation.
static void take_packet(struct swim *swim, const struct swim_address *from, struct slice bytes)
{
    struct message pings[MACHINE_ASKS_MAX];
    size_t count = 0;
    bool malformed = packet_open(bytes, &swim->arena, &swim->packet) != 0;

    for (size_t i = 0; i < swim->packet.count; i++) {
        struct message message;
        bool asks;

        if (message_decode(swim->packet.parts[i], &message)) {
            malformed = true;
            continue;
        }
        asks = message.type == MESSAGE_PING || message.type == MESSAGE_INDIRECT_PING;
        if (!asks)
            take_message(swim, from, &message);
        else if (count < MACHINE_ASKS_MAX)
            pings[count++] = message;
        else
            malformed = true;
    }
    for (size_t i = 0; i < count; i++)
        take_message(swim, from, &pings[i]);
    swim->counts.datagrams_malformed += malformed;
}

void swim_datagram(struct swim *swim, uint64_t now_ms, const struct swim_address *from,
                   struct slice bytes)
{
    struct slice inside;
    int err;

    begin(swim, now_ms);
    if (swim->left)
        return;
    swim->counts.datagrams_in++;
    swim->counts.datagram_bytes_in += bytes.size;
    err = guard_open_datagram(&swim->settings.guard, bytes, &swim->arena, &inside);
    machine_refused(swim, err);
    if (err)
        swim->counts.datagrams_malformed += err == ERR_PROTOCOL;
    else
        take_packet(swim, from, inside);
    finish(swim);
}

static bool is_due(const struct heap *heap, uint64_t now_ms)
{
    return heap_first(heap) && heap_first(heap)->key <= now_ms;
}

static struct swim_member *first_suspect(const struct swim *swim)
{
    const struct heap_item *first = heap_first(&swim->suspicions);

    return ((const struct member_doubt *)((const char *)first -
                                          offsetof(struct member_doubt, timer)))
        ->member;
}

void swim_tick(struct swim *swim, uint64_t now_ms)
{
    begin(swim, now_ms);
    if (swim->left)
        return;
    while (is_due(&swim->stream_timers, swim->now_ms))
        stream_due(swim);
    while (is_due(&swim->relay_timers, swim->now_ms))
        relay_due(swim);
    while (is_due(&swim->suspicions, swim->now_ms))
        rules_suspicion_due(swim, first_suspect(swim));
    if (probe_deadline(swim) <= swim->now_ms)
        probe_tick(swim);
    if (swim->exchange_due_ms <= swim->now_ms)
        stream_exchange_due(swim);
    if (swim->gossip_due_ms <= swim->now_ms)
        spread_gossip(swim);
    finish(swim);
}

uint64_t swim_accept(struct swim *swim, uint64_t now_ms, const struct swim_address *from)
{
    begin(swim, now_ms);
    return swim->left ? 0 : stream_accept(swim, from);
}

void swim_stream_bytes(struct swim *swim, uint64_t now_ms, uint64_t stream, struct slice bytes)
{
    begin(swim, now_ms);
    if (swim->left)
        return;
    stream_bytes(swim, stream, bytes);
    finish(swim);
}

void swim_stream_ended(struct swim *swim, uint64_t now_ms, uint64_t stream, int err)
{
    begin(swim, now_ms);
    if (swim->left)
        return;
    stream_ended(swim, stream, err);
    finish(swim);
}

// --- What the node wants -------------------------------------------------------------------------

void swim_join(struct swim *swim, uint64_t now_ms, const struct swim_address *addresses,
               size_t count)
{
    begin(swim, now_ms);
    if (swim->leaving)
        return;
    for (size_t i = 0; i < count; i++)
        stream_join(swim, &addresses[i]);
}

int swim_set_meta(struct swim *swim, uint64_t now_ms, struct slice meta)
{
    struct swim_member *self = swim->self;

    begin(swim, now_ms);
    if (meta.size > SWIM_META_MAX)
        return ERR_TOO_LARGE;
    if (swim->leaving || slice_equal(meta, member_meta(self)))
        return 0;
    member_set_meta(self, meta);
    if (self->incarnation < MESSAGE_INCARNATION_MAX)
        self->incarnation++;
    rules_announce_self(swim);
    return 0;
}

int swim_set_user_state(struct swim *swim, struct slice state)
{
    if (state.size > USER_STATE_MAX)
        return ERR_TOO_LARGE;
    buffer_reset(&swim->user_state, USER_STATE_MAX);
    buffer_add_slice(&swim->user_state, state);
    return 0;
}

int swim_broadcast(struct swim *swim, uint64_t now_ms, uint64_t topic, struct slice bytes)
{
    begin(swim, now_ms);
    if (bytes.size > spread_user_size_max(swim))
        return ERR_TOO_LARGE;
    if (!swim->left)
        spread_user(swim, topic, bytes);
    return 0;
}

int swim_send(struct swim *swim, uint64_t now_ms, const struct swim_address *to, struct slice bytes)
{
    struct message message = {.type = MESSAGE_USER, .payload = bytes};

    begin(swim, now_ms);
    if (bytes.size > spread_user_size_max(swim))
        return ERR_TOO_LARGE;
    if (!swim->left)
        spread_send(swim, to, &message);
    return 0;
}

int swim_send_stream(struct swim *swim, uint64_t now_ms, const struct swim_address *to,
                     struct slice bytes)
{
    begin(swim, now_ms);
    if (bytes.size > swim->settings.stream_size_max / 2)
        return ERR_TOO_LARGE;
    if (!swim->left)
        stream_send_user(swim, to, bytes);
    return 0;
}

int swim_set_guard(struct swim *swim, const struct guard *guard)
{
    if (guard->keys.count && !swim->settings.entropy.fill)
        return ERR_INVALID;
    swim->settings.guard = *guard;
    return 0;
}

void swim_leave(struct swim *swim, uint64_t now_ms)
{
    struct message farewell = machine_about(swim->self, MESSAGE_DEAD);

    begin(swim, now_ms);
    if (swim->leaving)
        return;
    swim->leaving = true;
    farewell.from = farewell.node;
    rules_dead(swim, &farewell);
    finish(swim);
}

// --- What came of it -----------------------------------------------------------------------------

const struct swim_action *swim_actions(const struct swim *swim, size_t *count)
{
    *count = swim->action_count;
    return swim->actions;
}

static uint64_t earlier(uint64_t a, const struct heap *heap)
{
    const struct heap_item *first = heap_first(heap);

    return first && first->key < a ? first->key : a;
}

uint64_t swim_deadline(const struct swim *swim)
{
    uint64_t deadline = probe_deadline(swim);

    if (swim->left)
        return UINT64_MAX;
    if (swim->gossip_due_ms < deadline)
        deadline = swim->gossip_due_ms;
    if (swim->exchange_due_ms < deadline)
        deadline = swim->exchange_due_ms;
    deadline = earlier(deadline, &swim->suspicions);
    deadline = earlier(deadline, &swim->relay_timers);
    return earlier(deadline, &swim->stream_timers);
}

// --- Looking -------------------------------------------------------------------------------------

const struct swim_member *swim_self(const struct swim *swim)
{
    return swim->self;
}

const struct swim_member *swim_find(const struct swim *swim, uint64_t node_id)
{
    char name[MEMBER_NAME_DIGITS + 1];

    member_write_name(node_id, name);
    return members_find(&swim->members, slice_of_text(name));
}

size_t swim_count(const struct swim *swim)
{
    return swim->members.count;
}

const struct swim_member *swim_at(const struct swim *swim, size_t index)
{
    return index < swim->members.count ? swim->members.list[index] : NULL;
}

uint32_t swim_health(const struct swim *swim)
{
    return swim->awareness.score;
}

const struct swim_counts *swim_counts(const struct swim *swim)
{
    return &swim->counts;
}
