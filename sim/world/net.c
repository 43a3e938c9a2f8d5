// SPDX-License-Identifier: Apache-2.0
// Connections. A wire is what one node dialled to another; what it says travels in order unless the
// knob `reorder` says otherwise. A wire goes down when the other process ends (soon, if the machine
// lives and the way back is open), when its frames are damaged, or after a silence of break_us; the
// number of the connection keeps what an older one still carried from arriving on a newer one.
#include "sim/world/net.h"

#include "base/check.h"
#include "base/err.h"
#include "node/wire/peer.h"
#include "sim/world/inside.h"

#include <inttypes.h>
#include <xxhash.h>

enum { MILLION = 1000000, BACKOFF_MIN_US = 50000, BACKOFF_MAX_US = 2000000, TAIL_ONE_OF = 64 };

void net_init(struct sim *sim)
{
    for (uint32_t from = 0; from < sim->settings.nodes; from++) {
        for (uint32_t to = 0; to < sim->settings.nodes; to++) {
            struct wire *wire = wire_of(sim, from, to);

            rng_init(&wire->rng,
                     rng_mix(rng_mix(sim->settings.seed) ^
                             (0xe7000 + from * 64 + to % 64 + ((uint64_t)to / 64 << 32))));
            happenings_init(&wire->held);
        }
    }
}

static void held_drop(struct sim *sim, struct wire *wire)
{
    struct happening *held;

    while ((held = happenings_take(&wire->held))) {
        sim->counts.lost += 1;
        probe_hit(sim, PROBE_HELD_LOST);
        happening_free(sim, held);
    }
}

void net_done(struct sim *sim)
{
    for (uint32_t from = 0; from < sim->settings.nodes; from++) {
        for (uint32_t to = 0; to < sim->settings.nodes; to++)
            held_drop(sim, wire_of(sim, from, to));
    }
}

static bool chance(struct wire *wire, uint32_t share)
{
    return share && rng_below(&wire->rng, MILLION) < share;
}

static uint64_t delay_us(struct sim *sim, struct wire *wire)
{
    uint64_t draw = rng_u64(&wire->rng);
    uint64_t delay = sim->settings.delay_us + (draw >> 32) % (1 + sim->settings.delay_us);

    if (sim->settings.delay_tail_us && draw % TAIL_ONE_OF == 0)
        delay += rng_below(&wire->rng, sim->settings.delay_tail_us);
    return wire->slow > 1 ? delay * wire->slow : delay;
}

// What a message takes from here to there.
static uint64_t leg_us(struct sim *sim, struct wire *wire, enum message_kind kind)
{
    const struct delay *leg = sim->settings.legs[kind];
    uint64_t us;

    if (!leg)
        return delay_us(sim, wire);
    us = us_of_delay(leg, &wire->rng);
    return wire->slow > 1 ? us * wire->slow : us;
}

bool net_passes(const struct sim *sim, uint32_t a, uint32_t b)
{
    return !wire_of(sim, a, b)->cut && !wire_of(sim, b, a)->cut;
}

// ---- going down and up --------------------------------------------------------------------------

static void break_at(struct sim *sim, uint32_t from, uint32_t to, uint64_t at_us, bool silent)
{
    struct happening *happening = happening_new(sim, HAPPEN_BREAK, from);

    happening->other = to;
    happening->number = wire_of(sim, from, to)->connection;
    happening->silent = silent;
    happening_add(sim, happening, at_us);
}

static void break_soon(struct sim *sim, uint32_t from, uint32_t to)
{
    break_at(sim, from, to, sim->now_us + delay_us(sim, wire_of(sim, from, to)), false);
}

// With some jitter: the last thing said was acknowledged some time ago.
static void break_by_silence(struct sim *sim, uint32_t from, uint32_t to)
{
    uint64_t spread = sim->settings.break_us / 4 + 1;

    break_at(sim, from, to,
             sim->now_us + sim->settings.break_us + rng_below(&wire_of(sim, from, to)->rng, spread),
             true);
}

static void tell_link(struct sim *sim, uint32_t who, uint32_t about, bool up)
{
    struct host *host = &sim->hosts[who];
    struct event event = {.kind = EVENT_LINK, .from = sim->hosts[about].member.id, .up = up};

    sim_mark(sim, 'l', who << 8 | about, up);
    sim_tell(sim, (int)who, "link to n%" PRIu32 " is %s", about + 1, up ? "up" : "down");
    host_event(sim, host, &event);
}

static void wire_down(struct sim *sim, uint32_t from, uint32_t to)
{
    struct wire *wire = wire_of(sim, from, to);

    wire->up = false;
    wire->half_open = false;
    held_drop(sim, wire);
    if (sim->hosts[from].node)
        tell_link(sim, from, to, false);
    net_dial_soon(sim, from, to, false);
}

