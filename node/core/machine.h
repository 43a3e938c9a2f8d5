// SPDX-License-Identifier: Apache-2.0
// The inside of the machine, shared by the files of this folder and by nobody else.
//
//   request ──▶ request.c ──▶ get.c / put.c ──▶ store, messages to the other owners
//   message ──▶ node.c ──▶ replica.c (asked by a peer)  or  the operation that its `op` names
//   durable ──▶ wait.c ──▶ the answers that waited for this log position
//   tick ─────▶ operation.c (deadlines, hedges), cluster.c, upkeep in node.c
//
// An operation is one thing in flight that this node must bring to an end: it has an id (the `op`
// of its messages), a deadline, and perhaps an origin that wants a reply. Whoever starts one makes
// sure that each of its ends replies exactly once.
#ifndef NODE_CORE_MACHINE_H
#define NODE_CORE_MACHINE_H

#include "base/check.h"
#include "base/err.h"
#include "base/heap.h"
#include "base/histogram.h"
#include "base/rng.h"
#include "base/table.h"
#include "node/core/node.h"
#include "node/core/pace.h"
#include "node/core/quorum.h"
#include "node/core/stamp.h"

// ---- who else is there (peers.c) ----------------------------------------------------------------

struct peer {
    uint64_t id;
    struct member_view view;
    uint64_t cluster;
    bool linked;
    uint64_t heard_us;          // when it last said something, or its link came up
    uint64_t topology_asked_us; // when we last asked it for its record
    bool alarmed;               // that it has another record, or belongs to another cluster
};

// ---- operations (operation.c) -------------------------------------------------------------------

// Who gets the reply: a client of ours by ticket, or a peer that forwarded its client's request.
struct origin {
    enum { ORIGIN_NONE, ORIGIN_CLIENT, ORIGIN_PEER } kind;
    uint64_t id;       // ticket, or the peer's op
    uint64_t peer;     // node id
    uint64_t since_us; // when the request came, however often it has begun anew since
};

enum op_kind {
    OP_GET,
    OP_PUT, // and delete
    OP_FORWARD,
    OP_PARKED, // a request that waits for another operation to end, then starts again
    OP_SCAN,   // a page that waits for the log
    OP_REBUILD,
    OP_INIT
};

// In one operation: the owners, and as many that stand in for them or for each other.
enum { ANSWERS_MAX = 2 * REPLICAS_MAX };

// Bytes of each of its buffers that an operation may hold on to when it needs them no more.
enum { OP_BUFFER_KEEP = 4096 };

enum answer_state { ANSWER_UNASKED, ANSWER_WAITING, ANSWER_OK, ANSWER_FAILED };

// One replica's part in an operation. The first N ranks are the owners, the others stand-ins.
struct answer {
    uint64_t node;
    enum answer_state state;
    int err; // with FAILED; with WAITING: 0, or what it said before it was asked again
    bool hedge;
    bool repaired;
    bool replaced; // somebody stands in for it; if it answers all the same that counts
    bool busy;     // a write: WAITING, but refused for want of room, and not offered again yet
    uint64_t asked_us;
    uint64_t answered_us;
    struct buffer object; // reads: versions and full context, encoded
};

struct timer {
    struct heap_item item; // by monotonic microseconds
    struct op *op;
};

struct op {
    uint64_t id;
    enum op_kind kind;
    struct origin origin;
    struct timer deadline;
    struct timer hedge;
    uint64_t started_us;    // since when its origin waits
    struct buffer kept;     // what the slices of `request` and `key` point into
    struct request request; // parts of it, by kind
    struct key key;
    bool has_key;
    struct bucket_properties properties;
    struct quorum quorum;
    uint32_t answer_count;
    uint32_t owner_count; // the ranks below are owners
    bool sloppy;          // others may stand in for owners
    bool replied;
    size_t memory; // bytes kept, counted in node->memory
    // get
    struct buffer merged; // what was replied, for late answers
    // get of a bucket's properties
    bool internal;
    // put
    struct dot dot;
    struct buffer token;
    struct buffer delta; // encoded, to be sent again
    // parked: on which operation, or for room in the store
    uint64_t waits_for;
    bool waits_for_room;
    // scan: the page, in an arena of its own
    struct arena page;
    struct reply *scan;
    // init
    struct buffer record;
    uint64_t ballot;
    enum { INIT_PREPARE, INIT_DECIDE, INIT_COMMIT } phase;
    uint64_t *init_nodes; // heap; 0 where the phase's answer came
    uint32_t init_count;
    uint32_t shared_hosts;
    // explain
    struct buffer trace; // sentences, each terminated by 0
    struct op *next_free;
    struct answer answers[ANSWERS_MAX]; // last: those beyond answer_count are not touched
};

