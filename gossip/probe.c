// SPDX-License-Identifier: Apache-2.0
// Failure detection (SWIM section 4.1 and 4.3). One member after the other, in a random order that
// is drawn anew for each round, so that every member is probed within two rounds at the latest:
//
//      ping ---- probe_timeout_ms ----> k helpers ping it for us, and a stream ---- rest of the
//      interval ----> suspect
//
// The interval is stretched by our own health score (Lifeguard section IV.A); helpers that cannot
// reach the member either say so (nack), so that silence of all of them points at us.
//
// Whoever finds many silent at once, and nobody agrees, doubts himself first: with three suspects
// that only we accuse, or half of the others, a further member is accused only when a second probe
// of it fails too, and each failure makes our own health worse.
#include "gossip/machine.h"

enum { VERSION_STREAM_PING = 3, VERSION_NACK = 4 };

static struct message ping_of(const struct swim *swim, const struct swim_member *member,
                              enum message_type type)
{
    return (struct message){
        .type = type,
        .sequence = swim->probe.sequence,
        .node = member_name(member),
        .source = swim->self->address,
        .source_node = member_name(swim->self),
        .target = member->address,
    };
}

// The first round starts at a random moment, so that members started together do not probe in step.
void probe_start_rounds(struct swim *swim)
{
    uint32_t interval_ms = swim->settings.timing.probe_interval_ms;

    swim->probe = (struct probe){.due_ms = swim->now_ms + rng_below(&swim->rng, interval_ms)};
}

uint64_t probe_deadline(const struct swim *swim)
{
    const struct probe *probe = &swim->probe;

    return probe->phase == PROBE_IDLE ? probe->due_ms : probe->step_ms;
}

void probe_postpone(struct swim *swim, uint64_t ms)
{
    swim->probe.step_ms += ms;
    swim->probe.end_ms += ms;
}

// NULL when there is nobody to probe.
static struct swim_member *next_target(struct swim *swim)
{
    struct probe *probe = &swim->probe;
    size_t looks = swim->members.count + 1;

    while (looks-- > 0) {
        struct swim_member *member;

        if (probe->place >= swim->members.count) {
            rules_forget_gone(swim);
            members_shuffle(&swim->members, &swim->rng);
            probe->place = 0;
        }
        member = swim->members.list[probe->place++];
        if (!member->local && !member_is_gone(member))
            return member;
    }
    return NULL;
}

// To a suspect we also say that it is one, so that it can refute at once.
static void send_ping(struct swim *swim, const struct swim_member *member)
{
    struct message ping = ping_of(swim, member, MESSAGE_PING);
    struct message suspect = {
        .type = MESSAGE_SUSPECT,
        .node = member_name(member),
        .from = member_name(swim->self),
        .incarnation = member->incarnation,
    };
    struct slice parts[2];

    if (member->state == MEMBER_ALIVE || !swim->settings.tells_suspects) {
        spread_send(swim, &member->address, &ping);
        return;
    }
    parts[0] = spread_encode(swim, &ping);
    parts[1] = spread_encode(swim, &suspect);
    spread_send_plain(swim, member, parts, 2);
}

static void start(struct swim *swim)
{
    const struct swim_timing *timing = &swim->settings.timing;
    struct probe *probe = &swim->probe;
    struct swim_member *member;

    probe->due_ms = swim->now_ms + timing->probe_interval_ms;
    member = next_target(swim);
    if (!member)
        return;
    swim->counts.probes++;
    probe->phase = PROBE_DIRECT;
    probe->target = member->name_hash;
    probe->incarnation = member->incarnation;
    probe->sequence = machine_sequence(swim);
    probe->start_ms = swim->now_ms;
    probe->nacks_expected = 0;
    probe->nacks = 0;
    probe->stream_answered = false;
    probe->end_ms = swim->now_ms + awareness_scale(&swim->awareness, timing->probe_interval_ms);
    probe->step_ms = swim->now_ms + timing->probe_timeout_ms;
    send_ping(swim, member);
}

static bool is_alive(const struct swim_member *member, uint64_t now_ms, uint64_t limit_ms)
{
    (void)now_ms;
    (void)limit_ms;
    return member->state == MEMBER_ALIVE;
}