// The silence has ended meanwhile: the wire is whole again.
static bool is_whole(const struct sim *sim, uint32_t from, uint32_t to)
{
    const struct wire *wire = wire_of(sim, from, to);
    const struct host *other = &sim->hosts[to];

    return net_passes(sim, from, to) && !wire->half_open && other->state == HOST_UP &&
           other->life == wire->life;
}

void net_broken(struct sim *sim, const struct happening *happening)
{
    struct wire *wire = wire_of(sim, happening->host, happening->other);

    if (!wire->up || wire->connection != happening->number)
        return;
    if (happening->silent && is_whole(sim, happening->host, happening->other))
        return;
    probe_hit(sim, happening->silent ? PROBE_LINK_BROKE : PROBE_LINK_RESET);
    if (happening->silent && sim->hosts[happening->other].state == HOST_PAUSED)
        probe_hit(sim, PROBE_PAUSED_LONG);
    wire_down(sim, happening->host, happening->other);
}

void net_dial_soon(struct sim *sim, uint32_t from, uint32_t to, bool fresh)
{
    struct wire *wire = wire_of(sim, from, to);
    struct happening *happening;
    uint64_t wait_us = (uint64_t)BACKOFF_MIN_US << (wire->failures < 6 ? wire->failures : 6);

    if (wire->up || wire->dialling || from == to)
        return;
    if (fresh)
        wait_us = delay_us(sim, wire);
    else if (wait_us > BACKOFF_MAX_US)
        wait_us = BACKOFF_MAX_US;
    wire->dialling = true;
    happening = happening_new(sim, HAPPEN_DIAL, from);
    happening->other = to;
    happening_add(sim, happening, sim->now_us + wait_us / 2 + rng_below(&wire->rng, wait_us + 1));
}

static bool is_wanted(const struct sim *sim, uint32_t from, uint32_t to)
{
    enum member_state state = rumor_state(sim, from, to);

    return state == MEMBER_ALIVE || state == MEMBER_SUSPECT;
}

void net_dial(struct sim *sim, uint32_t from, uint32_t to)
{
    struct wire *wire = wire_of(sim, from, to);
    const struct host *other = &sim->hosts[to];

    wire->dialling = false;
    if (wire->up || !sim->hosts[from].node || !is_wanted(sim, from, to))
        return;
    if (other->state != HOST_UP || !net_passes(sim, from, to)) {
        wire->failures += 1;
        net_dial_soon(sim, from, to, false);
        return;
    }
    wire->up = true;
    wire->failures = 0;
    wire->connection += 1;
    wire->life = other->life;
    wire->last_us = sim->now_us;
    tell_link(sim, from, to, true);
}

// ---- messages -----------------------------------------------------------------------------------

static void corrupt(struct sim *sim, struct wire *wire, struct happening *happening)
{
    uint64_t flips = 1 + rng_below(&wire->rng, 3);

    happening->sum = XXH3_64bits(happening->bytes.data, happening->bytes.size);
    for (uint64_t i = 0; i < flips; i++) {
        uint64_t at = rng_below(&wire->rng, happening->bytes.size);

        happening->bytes.data[at] ^= (uint8_t)(1 + rng_below(&wire->rng, 255));
    }
    // Two flips may undo each other.
    happening->corrupt =
        XXH3_64bits(happening->bytes.data, happening->bytes.size) != happening->sum;
    sim->counts.corrupted += happening->corrupt;
}

static void launch(struct sim *sim, struct wire *wire, struct happening *happening)
{
    uint64_t at_us = sim->now_us + leg_us(sim, wire, happening->message);

    if (sim->settings.unordered) {
        happening_add(sim, happening, at_us);
        return;
    }
    if (chance(wire, sim->settings.reorder)) {
        at_us += rng_below(&wire->rng, 20 * (uint64_t)sim->settings.delay_us + 1);
    } else {
        at_us = at_us > wire->last_us ? at_us : wire->last_us;
        wire->last_us = at_us;
    }
    happening_add(sim, happening, at_us);
}

static struct happening *copy_of(struct sim *sim, const struct happening *from)
{
    struct happening *copy = happening_new(sim, from->kind, from->host);

    copy->other = from->other;
    copy->number = from->number;
    copy->message = from->message;
    buffer_add_slice(&copy->bytes, buffer_slice(&from->bytes));
    return copy;
}