// ---- waits for the log (wait.c) -----------------------------------------------------------------

enum wait_kind {
    WAIT_APPLIED,  // tell `peer` that its op is durable here
    WAIT_ANSWER,   // send the kept reply of a read to `peer`
    WAIT_OP,       // our own part of operation `op` is durable
    WAIT_CLUSTER,  // tell `peer` that a record of the cluster is durable here
    WAIT_TOPOLOGY, // our topology is durable: tell the driver
    WAIT_OFFER,    // what is to be offered is durable
    WAIT_PAGE      // send the kept page to `peer`
};

struct wait {
    struct heap_item item; // by log position
    enum wait_kind kind;
    uint64_t peer;
    uint64_t op;
    enum message_kind answer; // WAIT_CLUSTER: MESSAGE_PREPARED or MESSAGE_COMMITTED; WAIT_PAGE
    uint64_t ballot;          // WAIT_CLUSTER
    struct buffer object;     // WAIT_ANSWER, WAIT_PAGE
    struct wait *next_free;
};

// ---- bucket properties (bucket.c) ---------------------------------------------------------------

struct bucket {
    struct slice name; // heap
    struct bucket_properties properties;
    struct buffer token; // of the read that brought them: what a change has seen
    uint64_t fetched_us;
    uint64_t tried_us; // when they were last asked for
    uint64_t fetching; // operation that reads it; 0: none
    bool known;
    bool stale;    // changed since they were read
    bool outdated; // changed while it was being fetched
};

// ---- the machine --------------------------------------------------------------------------------

struct node {
    struct node_settings settings;
    struct store *store;
    struct rng rng;
    struct arena arena;    // of the step
    struct buffer scratch; // for a moment, within one function
    struct actions actions;
    uint64_t now_us;
    uint64_t wall_ms;
    uint64_t started_us;
    uint64_t stamp; // hybrid logical clock
    bool draining;

    struct topology *topology; // NULL: none
    uint64_t topology_digest;
    uint64_t topology_position; // of the log, where the record becomes durable
    int self;                   // our member index, -1: not a member
    struct buffer proposal;     // accepted but undecided record (cluster.c)
    uint64_t ballot;            // under which it was accepted; 0: none
    uint64_t *accepted;         // digests of all records ever accepted on this disk; heap
    uint32_t accepted_count;

    struct table peers; // node id -> struct peer
    struct table ops;   // op id -> struct op
    struct op *free_ops;
    uint32_t free_op_count;
    struct heap timers; // deadlines and hedges
    uint64_t next_op;
    uint32_t client_ops; // in flight with an origin
    uint32_t room_waits; // writes parked for room
    struct pace pace;    // how many of those make sense
    size_t memory;       // bytes kept by operations

    struct heap waits;
    struct wait *free_waits;
    uint32_t free_wait_count;
    uint32_t wait_count;

    struct kept *kept; // kept.c; the oldest first
    struct kept *kept_last;
    uint32_t kept_count;

    struct repair *repair;      // repair.h
    uint64_t rebuild_warned_us; // when a rebuild was last told of; 0: never
    uint64_t stamp_alarm_us;    // when a stamp far ahead was last reported; 0: never

    struct table buckets; // hash of name -> struct bucket
    uint64_t next_upkeep_us;

    uint64_t hedge_us;             // after how long a read is hedged; renewed by upkeep
    uint64_t put_hedge_us;         // after how long a write gets a stand-in; renewed by upkeep
    uint32_t get_hedge_credit;     // hundredths of reads that may be hedged past busy peers
    uint32_t put_hedge_credit;     // hundredths of stand-ins that busy owners may still cost
    struct histogram peer_read_us; // how long a peer takes to answer a read; fades
    struct histogram peer_ack_us;  // how long a peer takes to acknowledge a write; fades
    struct histogram get_us;
    struct histogram put_us;
    struct {
        uint64_t requests, refused, repairs, hedges, rebuilt;
    } counts;
};

