// SPDX-License-Identifier: Apache-2.0
// The membership machine: who is in the ring, and who answers. SWIM (Das, Gupta, Motivala, "SWIM:
// Scalable Weakly-consistent Infection-style Process Group Membership Protocol", DSN 2002) with the
// refinements of Lifeguard (Dadgar, Phillips, Currey, arXiv 1707.00788, 2017), on the wire of
// hashicorp/memberlist, so that a ring may hold members of either kind.
//
// It is a pure machine. It has no clock, socket, lock or global, and draws only from its own seeded
// generator: the same events give the same actions, on any processor. (The one thing that it calls
// is settings.entropy, for nonces of encryption: they change bytes on the wire, never a decision.)
//
//      datagram, stream bytes, tick, join, meta, leave          (events, each with now_ms)
//          |
//          v
//      struct swim -- swim_actions() -->  datagram, open, write, close, notice, ...
//          |
//          +-- swim_deadline()       when the next swim_tick is due
//
// One event, then all its actions in order, then the next event:
//
//      swim_datagram(swim, now_ms, &from, bytes);
//      actions = swim_actions(swim, &count);
//      for (i = 0; i < count; i++) perform(&actions[i]);
//      arm_timer(swim_deadline(swim));
//
// Ownership: an event's bytes are borrowed for the call. Actions, their bytes and the members they
// point to are valid until the next event. Events never fail: what comes from a peer and cannot be
// used is counted (swim_counts) and dropped.
//
// Time: now_ms is monotonic and never goes backwards; where it starts does not matter. When the
// driver comes much too late (its process was stopped), nobody is accused for that time.
//
// Streams: one request and one answer on each, numbered by the machine. It opens some (SWIM_OPEN);
// for one that the driver accepted it gives a number (swim_accept). From then on both are alike:
// the driver hands over new bytes as they arrive (swim_stream_bytes) and says when the stream ended
// for whatever reason (swim_stream_ended); the machine writes (SWIM_WRITE) and closes (SWIM_CLOSE),
// also when its deadline passes. After SWIM_CLOSE or swim_stream_ended the number is void, and
// events with it are ignored. All bounds on streams are kept here.
//
// What gossip says is who is reachable and what it announced. It never decides who owns data.
#ifndef GOSSIP_SWIM_H
#define GOSSIP_SWIM_H

#include "gossip/member.h"
#include "gossip/settings.h"

struct swim;

enum swim_action_kind {
    SWIM_DATAGRAM,     // send `bytes` to `address`
    SWIM_OPEN,         // connect to `address` as `stream`, write `bytes` (never empty)
    SWIM_WRITE,        // write `bytes` on `stream`
    SWIM_CLOSE,        // close `stream` once everything written on it is out
    SWIM_NOTICE,       // `notice` about `member`
    SWIM_USER_STATE,   // `bytes` came as the other side's user state, from `address`
    SWIM_USER_MESSAGE, // `bytes` came as a user message from `address`; may come several times
    SWIM_JOIN_RESULT,  // an address given to swim_join: `err` 0 or why not, see below
    SWIM_LEFT_RING     // the farewell asked for with swim_leave is out; nothing follows it
};

enum swim_notice {
    SWIM_JOINED,    // alive; was unknown, dead or left
    SWIM_UPDATED,   // alive with other meta (or version)
    SWIM_SUSPECT,   // did not answer us or an accuser
    SWIM_ALIVE,     // suspect before, alive again
    SWIM_DEAD,      // silent for too long
    SWIM_LEFT,      // said goodbye
    SWIM_FORGOTTEN, // dead or left for gossip_dead_ms, now out of the table
    SWIM_CONFLICT,  // somebody uses the member's node id at `address`; not accepted
    SWIM_REFUTED    // we were accused or impersonated, and answered; `member` is us
};

struct swim_action {
    enum swim_action_kind kind;
    struct swim_address address;
    struct slice bytes;
    uint64_t stream;
    enum swim_notice notice;
    const struct swim_member *member;
    int err;
};

// --- Making one ----------------------------------------------------------------------------------

// Copies the settings. The new machine is a ring of one, with its timers set. ERR_INVALID, or
// ERR_TOO_LARGE for the meta.
int swim_new(const struct swim_settings *settings, uint64_t now_ms, struct swim **out);
void swim_free(struct swim *swim);

// --- Events --------------------------------------------------------------------------------------

// A datagram as it came from the socket.
void swim_datagram(struct swim *swim, uint64_t now_ms, const struct swim_address *from,
                   struct slice bytes);

// The deadline has passed. Calling it early does no harm.
void swim_tick(struct swim *swim, uint64_t now_ms);

// A connection was accepted. Returns its stream number, 0 when too many are open (close it).
uint64_t swim_accept(struct swim *swim, uint64_t now_ms, const struct swim_address *from);