static void note_kind(struct sim *sim, const struct message *message)
{
    if (message->kind == MESSAGE_FORWARD)
        probe_hit(sim, PROBE_FORWARDED);
    else if (message->kind == MESSAGE_APPLY && message->op == 0)
        probe_hit(sim, PROBE_READ_REPAIR);
    else if (message->kind == MESSAGE_APPLY && message->guest)
        probe_hit(sim, PROBE_GUESTED);
    else if (message->kind == MESSAGE_SYNCED)
        probe_hit(sim, message->err == ERR_STALE ? PROBE_SYNC_STALE : PROBE_SYNCED);
    else if (message->kind == MESSAGE_FILLED)
        probe_hit(sim, message->err == 0 ? PROBE_FILLED : PROBE_FILL_REFUSED);
    else if (message->kind == MESSAGE_NAMED && !message->err)
        probe_hit(sim, PROBE_NAMED);
}

static void note_traffic(struct sim *sim, const struct message *message, size_t bytes)
{
    bool repair = message->kind == MESSAGE_APPLY && message->op == 0;
    struct sim_traffic *traffic =
        &sim->counts.traffic[repair ? SIM_TRAFFIC_REPAIR : (unsigned)message->kind];

    traffic->count += 1;
    traffic->bytes += bytes;
}

void net_send(struct sim *sim, struct host *from, const struct action *action)
{
    struct happening *happening;
    struct wire *wire;
    uint32_t to = 0;

    while (to < sim->settings.nodes && sim->ids[to] != action->to)
        to += 1;
    sim->counts.messages += 1;
    if (to == sim->settings.nodes)
        return;
    if (sim->settings.calls.message)
        sim->settings.calls.message(sim->settings.data, from->index, to, &action->message);
    if (!wire_of(sim, from->index, to)->up)
        return;
    wire = wire_of(sim, from->index, to);
    note_kind(sim, &action->message);
    if (chance(wire, sim->settings.loss) || wire->half_open) {
        sim->counts.lost += 1;
        return;
    }
    happening = happening_new(sim, HAPPEN_MESSAGE, to);
    happening->other = from->index;
    happening->number = wire->connection;
    happening->message = action->message.kind;
    peer_message_encode(&action->message, &happening->bytes);
    note_traffic(sim, &action->message, happening->bytes.size);
    sim->hash = XXH3_64bits_withSeed(happening->bytes.data, happening->bytes.size,
                                     sim->hash + ((uint64_t)from->index << 8 | to));
    if (wire->cut) {
        happenings_add(&wire->held, happening);
        return;
    }
    if (action->message.kind != MESSAGE_FORWARD && chance(wire, sim->settings.duplicate)) {
        sim->counts.duplicated += 1;
        launch(sim, wire, copy_of(sim, happening));
    }
    if (chance(wire, sim->settings.corrupt))
        corrupt(sim, wire, happening);
    launch(sim, wire, happening);
}

// 0, or why the connection cannot go on; ERR_METHOD leaves it.
static int frame_decode(struct slice frame, struct wire_decoder *decoder, struct message *out)
{
    size_t size;
    int err = peer_message_size(frame, &size);

    if (err || size != frame.size)
        return err == 0 || err == ERR_AGAIN ? ERR_PROTOCOL : err;
    return peer_message_decode(frame, decoder, out);
}

static bool means_the_same(struct sim *sim, const struct happening *happening,
                           const struct message *message)
{
    sim->scratch.size = 0;
    peer_message_encode(message, &sim->scratch);
    return XXH3_64bits(sim->scratch.data, sim->scratch.size) == happening->sum;
}

static void note_message(struct sim *sim, const struct happening *happening,
                         const struct message *message)
{
    sim_mark(sim, 'm', (uint64_t)happening->other << 8 | happening->host, message->kind);
    sim_tell(sim, (int)happening->host, "%s from n%" PRIu32 ", op %" PRIx64 "%s%s%s%.*s",
             message_name(message->kind), happening->other + 1, message->op & 0xffffff,
             message->err ? " " : "", message->err ? err_code(message->err) : "",
             message->key.size ? ", key " : "", (int)message->key.size,
             message->key.size ? (const char *)message->key.data : "");
    if (message->page)
        sim_tell(sim, (int)happening->host,
                 "... shard %" PRIu32 ", %" PRIu32 " items, %zu bytes%s%s", message->page->shard,
                 message->page->count, happening->bytes.size, message->page->more ? ", more" : "",
                 message->page->has_upto ? ", with an end" : "");
}