static void ask_helpers(struct swim *swim, const struct swim_member *target)
{
    struct members_choice choice = {.fits = is_alive, .without = target};
    struct swim_member *helpers[MACHINE_HELPERS_MAX];
    struct message ask = ping_of(swim, target, MESSAGE_INDIRECT_PING);
    size_t count = members_pick(&swim->members, &choice, &swim->rng, helpers,
                                swim->settings.timing.indirect_checks);

    for (size_t i = 0; i < count; i++) {
        ask.nack = helpers[i]->version[VERSION_MAX] >= VERSION_NACK;
        swim->probe.nacks_expected += ask.nack;
        spread_send(swim, &helpers[i]->address, &ask);
    }
}

static void ask_for_help(struct swim *swim)
{
    const struct swim_member *target = members_find_hash(&swim->members, swim->probe.target);

    swim->counts.probes_late++;
    swim->probe.phase = PROBE_HELPED;
    swim->probe.step_ms = swim->probe.end_ms;
    if (!target)
        return;
    ask_helpers(swim, target);
    if (target->version[VERSION_MAX] >= VERSION_STREAM_PING)
        stream_ping(swim, target, swim->probe.sequence);
}

static bool doubts_itself(const struct swim *swim)
{
    size_t others = swim->members.count - 1;
    size_t alone = swim->accusations + swim->buried;

    return alone >= MACHINE_DOUBT_AT || (alone > 0 && 2 * alone >= others);
}

// True when the member gets another probe before it is accused.
static bool give_grace(struct swim *swim, struct swim_member *member)
{
    if (member->given_grace || member->state != MEMBER_ALIVE || !swim->settings.doubts ||
        !doubts_itself(swim))
        return false;
    member->given_grace = true;
    swim->counts.doubts++;
    awareness_add(&swim->awareness, 1);
    return true;
}

static void fail(struct swim *swim)
{
    struct swim_member *target = members_find_hash(&swim->members, swim->probe.target);
    const struct probe *probe = &swim->probe;
    int32_t missing = (int32_t)probe->nacks_expected - (int32_t)probe->nacks;

    swim->counts.probes_failed++;
    if (probe->nacks_expected == 0)
        awareness_add(&swim->awareness, 1);
    else if (missing > 0)
        awareness_add(&swim->awareness, missing);
    if (target && !give_grace(swim, target))
        rules_accuse(swim, target, probe->incarnation);
}

static void finish(struct swim *swim)
{
    swim->probe.phase = PROBE_IDLE;
    if (swim->probe.stream_answered) {
        swim->counts.probes_stream++;
        awareness_add(&swim->awareness, -1);
    } else {
        fail(swim);
    }
}

void probe_tick(struct swim *swim)
{
    struct probe *probe = &swim->probe;

    if (probe->phase == PROBE_DIRECT && probe->step_ms <= swim->now_ms)
        ask_for_help(swim);
    if (probe->phase == PROBE_HELPED && probe->step_ms <= swim->now_ms)
        finish(swim);
    if (probe->phase == PROBE_IDLE && probe->due_ms <= swim->now_ms)
        start(swim);
}

static void note_answer(struct swim *swim, const struct swim_address *from)
{
    struct swim_member *target = members_find_hash(&swim->members, swim->probe.target);

    if (!target)
        return;
    target->given_grace = false;
    if (!swim_address_equal(&target->address, from))
        return; // by a helper
    target->heard_ms = target->ack_ms = swim->now_ms;
    target->rtt_ms = (uint32_t)(swim->now_ms - swim->probe.start_ms);
    target->rtt_ms += target->rtt_ms == 0;
}

bool probe_acknowledged(struct swim *swim, const struct swim_address *from, uint32_t sequence)
{
    struct probe *probe = &swim->probe;

    if (probe->phase == PROBE_IDLE || probe->sequence != sequence)
        return false;
    note_answer(swim, from);
    swim->buried = 0;
    probe->phase = PROBE_IDLE;
    awareness_add(&swim->awareness, -1);
    return true;
}

void probe_nacked(struct swim *swim, uint32_t sequence)
{
    if (swim->probe.phase == PROBE_HELPED && swim->probe.sequence == sequence)
        swim->probe.nacks++;
}

void probe_stream_answered(struct swim *swim, uint32_t sequence)
{
    if (swim->probe.phase == PROBE_HELPED && swim->probe.sequence == sequence)
        swim->probe.stream_answered = true;
}