// New bytes on a stream: only those that were not handed over before.
void swim_stream_bytes(struct swim *swim, uint64_t now_ms, uint64_t stream, struct slice bytes);

// The stream could not be opened (ERR_CONNECT), broke, or the other side closed it (ERR_CLOSED).
void swim_stream_ended(struct swim *swim, uint64_t now_ms, uint64_t stream, int err);

// --- What the node wants -------------------------------------------------------------------------

// Exchanges full state with each address; one SWIM_JOIN_RESULT per address follows, now or later:
// 0, ERR_CONNECT, ERR_TIMEOUT, ERR_CLOSED (also when our label is not theirs), ERR_PRECONDITION
// (the answer is not encrypted as ours would be), ERR_PROTOCOL, ERR_OVERLOADED. Trying again after
// all have failed is the caller's business.
void swim_join(struct swim *swim, uint64_t now_ms, const struct swim_address *addresses,
               size_t count);

// Announces other meta (our incarnation grows by one); equal meta does nothing. ERR_TOO_LARGE above
// 512 bytes.
int swim_set_meta(struct swim *swim, uint64_t now_ms, struct slice meta);

// The bytes that go along with each full exchange from now on; copied; at most 256 KiB
// (ERR_TOO_LARGE). Not an event: makes no action.
int swim_set_user_state(struct swim *swim, struct slice state);

// User messages: bytes that mean something to the application alone. They may be lost, and those to
// all come several times, so whatever they ask for must be safe to do twice. ERR_TOO_LARGE beyond
// what a datagram holds, or half of stream_size_max.

// Along with the news about members where there is room, as often as those. It gets to all when
// whoever finds it new passes it on with the same topic (the bytes must say what is new). One of
// the same topic replaces an older one that still waits.
int swim_broadcast(struct swim *swim, uint64_t now_ms, uint64_t topic, struct slice bytes);

// To one, as a datagram; or over a stream of its own.
int swim_send(struct swim *swim, uint64_t now_ms, const struct swim_address *to,
              struct slice bytes);
int swim_send_stream(struct swim *swim, uint64_t now_ms, const struct swim_address *to,
                     struct slice bytes);

// Another label or other keys from now on; copied. keyring.h says how keys are changed in a running
// ring. Not an event: makes no action. ERR_INVALID for keys when the settings gave no entropy.
int swim_set_guard(struct swim *swim, const struct guard *guard);

// Says goodbye. SWIM_LEFT_RING follows once the farewell was sent as often as a broadcast is, or at
// once when nobody else is there. Until then the driver keeps performing actions; it may give up
// waiting at any time.
void swim_leave(struct swim *swim, uint64_t now_ms);

// --- What came of it -----------------------------------------------------------------------------

// The actions of the last event, in the order to perform them.
const struct swim_action *swim_actions(const struct swim *swim, size_t *count);

// When swim_tick is due, in ms on the clock of now_ms; never UINT64_MAX but after SWIM_LEFT_RING.
uint64_t swim_deadline(const struct swim *swim);

// --- Looking -------------------------------------------------------------------------------------

const struct swim_member *swim_self(const struct swim *swim);

// NULL when unknown.
const struct swim_member *swim_find(const struct swim *swim, uint64_t node_id);

// All known members, the dead and us included: index 0..swim_count-1; NULL beyond. The order means
// nothing, but it is the same for the same events, and changes with events only.
size_t swim_count(const struct swim *swim);
const struct swim_member *swim_at(const struct swim *swim, size_t index);

// 0: healthy; up to awareness_max - 1: our own probes fail, so we distrust ourselves (Lifeguard's
// local health multiplier).
uint32_t swim_health(const struct swim *swim);

// Counts since the start, for status and metrics.
struct swim_counts {
    uint64_t datagrams_in;
    uint64_t datagrams_out;
    uint64_t datagram_bytes_in;
    uint64_t datagram_bytes_out;
    uint64_t datagrams_malformed; // or in parts
    uint64_t foreign;             // datagrams and streams with another label
    uint64_t unopened;            // not encrypted as ours are, or by no key of ours
    uint64_t streams_in;
    uint64_t streams_out;
    uint64_t streams_failed;     // refused, broken, malformed or late
    uint64_t members_refused;    // the table was full
    uint64_t broadcasts_dropped; // the queue was full
    uint64_t conflicts;
    uint64_t refutations;
    uint64_t incompatible; // members and full exchanges refused for their protocol versions
    uint64_t probes;
    uint64_t probes_late;    // no direct acknowledgement in time
    uint64_t probes_failed;  // nor by helpers nor by stream
    uint64_t probes_stream;  // answered by stream only: datagrams are being lost
    uint64_t deaths_doubted; // told of members that we had just heard: only suspected
    uint64_t doubts;         // failed probes that we held to be our own fault, at first
    uint64_t stalls;         // events came later than a direct acknowledgement may take
};

const struct swim_counts *swim_counts(const struct swim *swim);

#endif
