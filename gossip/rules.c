// SPDX-License-Identifier: Apache-2.0
// What a claim about a member changes. Three claims travel: alive, suspect, dead. Each carries the
// member's incarnation, which only the member itself raises; a claim wins over older incarnations,
// and at the same incarnation dead beats suspect beats alive (SWIM section 4.2):
//
//                 suspect(i >= own)               time is up, or dead(i >= own)
//      alive ------------------------> suspect -----------------------------------> dead
//        ^                               |                                           |
//        +------- alive(i > own) --------+------------------- alive(i > own) --------+
//
// A member that says dead about itself is left. Whoever is accused answers with a higher
// incarnation. Each change is queued as news for the others; a claim that changes nothing is not,
// and so news dies out.
#include "base/check.h"
#include "gossip/machine.h"

#include <stdlib.h>

static void set_state(struct swim *swim, struct swim_member *member, enum member_state state)
{
    if (member->doubt)
        heap_remove(&swim->suspicions, &member->doubt->timer);
    free(member->doubt);
    member->doubt = NULL;
    swim->accusations -= member->accused;
    member->accused = false;
    member->given_grace = false;
    if (member->state != state)
        member->state_since_ms = swim->now_ms;
    member->state = state;
}

// --- Alive ---------------------------------------------------------------------------------------

void rules_announce_self(struct swim *swim)
{
    struct message alive = machine_about(swim->self, MESSAGE_ALIVE);

    spread_news(swim, swim->self, &alive);
}

// Lifeguard section IV.A: being accused is a sign that we are slow.
static void refute(struct swim *swim, uint32_t accused)
{
    struct swim_member *self = swim->self;
    uint32_t above = accused > self->incarnation ? accused : self->incarnation;

    self->incarnation = above < MESSAGE_INCARNATION_MAX ? above + 1 : above;
    awareness_add(&swim->awareness, 1);
    swim->counts.refutations++;
    rules_announce_self(swim);
    machine_notice(swim, SWIM_REFUTED, self);
}

static bool speaks(const uint8_t speaker[VERSION_SIZE], const uint8_t listener[VERSION_SIZE])
{
    return speaker[VERSION_NOW] >= listener[VERSION_MIN] &&
           speaker[VERSION_NOW] <= listener[VERSION_MAX] &&
           speaker[VERSION_DELEGATE_NOW] >= listener[VERSION_DELEGATE_MIN] &&
           speaker[VERSION_DELEGATE_NOW] <= listener[VERSION_DELEGATE_MAX];
}

bool rules_understands(const struct swim *swim, const struct message *alive)
{
    const uint8_t *ours = swim->self->version;

    return alive->has_version && alive->version[VERSION_MIN] != 0 && speaks(alive->version, ours) &&
           speaks(ours, alive->version);
}

static void report_conflict(struct swim *swim, const struct swim_member *member,
                            const struct message *alive)
{
    struct swim_action *action = machine_act(swim, SWIM_NOTICE);

    swim->counts.conflicts++;
    action->notice = SWIM_CONFLICT;
    action->member = member;
    action->address = alive->address;
}

// A name may move to another address when its holder left, or is dead for long enough.
static bool may_move(const struct swim *swim, const struct swim_member *member)
{
    uint32_t reclaim_ms = swim->settings.timing.reclaim_ms;

    if (member->state == MEMBER_LEFT)
        return true;
    return member->state == MEMBER_DEAD && reclaim_ms > 0 &&
           swim->now_ms - member->state_since_ms > reclaim_ms;
}

static void alive_self(struct swim *swim, const struct message *alive)
{
    const struct swim_member *self = swim->self;
    bool same = slice_equal(alive->meta, member_meta(self)) &&
                memcmp(alive->version, self->version, VERSION_SIZE) == 0;

    if (swim->leaving || alive->incarnation < self->incarnation)
        return;
    if (alive->incarnation == self->incarnation && same)
        return;
    refute(swim, alive->incarnation);
}