void net_arrive(struct sim *sim, struct happening *happening)
{
    struct wire *wire = wire_of(sim, happening->other, happening->host);
    struct host *host = &sim->hosts[happening->host];
    struct message message;
    struct event event = {
        .kind = EVENT_MESSAGE, .from = sim->hosts[happening->other].member.id, .message = &message};
    int err;

    if (!host->node || happening->number != wire->connection)
        return;
    if (wire->life != host->life) { // a process that never accepted this connection
        break_soon(sim, happening->other, happening->host);
        return;
    }
    err = happening->corrupt
              ? frame_decode(buffer_slice(&happening->bytes), &host->decoder, &message)
              : peer_message_decode(buffer_slice(&happening->bytes), &host->decoder, &message);
    if (happening->corrupt && !err && !means_the_same(sim, happening, &message))
        sim->counts.corrupt_accepted += 1;
    check(happening->corrupt || !err);
    if (err) {
        probe_hit(sim, PROBE_CORRUPT_CAUGHT);
        sim_tell(sim, (int)happening->host, "a damaged message from n%" PRIu32 ": %s",
                 happening->other + 1, err_code(err));
        if (err != ERR_METHOD)
            break_soon(sim, happening->other, happening->host);
        return;
    }
    note_message(sim, happening, &message);
    host_event(sim, host, &event);
}

// ---- processes come and go ----------------------------------------------------------------------

void net_host_started(struct sim *sim, uint32_t index)
{
    // Whoever still talks to the life before is told so once it says something.
    for (uint32_t to = 0; to < sim->settings.nodes; to++)
        wire_of(sim, index, to)->failures = 0;
}

void net_host_ended(struct sim *sim, uint32_t index, bool silent)
{
    for (uint32_t i = 0; i < sim->settings.nodes; i++) {
        struct wire *own = wire_of(sim, index, i);

        own->up = false;
        own->half_open = false;
        held_drop(sim, own);
        if (i == index || !wire_of(sim, i, index)->up)
            continue;
        if (silent || !net_passes(sim, i, index))
            break_by_silence(sim, i, index);
        else
            break_soon(sim, i, index);
    }
}

void net_host_paused(struct sim *sim, uint32_t index)
{
    for (uint32_t i = 0; i < sim->settings.nodes; i++) {
        if (i != index && wire_of(sim, i, index)->up)
            break_by_silence(sim, i, index);
    }
}

void net_outdated(struct sim *sim, uint32_t from, uint32_t to)
{
    struct wire *wire = wire_of(sim, from, to);

    if (wire->up && wire->life != sim->hosts[to].life)
        wire_down(sim, from, to);
}

// ---- faults -------------------------------------------------------------------------------------

static void held_release(struct sim *sim, struct wire *wire)
{
    struct happening *held;

    while ((held = happenings_take(&wire->held))) {
        probe_hit(sim, PROBE_HELD_DELIVERED);
        launch(sim, wire, held);
    }
}

void net_cut(struct sim *sim, uint32_t from, uint32_t to, bool cut)
{
    struct wire *wire = wire_of(sim, from, to);

    if (from == to || wire->cut == cut)
        return;
    wire->cut = cut;
    sim_mark(sim, 'x', from << 8 | to, cut);
    sim_tell(sim, -1, "n%" PRIu32 " -> n%" PRIu32 " %s", from + 1, to + 1,
             cut ? "is cut" : "passes again");
    if (cut && wire->up)
        break_by_silence(sim, from, to);
    if (cut && wire_of(sim, to, from)->up)
        break_by_silence(sim, to, from); // its acknowledgements do not come back
    if (!cut)
        held_release(sim, wire);
    rumor_refresh(sim);
}

void net_slow(struct sim *sim, uint32_t from, uint32_t to, uint32_t factor)
{
    wire_of(sim, from, to)->slow = factor;
    sim_mark(sim, 'y', from << 8 | to, factor);
    sim_tell(sim, -1, "n%" PRIu32 " -> n%" PRIu32 " takes %" PRIu32 " times as long", from + 1,
             to + 1, factor);
}

void net_half_open(struct sim *sim, uint32_t from, uint32_t to)
{
    struct wire *wire = wire_of(sim, from, to);

    if (!wire->up || wire->half_open)
        return;
    wire->half_open = true;
    sim_mark(sim, 'h', from << 8 | to, 0);
    sim_tell(sim, -1, "n%" PRIu32 " -> n%" PRIu32 " is half open", from + 1, to + 1);
    break_by_silence(sim, from, to);
}

void net_reset(struct sim *sim, uint32_t from, uint32_t to)
{
    if (!wire_of(sim, from, to)->up)
        return;
    sim_mark(sim, 'z', from << 8 | to, 0);
    sim_tell(sim, -1, "n%" PRIu32 " -> n%" PRIu32 " is reset", from + 1, to + 1);
    break_soon(sim, from, to);
}

void net_heal(struct sim *sim)
{
    sim->settings.loss = sim->settings.duplicate = 0;
    sim->settings.reorder = sim->settings.corrupt = 0;
    for (uint32_t from = 0; from < sim->settings.nodes; from++) {
        for (uint32_t to = 0; to < sim->settings.nodes; to++) {
            wire_of(sim, from, to)->slow = 0;
            net_cut(sim, from, to, false);
        }
    }
    rumor_heal(sim);
}