enum {
    UPKEEP_US = 200000,         // how often node.c looks after slow things
    BUCKET_FRESH_US = 10000000, // properties older than this are read again
    BUCKET_STALE_US = 60000000, // older than this: not used before that has been tried
    BUCKETS_MAX = 4096,
    WAITS_MAX = 1 << 17,
    OPS_PER_REQUEST = 4, // operations in all, for each request that may be in flight
    FREE_OPS_MAX = 1024, // kept for reuse
    FREE_WAITS_MAX = 4096,
    LINGER_US = 200000,        // how long a read stays after its reply for late answers
    ACCEPTED_MAX = 64,         // undecided records that a disk will accept
    TOKEN_RUNS_MAX = 4096,     // in a client's token
    TOKEN_AHEAD_MAX = 1 << 30, // dots of one life that we may not have heard of
    SIBLINGS_WARN = 25,
    SIBLINGS_VALUES = 2 // together at most so many of the largest values
};

// node.c
struct action *node_act(struct node *node, enum action_kind kind);
void node_log(struct node *node, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void node_send(struct node *node, uint64_t to, const struct message *message);

void node_see_stamp(struct node *node, uint64_t stamp); // of a version from elsewhere

// peers.c
struct peer *peer_find(const struct node *node, uint64_t id);
void peer_member(struct node *node, const struct event *event);
void peer_link(struct node *node, const struct event *event);
void peers_done(struct node *node);
bool node_reachable(const struct node *node, uint64_t id);
const char *node_name_of(const struct node *node, uint64_t id); // for sentences; in the arena
// A peer from which nothing has come for that long: cut off or stopped, rather than busy.
bool peer_is_silent(const struct node *node, uint64_t id, uint64_t for_us);
void peer_heard(struct node *node, uint64_t id);
enum member_state node_state_of(const struct node *node, uint64_t id);

// operation.c
struct op *op_new(struct node *node, enum op_kind kind, const struct origin *origin,
                  uint32_t timeout_ms);
struct op *op_find(const struct node *node, uint64_t id);
void op_timer_start(struct node *node, struct op *op, struct timer *timer, uint64_t due_us);
void op_end(struct node *node, struct op *op); // without a word; frees
void op_keep_request(struct node *node, struct op *op, const struct request *request);
void op_keep_key(struct node *node, struct op *op, const struct key *key);
void op_account(struct node *node, struct op *op, size_t bytes);
void op_set_owners(struct node *node, struct op *op);
void ids_sort(uint64_t *ids, size_t count); // what comes from a table must not show its order
int op_rank(const struct op *op, uint64_t node_id); // -1: not asked
void op_tick(struct node *node);                    // deadlines and hedges that passed
void op_peer_gone(struct node *node, uint64_t id);
void op_client_gone(struct node *node, uint64_t ticket);
void ops_done(struct node *node);
void op_trace(struct op *op, const char *format, ...) __attribute__((format(printf, 2, 3)));
// A sentence about a decision, kept only when the request asked to be explained.
#define trace(op, ...) ((op)->request.explain ? op_trace((op), __VA_ARGS__) : (void)0)

// reply.c
void reply_send(struct node *node, const struct origin *origin, const struct reply *reply);
void reply_error(struct node *node, const struct origin *origin, enum method method, int err,
                 const char *text);
// What an operation came to; the operation is still to be ended.
void reply_outcome(struct node *node, const struct op *op, const struct reply *reply);
// A failure of it, with what is known so far: counts, dot, token, explanation.
void reply_failure(struct node *node, struct op *op, int err, const char *text);
struct reply *reply_new(struct node *node, enum method method);
void reply_explain(struct node *node, struct op *op, struct reply *reply);
// "get k: 1 of 2 answers in 2000 ms (n2 dead, n3 slow): what to do"
const char *reply_shortfall(struct node *node, const struct op *op, int err);

// request.c
void request_step(struct node *node, const struct origin *origin, const struct request *request);
void forward_answered(struct node *node, struct op *op, uint64_t from,
                      const struct message *message);
void forward_peer_gone(struct node *node, uint64_t from, struct op *op);
void park_request(struct node *node, const struct origin *origin, const struct request *request,
                  uint64_t waits_for);
// A write for which the store has no room now: it starts again when there is some. Refused with
// OVERLOADED after half of its time, so that its client can try elsewhere, and at once where many
// wait already, so that reads go on: nothing was written.
void park_for_room(struct node *node, const struct origin *origin, const struct request *request);
void parked_look(struct node *node, struct op *op); // whether there is room
void parked_wake(struct node *node, uint64_t ended, int err, const char *text);
void op_timed_out(struct node *node, struct op *op);
// To an owner that serves; where none can be reached this node coordinates as a guest, unless that
// is forbidden or the request is none for data.
void forward_start(struct node *node, const struct origin *origin, const struct request *request,
                   const struct key *key);

// guest.c: who stands in for owners that are away
bool guests_allowed(const struct node *node, bool strict); // and there is somebody
bool answer_is_guest(const struct op *op, uint32_t rank);
// Adds a member that is not in the operation yet, as a stand-in: its rank.
uint32_t guest_join(struct op *op, uint64_t id);
// Adds the next stand-in in rendezvous order that can be reached: its rank, -1: there is none.
int guest_take(struct node *node, struct op *op);
// The quorum's verdict; nothing is impossible for r or w while others could stand in.
enum quorum_verdict op_verdict(const struct node *node, struct op *op);

// get.c
void get_start(struct node *node, const struct origin *origin, const struct request *request,
               const struct key *key, const struct bucket_properties *properties);
void get_start_internal(struct node *node, struct op *op);
void get_answered(struct node *node, struct op *op, uint64_t from, const struct message *message);
void get_local_durable(struct node *node, struct op *op);
void get_hedge(struct node *node, struct op *op);
uint64_t get_hedge_delay_us(const struct node *node);
void get_settle(struct node *node, struct op *op); // after a change in the quorum

// answer.c: what replicas answered to a read, merged
struct slice context_token(struct node *node, struct slice bucket, struct slice key,
                           const struct clock *context); // in the arena
void answer_decode(struct node *node, const struct answer *answer, struct object *out);
void answer_merge_into(struct node *node, struct object *merged, const struct object *other);
bool answers_merge(struct node *node, const struct op *op, struct object *merged);
void answer_fail(struct op *op, uint32_t rank, int err);
void answer_keep(struct node *node, struct op *op, uint32_t rank, struct slice object);
int level_pick(int request, int bucket, int otherwise);

// put.c
void put_start(struct node *node, const struct origin *origin, const struct request *request,
               const struct key *key, const struct bucket_properties *properties);
void put_acked(struct node *node, struct op *op, uint64_t from, int err);
void put_settle(struct node *node, struct op *op);

// put_send.c
// To all owners that can be reached, and where that is allowed to others instead of the rest.
void put_send(struct node *node, struct op *op, const struct key *key, const struct delta *delta);
void put_replace_failed(struct node *node, struct op *op);
void put_offer_later(struct node *node, struct op *op, struct answer *answer); // it had no room
void put_hedge(struct node *node, struct op *op);
uint64_t put_hedge_delay_us(const struct node *node);

// replica.c
void replica_apply(struct node *node, uint64_t from, const struct message *message);
void replica_read(struct node *node, uint64_t from, const struct message *message);
// The object and full context of a view as one encoded object.
void replica_encode(struct node *node, const struct key *key, const struct store_view *view,
                    struct buffer *out);
// 0, or ERR_OVERLOADED: this node cannot keep more writes of a shard that it does not own.
int guest_refusal(const struct node *node);
bool replica_born(const struct node *node, uint32_t shard); // complete: it serves and feeds
// We own the shard and hold a complete copy: we may coordinate and answer for it.
bool node_serves(const struct node *node, uint32_t shard);

// rebuild.c: returns the id of the operation that rebuilds the key (a running one or a new one), 0
// when no rebuild is possible now.
uint64_t rebuild_start(struct node *node, const struct key *key);
void rebuild_answered(struct node *node, struct op *op, uint64_t from,
                      const struct message *message);
void rebuild_settle(struct node *node, struct op *op);
void rebuild_failed(struct node *node, struct op *op);                     // too late
void rebuild_claims(struct node *node, uint32_t shard, struct clock *out); // joined to `out`
void rebuilds_claim_more(struct node *node, uint32_t shard);               // after a page of a fill

// repair.c and the files named in repair.h
void repair_new(struct node *node);
void repair_done(struct node *node);
void repair_tick(struct node *node); // cheap before repair_deadline
uint64_t repair_deadline(const struct node *node);
void repair_message(struct node *node, uint64_t from, const struct message *message);
void repair_link(struct node *node, uint64_t peer, bool up); // what we may reach has changed
void repair_durable(struct node *node);                      // WAIT_OFFER is over
bool repair_allows(const struct node *node); // background work may go on, within its budget
void repair_spend(struct node *node, uint64_t bytes, uint64_t keys);
void repair_status(struct node *node, struct status *status);
// False when an owner has said that it holds no complete copy.
bool owner_serves(const struct node *node, uint32_t shard, uint64_t owner);

// drain.c: all members have been there, alive in one life, for a while. And nobody is a guest: what
// the owners do not know is known nowhere.
bool repair_all_there(const struct node *node);
bool repair_all_well(const struct node *node);

// repair.c: the start clocks of all fills that still count
void fill_clocks_join(const struct node *node, uint32_t shard, struct clock *into);

// mend.c: the names of damaged keys
void mend_asked(struct node *node, uint64_t from, const struct message *message);
void mend_named(struct node *node, uint64_t from, const struct message *message);

// kept.c: answers to peers to which no link stands yet
bool kept_take(struct node *node, uint64_t to, const struct message *message); // false: send it
void kept_send(struct node *node, uint64_t to);                                // the link stands
void kept_expire(struct node *node);
void kept_done(struct node *node);

// wait.c
bool wait_durable(const struct node *node, uint64_t position);
struct wait *wait_new(struct node *node, enum wait_kind kind, uint64_t position);
void wait_release(struct node *node);
void waits_done(struct node *node);

// bucket.c: properties are read from owners only: a stand-in that holds nothing would answer
// "nothing", and the defaults would silently apply. While their owners are away those last known
// here go on, however old; a node that knows none refuses.
// 0 with the properties, or ERR_AGAIN with the operation to wait for, or an error.
int bucket_lookup(struct node *node, struct slice name, struct bucket_properties *out,
                  uint64_t *out_waits_for);
// Sees to it that they are known when they are needed: this node only forwards as yet, but may have
// to coordinate as a guest when it can ask nobody.
void bucket_remember(struct node *node, struct slice name);
void bucket_fetched(struct node *node, struct op *op, int err, const struct object *merged);
void bucket_forget(struct node *node, struct slice name);
void bucket_changed(struct node *node, struct op *op, struct reply *reply);
void bucket_request(struct node *node, const struct origin *origin, const struct request *request);
void buckets_done(struct node *node);

// cluster.c
int cluster_adopt(struct node *node, struct topology *topology, struct slice record);
int cluster_accept(struct node *node, uint64_t ballot, struct slice record, uint64_t *out_position);
struct slice cluster_record(struct node *node, const struct topology *topology); // in the arena
int cluster_load(struct node *node);
void cluster_init_request(struct node *node, const struct origin *origin,
                          const struct request *request);
void cluster_message(struct node *node, uint64_t from, const struct message *message);
// cluster_init.c
void cluster_init_answered(struct node *node, struct op *op, uint64_t from);
void cluster_init_prepared(struct node *node, struct op *op, uint64_t from,
                           const struct message *message);
void cluster_settle(struct node *node, struct op *op);
void cluster_timed_out(struct node *node, struct op *op);
void cluster_learn(struct node *node, struct peer *peer); // gossip told its epoch
void cluster_upkeep(struct node *node);
void cluster_init_upkeep(struct node *node);

// status.c
void status_request(struct node *node, const struct origin *origin, const struct request *request);
void compact_request(struct node *node, const struct origin *origin, const struct request *request);
void topology_request(struct node *node, const struct origin *origin);
void scan_request(struct node *node, const struct origin *origin, const struct request *request);
void scan_durable(struct node *node, struct op *op);

// held.c
void replicas_request(struct node *node, const struct origin *origin,
                      const struct request *request);
void held_request(struct node *node, const struct origin *origin, const struct request *request);

#endif