static void take_over(struct swim_member *member, const struct message *alive)
{
    member->address = alive->address;
    member->incarnation = alive->incarnation;
    member_set_meta(member, alive->meta);
    memcpy(member->version, alive->version, VERSION_SIZE);
}

static void accept_alive(struct swim *swim, struct swim_member *member, const struct message *alive)
{
    enum member_state before = member->state;
    bool updated = !slice_equal(alive->meta, member_meta(member)) ||
                   memcmp(alive->version, member->version, VERSION_SIZE) != 0;
    struct message news;

    take_over(member, alive);
    set_state(swim, member, MEMBER_ALIVE);
    news = machine_about(member, MESSAGE_ALIVE);
    spread_news(swim, member, &news);
    if (before == MEMBER_DEAD || before == MEMBER_LEFT)
        machine_notice(swim, SWIM_JOINED, member);
    else if (before == MEMBER_SUSPECT)
        machine_notice(swim, SWIM_ALIVE, member);
    if (updated && (before == MEMBER_ALIVE || before == MEMBER_SUSPECT))
        machine_notice(swim, SWIM_UPDATED, member);
}

// In a large ring a round of probes takes long; whoever comes need not wait for its end while the
// gone fill the table. A flood of names does not make us look through the table for each.
static void make_room(struct swim *swim)
{
    if (swim->members.count < swim->members.max || swim->now_ms < swim->room_due_ms)
        return;
    swim->room_due_ms = swim->now_ms + swim->settings.timing.gossip_interval_ms;
    rules_forget_gone(swim);
}

void rules_alive(struct swim *swim, const struct message *alive)
{
    struct swim_member *member = members_find(&swim->members, alive->node);
    bool moved = false;

    if (!rules_understands(swim, alive)) {
        swim->counts.incompatible++;
        return;
    }
    if (!member) {
        make_room(swim);
        member = members_add(&swim->members, alive->node, &swim->rng);
        if (!member) {
            swim->counts.members_refused++;
            return;
        }
        accept_alive(swim, member, alive);
        return;
    }
    if (!swim_address_equal(&member->address, &alive->address)) {
        moved = !member->local && may_move(swim, member);
        if (!moved) {
            report_conflict(swim, member, alive);
            return;
        }
    }
    if (member->local)
        alive_self(swim, alive);
    else if (moved || alive->incarnation > member->incarnation)
        accept_alive(swim, member, alive);
}

// --- Suspect -------------------------------------------------------------------------------------

static void restart_timer(struct swim *swim, struct member_doubt *doubt)
{
    heap_remove(&swim->suspicions, &doubt->timer);
    heap_add(&swim->suspicions, &doubt->timer, suspicion_deadline(&doubt->suspicion));
}

void rules_postpone(struct swim *swim, uint64_t ms)
{
    for (size_t i = 0; i < swim->members.count; i++) {
        struct swim_member *member = swim->members.list[i];

        if (!member->doubt)
            continue;
        member->doubt->suspicion.start_ms += ms;
        restart_timer(swim, member->doubt);
    }
}

static void confirm(struct swim *swim, struct swim_member *member, const struct message *suspect)
{
    uint64_t accuser = members_hash(&swim->members, suspect->from);

    if (!suspicion_confirm(&member->doubt->suspicion, accuser))
        return;
    // Not only we do not hear it.
    swim->accusations -= member->accused;
    member->accused = false;
    restart_timer(swim, member->doubt);
    spread_news(swim, member, suspect);
}

void rules_suspect(struct swim *swim, const struct message *suspect)
{
    struct swim_member *member = members_find(&swim->members, suspect->node);

    if (!member || suspect->incarnation < member->incarnation)
        return;
    if (member->state == MEMBER_SUSPECT) {
        confirm(swim, member, suspect);
        return;
    }
    if (member->state != MEMBER_ALIVE)
        return;
    if (member->local) {
        refute(swim, suspect->incarnation);
        return;
    }
    spread_news(swim, member, suspect);
    member->incarnation = suspect->incarnation;
    set_state(swim, member, MEMBER_SUSPECT);
    member->doubt = memory_new(sizeof *member->doubt);
    member->doubt->member = member;
    suspicion_start(&member->doubt->suspicion, &swim->settings.timing,
                    (uint32_t)swim->members.count, swim->now_ms,
                    members_hash(&swim->members, suspect->from));
    restart_timer(swim, member->doubt);
    member->suspected++;
    machine_notice(swim, SWIM_SUSPECT, member);
}

