// SPDX-License-Identifier: Apache-2.0
// The inside of the membership machine: its state, and what its parts ask of one another.
//
//      swim.c      events in, actions out, deadlines
//      rules.c     what a claim about a member changes (alive, suspect, dead)
//      probe.c     who is asked next, and what silence means
//      relay.c     pings on behalf of others
//      spread.c    datagrams out, news riding along, gossip rounds
//      stream.c    streams and full exchanges
#ifndef GOSSIP_MACHINE_H
#define GOSSIP_MACHINE_H

#include "base/arena.h"
#include "gossip/awareness.h"
#include "gossip/broadcast.h"
#include "gossip/members.h"
#include "gossip/message.h"
#include "gossip/packet.h"
#include "gossip/swim.h"

enum {
    MACHINE_HELPERS_MAX = 20,
    MACHINE_RELAYS_MAX = 256,
    MACHINE_JOINS_MAX = 64,
    MACHINE_ASKS_MAX = 8, // pings that are answered of one datagram; honest ones hold one
    MACHINE_DOUBT_AT = 3  // members accused by us alone: the next one makes us doubt ourselves
};

enum probe_phase {
    PROBE_IDLE,
    PROBE_DIRECT, // waits for the member's own acknowledgement
    PROBE_HELPED  // helpers and a stream are asked too
};

struct probe {
    enum probe_phase phase;
    uint64_t target; // name hash
    uint32_t incarnation;
    uint32_t sequence;
    uint32_t nacks_expected;
    uint32_t nacks;
    bool stream_answered;
    uint64_t start_ms;
    uint64_t end_ms;  // of the whole probe
    uint64_t step_ms; // of the phase
    uint64_t due_ms;  // the next probe
    size_t place;     // in the member list
};

struct relay {
    uint32_t sequence;       // of our ping
    uint32_t asked_sequence; // the asker's
    struct swim_address asker;
    bool nack; // is still to be sent
    uint64_t end_ms;
    struct heap_item timer;
};

struct swim {
    struct swim_settings settings; // its meta is not kept here but in self
    struct rng rng;
    uint64_t now_ms;
    struct members members;
    struct swim_member *self;
    struct swim_member **forgotten; // freed at the next event
    size_t forgotten_count;
    size_t forgotten_capacity;
    struct broadcasts broadcasts;
    struct broadcasts user_broadcasts; // in the room that those leave
    struct awareness awareness;
    struct heap suspicions; // members
    uint32_t accusations;   // suspects that our own probes made so, and nobody has confirmed
    uint32_t buried;        // such ones that we declared dead since somebody answered us last
    struct probe probe;
    uint32_t last_sequence;
    struct heap relay_timers;
    struct table relays; // by sequence
    struct heap stream_timers;
    struct table streams; // by number
    uint64_t last_stream;
    size_t stream_bytes; // held by all streams
    uint32_t streams_accepted;
    uint32_t streams_joining;
    uint64_t gossip_due_ms;
    uint64_t gossip_even_ms; // at one round an interval, those that told something take until then
    size_t gossip_place;     // in the member list
    uint64_t exchange_due_ms;
    uint64_t room_due_ms; // before that no look for room in a full table
    struct buffer user_state;
    bool leaving;
    bool left;
    struct arena arena; // of this event's actions
    struct swim_action *actions;
    size_t action_count;
    size_t action_capacity;
    struct packet packet; // the datagram being read
    struct swim_counts counts;
};

// swim.c
struct swim_action *machine_act(struct swim *swim, enum swim_action_kind kind);
// A fresh nonce if what we send is encrypted.
void machine_nonce(struct swim *swim, uint8_t nonce[KEYRING_NONCE]);
// Counts what label or keys refused.
void machine_refused(struct swim *swim, int err);
void machine_notice(struct swim *swim, enum swim_notice notice, const struct swim_member *member);
uint32_t machine_sequence(struct swim *swim);
struct message machine_about(const struct swim_member *member, enum message_type type);

// rules.c: the claims. `from` is the accuser's name.
void rules_alive(struct swim *swim, const struct message *alive);
// Whether each of us speaks what the other reads; an alive of others is never taken.
bool rules_understands(const struct swim *swim, const struct message *alive);
void rules_suspect(struct swim *swim, const struct message *suspect);
void rules_dead(struct swim *swim, const struct message *dead);
void rules_told_dead(struct swim *swim, const struct message *dead);
void rules_accuse(struct swim *swim, struct swim_member *member, uint32_t incarnation);
void rules_suspicion_due(struct swim *swim, struct swim_member *member);
// We announce ourselves anew: other meta, or a refutation.
void rules_announce_self(struct swim *swim);
// Dead or left long enough: out of the table.
void rules_forget_gone(struct swim *swim);
// Each suspect gets so much more time.
void rules_postpone(struct swim *swim, uint64_t ms);

// probe.c
void probe_start_rounds(struct swim *swim);
uint64_t probe_deadline(const struct swim *swim);
// The member that is being probed gets so much more time.
void probe_postpone(struct swim *swim, uint64_t ms);
void probe_tick(struct swim *swim);
bool probe_acknowledged(struct swim *swim, const struct swim_address *from, uint32_t sequence);
void probe_nacked(struct swim *swim, uint32_t sequence);
void probe_stream_answered(struct swim *swim, uint32_t sequence);

// relay.c
void relay_ask(struct swim *swim, const struct swim_address *from, const struct message *ask);
void relay_acknowledged(struct swim *swim, uint32_t sequence);
// The relay whose time is up first.
void relay_due(struct swim *swim);
void relay_free_all(struct swim *swim);

// spread.c: news about members rides along where there is room.
void spread_send(struct swim *swim, const struct swim_address *to, const struct message *message);
// Exactly these messages, with a CRC when the member reads it.
void spread_send_plain(struct swim *swim, const struct swim_member *to, const struct slice *parts,
                       size_t count);
struct slice spread_encode(struct swim *swim, const struct message *message);
void spread_news(struct swim *swim, const struct swim_member *about, const struct message *news);
void spread_gossip(struct swim *swim);
size_t spread_user_size_max(const struct swim *swim);
void spread_user(struct swim *swim, uint64_t topic, struct slice bytes);

// stream.c
void stream_join(struct swim *swim, const struct swim_address *address);
void stream_exchange_due(struct swim *swim);
void stream_schedule_exchange(struct swim *swim, bool first);
void stream_send_user(struct swim *swim, const struct swim_address *to, struct slice bytes);
void stream_ping(struct swim *swim, const struct swim_member *member, uint32_t sequence);
// The stream whose time is up first.
void stream_due(struct swim *swim);
uint64_t stream_accept(struct swim *swim, const struct swim_address *from);
void stream_bytes(struct swim *swim, uint64_t number, struct slice bytes);
void stream_ended(struct swim *swim, uint64_t number, int err);
void stream_free_all(struct swim *swim);

#endif