void rules_accuse(struct swim *swim, struct swim_member *member, uint32_t incarnation)
{
    struct message suspect = {
        .type = MESSAGE_SUSPECT,
        .node = member_name(member),
        .from = member_name(swim->self),
        .incarnation = incarnation,
    };

    bool was_alive = member->state == MEMBER_ALIVE;

    rules_suspect(swim, &suspect);
    if (!was_alive || member->state != MEMBER_SUSPECT)
        return;
    member->accused = true;
    swim->accusations++;
}

// --- Dead ----------------------------------------------------------------------------------------

// Others say that it was silent for the least time of a suspicion; we have heard it since. It is
// theirs who are cut off, or somebody lies, or it died just now.
static bool contradicts(const struct swim *swim, const struct swim_member *member,
                        const struct message *dead)
{
    uint32_t silence_ms = suspicion_min_ms(&swim->settings.timing, (uint32_t)swim->members.count);

    return swim->settings.doubts && member->state == MEMBER_ALIVE && !member->local &&
           member->heard_ms && swim->now_ms - member->heard_ms < silence_ms &&
           !slice_equal(dead->from, dead->node);
}

// A death that contradicts what we heard is a suspicion to us, as one told of in a full exchange.
void rules_told_dead(struct swim *swim, const struct message *dead)
{
    const struct swim_member *member = members_find(&swim->members, dead->node);
    struct message suspect = *dead;

    suspect.type = MESSAGE_SUSPECT;
    if (!member || !contradicts(swim, member, dead)) {
        rules_dead(swim, dead);
        return;
    }
    swim->counts.deaths_doubted++;
    rules_suspect(swim, &suspect);
}

void rules_dead(struct swim *swim, const struct message *dead)
{
    struct swim_member *member = members_find(&swim->members, dead->node);
    bool farewell = slice_equal(dead->from, dead->node);

    if (!member || dead->incarnation < member->incarnation || member_is_gone(member))
        return;
    if (member->local && !swim->leaving) {
        refute(swim, dead->incarnation);
        return;
    }
    spread_news(swim, member, dead);
    member->incarnation = dead->incarnation;
    set_state(swim, member, farewell ? MEMBER_LEFT : MEMBER_DEAD);
    machine_notice(swim, farewell ? SWIM_LEFT : SWIM_DEAD, member);
}

void rules_suspicion_due(struct swim *swim, struct swim_member *member)
{
    struct message dead = {
        .type = MESSAGE_DEAD,
        .node = member_name(member),
        .from = member_name(swim->self),
        .incarnation = member->incarnation,
    };

    check(member->state == MEMBER_SUSPECT);
    swim->buried += member->accused;
    rules_dead(swim, &dead);
}

// --- Forgetting ----------------------------------------------------------------------------------

// Notices point to the member, so it stays in memory until the next event.
static void forget(struct swim *swim, struct swim_member *member)
{
    members_take(&swim->members, member);
    if (swim->forgotten_count == swim->forgotten_capacity) {
        swim->forgotten_capacity = swim->forgotten_capacity ? swim->forgotten_capacity * 2 : 16;
        swim->forgotten =
            memory_grow(swim->forgotten, swim->forgotten_capacity * sizeof *swim->forgotten);
    }
    swim->forgotten[swim->forgotten_count++] = member;
    machine_notice(swim, SWIM_FORGOTTEN, member);
}

void rules_forget_gone(struct swim *swim)
{
    size_t i = 0;

    while (i < swim->members.count) {
        struct swim_member *member = swim->members.list[i];
        bool old = swim->now_ms - member->state_since_ms > swim->settings.timing.gossip_dead_ms;

        if (!member->local && member_is_gone(member) && old)
            forget(swim, member); // another one takes its place in the list
        else
            i++;
    }
}
