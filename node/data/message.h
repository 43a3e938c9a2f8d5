// SPDX-License-Identifier: Apache-2.0
// What is said: requests and replies of clients, and the messages of nodes among themselves. Plain
// structs; node/wire turns them into bytes and back. All slices are borrowed.
#ifndef NODE_DATA_MESSAGE_H
#define NODE_DATA_MESSAGE_H

#include "node/data/compaction.h"
#include "node/data/key.h"
#include "node/data/object.h"
#include "node/data/repair.h"
#include "node/data/topology.h"

// ---- requests -----------------------------------------------------------------------------------

enum method {
    METHOD_PING,
    METHOD_GET,
    METHOD_PUT,
    METHOD_DELETE,
    METHOD_SCAN,
    METHOD_BUCKET_SET,
    METHOD_BUCKET_SHOW,
    METHOD_CLUSTER_INIT,
    METHOD_TOPOLOGY,
    METHOD_STATUS,
    METHOD_REPLICAS, // the replicas that the node asked holds itself
    METHOD_HELD,     // the keys of one of them
    METHOD_COMPACT,  // the tree of the node asked: how it stands, or begin
    METHOD_COUNT
};

// The name on the wire: "ping", "get", "put", "delete", "scan", "bucket_set", "bucket_show",
// "cluster_init", "topology", "status".
const char *method_name(enum method method);

// The same in sentences for people: the words of the command line ("cluster init").
const char *method_title(enum method method);

// How many replicas: a number 0..REPLICAS_MAX or one of these. They are resolved by level_resolve.
enum level {
    LEVEL_DEFAULT = -1, // the bucket's default, else quorum (r, w) or 0 (pr, pw)
    LEVEL_ONE = -2,
    LEVEL_QUORUM = -3, // N / 2 + 1
    LEVEL_ALL = -4
};

// The number that a level stands for with `replicas` copies; -1 when it is beyond 0..replicas.
int level_resolve(int level, uint32_t replicas);

// "one", "quorum", "all" or a number. ERR_INVALID otherwise.
int level_read(struct slice text, int *out_level);

// The longest time to live, 557 years: a sum with the time of day cannot wrap.
#define TTL_MS_MAX ((uint64_t)1 << 44)

// What a write without a token supersedes.
enum blind {
    BLIND_DEFAULT,  // by the bucket's rule: siblings, or overwrite under lww
    BLIND_SIBLINGS, // nothing: it stands beside what is there
    BLIND_OVERWRITE // all that the coordinating replica has seen
};

enum conflict_rule {
    CONFLICT_SIBLINGS, // a read shows all concurrent versions
    CONFLICT_LWW       // a read shows the one with the highest stamp
};

// Properties of a bucket; a missing bucket has the defaults (all zero but levels LEVEL_DEFAULT).
struct bucket_properties {
    enum conflict_rule conflict;
    int r, w, pr, pw; // levels
    uint64_t ttl_ms;  // default time to live; 0: for ever
    bool strict;      // no guests, whatever a request says
};

extern const struct bucket_properties bucket_properties_default;

// Which properties a bucket_set changes.
enum {
    BUCKET_SET_CONFLICT = 1,
    BUCKET_SET_R = 2,
    BUCKET_SET_W = 4,
    BUCKET_SET_PR = 8,
    BUCKET_SET_PW = 16,
    BUCKET_SET_TTL = 32,
    BUCKET_SET_STRICT = 64
};

// A bucket's properties as the value of its key in the system bucket: one canonical layout:
// u8 version (1, or 2 when strict), u8 conflict, i8 r, w, pr, pw, varint ttl_ms.
void bucket_properties_encode(const struct bucket_properties *properties, struct buffer *out);
int bucket_properties_decode(struct slice bytes, struct bucket_properties *out);

enum {
    TIMEOUT_MS_DEFAULT = 2000,
    TIMEOUT_MS_MAX = 60000,
    SCAN_ITEMS_MAX = 1024,
    SCAN_BYTES_MAX = 1 << 20
};

struct request {
    enum method method;
    // get, put, delete; bucket of bucket_set and bucket_show
    struct slice bucket;
    struct slice key;
    struct slice value;
    bool has_token;
    struct slice token; // binary, see token_encode
    enum blind blind;   // used without a token
    int r, w, pr, pw;   // levels
    bool strict;        // no guests
    bool explain;
    uint64_t ttl_ms;     // put; 0: the bucket's default
    uint32_t timeout_ms; // 0: TIMEOUT_MS_DEFAULT
    // scan, held; replicas: the first shard
    uint32_t shard;
    struct slice after; // scan, held: tree key to start behind, or empty
    uint32_t items_max; // 0: SCAN_ITEMS_MAX
    // compact
    bool start;
    // bucket_set
    uint32_t set; // BUCKET_SET_*
    struct bucket_properties properties;
    // cluster_init
    uint32_t nodes; // that gossip must see, exactly
    uint32_t shards;
    uint32_t replicas;
};

// All fields at their defaults for the method.
void request_init(struct request *request, enum method method);

// ---- replies ------------------------------------------------------------------------------------

// One replica in an explanation.
struct explain_replica {
    struct slice node; // name
    struct slice role; // "owner", "guest"
    bool asked;
    bool repaired;
    int64_t answered_us; // after the request came; -1: has not answered
    struct dot *dots;    // of the versions that it answered with
    uint32_t dot_count;
    struct slice outcome; // "ok", "hedge", "repaired", or an error's wire code
};

struct explain {
    uint32_t shard;
    uint64_t epoch;
    struct slice coordinator; // name
    struct explain_replica *replicas;
    uint32_t replica_count;
    struct slice *trace; // sentences about decisions, in order
    uint32_t trace_count;
};

// How a node sees a member of its topology, or of its gossip ring before there is a topology.
enum member_state { MEMBER_UNKNOWN, MEMBER_ALIVE, MEMBER_SUSPECT, MEMBER_DEAD, MEMBER_LEFT };
const char *member_state_name(enum member_state state); // "alive" ...

struct member_view {
    struct member member;    // with the current addresses
    enum member_state state; // by gossip
    bool linked;             // a peer connection stands (or it is the node itself)
    bool owner;              // in the topology (false: seen by gossip only)
    uint32_t shards;         // owned in the topology
    uint64_t epoch;          // that it says it has
    uint64_t digest;
};

struct status {
    uint64_t id;
    uint64_t actor;
    struct slice name;
    uint64_t cluster;
    uint64_t epoch;
    uint64_t digest;
    uint32_t shards_owned;
    uint32_t shards_born; // owned and complete: served
    uint64_t keys;
    uint64_t bytes;
    uint64_t disk_bytes;
    uint64_t log_bytes;
    uint64_t memory_bytes;
    uint64_t checkpoints;
    uint64_t unknown; // damaged keys not yet rebuilt
    uint64_t rebuilt; // since start
    uint64_t requests;
    uint64_t requests_refused;
    uint64_t repairs;
    uint64_t hedges;
    uint32_t in_flight;
    uint64_t uptime_ms;
    int refusal; // 0 or why puts are refused now
    // repair: what is owed here and by us
    uint64_t repair_missing;   // dots that others are known to have and this node lacks
    uint64_t repair_owed;      // dots that other owners are not known to have, counted for each
    uint64_t repair_bytes;     // of what is missing here, estimated
    uint64_t repair_age_ms;    // since when not all have agreed; 0: all agree now
    struct slice repair_state; // "level", "pulling", "budget", "unreachable", "retry", "others"
    uint32_t shards_filling;
    uint32_t guest_shards; // held for owners that were away
    uint64_t guest_keys;
    uint64_t dots;                       // entries of the dot log
    uint64_t dots_max;                   // its budget
    uint64_t pulled_items, pulled_bytes; // by sync, fill and compare since start
    uint64_t digest_alarms;              // since start
    struct slice build;
    struct slice durability; // "sync", "interval=1000"
    // p50, p99 in microseconds, since start, as coordinator
    uint64_t get_p50_us, get_p99_us, put_p50_us, put_p99_us;
};

struct scan_item {
    struct slice bucket;
    struct slice key;
    struct version *versions; // expired ones left out; never empty
    uint32_t version_count;
    struct slice token;
};

// One shard's replica as the node that holds it knows it, to be compared with the others: equal
// clocks and unequal digests mean that something was lost or changed.
struct replica_view {
    uint32_t shard;
    bool owner;       // by the topology; else a stand-in's
    bool complete;    // served
    uint64_t keys;    // with a version
    uint64_t bytes;   // of buckets, keys and values
    uint64_t digest;  // over keys and dots, without versions that expire
    uint64_t dots;    // in the dot log
    uint64_t unknown; // damaged keys
    struct clock clock;
};

// A key as one replica holds it.
struct held_key {
    struct slice tree_key; // its place in the shard
    struct slice bucket;   // empty: only the hash is known
    struct slice key;
    struct dot *dots; // of its versions, expired ones left out
    uint32_t dot_count;
};

struct reply {
    enum method method;
    int err; // 0 or ERR_*
    struct slice
        text; // with err: the sentence behind the code ("put k: 1 of 2 acknowledgements...")
    // get, put, delete; also beside TIMEOUT and UNAVAILABLE where known
    bool found; // get
    struct version *versions;
    uint32_t version_count;
    struct slice token; // get: full merged context; put and delete: what the writer now has seen
    struct dot dot;     // put, delete
    uint32_t replies;   // get: replicas that answered
    uint32_t acks;      // put, delete: durable acknowledgements
    uint32_t r, w;      // as resolved
    bool unanimous;     // get: all answers were the same
    bool has_explain;
    struct explain explain;
    // scan
    struct scan_item *items;
    uint32_t item_count;
    bool more;
    struct slice after;
    // replicas; `more`: ask on from the shard behind the last one
    struct replica_view *replicas;
    uint32_t replica_count;
    // held; more and after as for a scan
    struct held_key *held;
    uint32_t held_count;
    // bucket_set, bucket_show
    struct bucket_properties properties;
    // topology: the record (epoch 0: none yet; `owners` NULL then) and how the members stand
    const struct topology *topology;
    struct member_view *members;
    uint32_t member_count;
    // cluster_init: as topology, without members; how many shards share hosts
    uint32_t shared_hosts;
    // status, ping
    struct status status;
    // compact
    struct compaction compaction;
};

// ---- among nodes --------------------------------------------------------------------------------

// Messages are one-way and may be lost; `op` ties an answer to its question. Answers to an op that
// the receiver does not know (late, or of an older life) are dropped.
enum message_kind {
    MESSAGE_APPLY,     // apply this delta and tell when it is durable (op 0: a repair, no answer)
    MESSAGE_APPLIED,   // err, or 0: durable here
    MESSAGE_READ,      // what do you hold under this key?
    MESSAGE_OBJECT,    // err, or the versions and full context
    MESSAGE_FORWARD,   // coordinate this request for my client
    MESSAGE_FORWARDED, // its reply
    MESSAGE_TOPOLOGY_GET, // send your topology record
    MESSAGE_TOPOLOGY,     // the record, encoded (empty: none)
    MESSAGE_PREPARE,      // cluster init: durably accept this record under this ballot
    MESSAGE_PREPARED,     // err and the ballot held
    MESSAGE_COMMIT,       // cluster init: it is decided
    MESSAGE_COMMITTED,    // err, or 0: durable here
    MESSAGE_PROPERTIES,   // a bucket's properties changed: forget what you cached (bucket)
    MESSAGE_OFFER,        // what I have of these shards for good (op unused)
    MESSAGE_NAME,         // what is the name of the key with this hash?
    MESSAGE_NAMED,        // the name; or NOT_FOUND: I hold nothing of it, and have seen object.rest
    MESSAGE_SYNC,         // send what I lack of this shard
    MESSAGE_SYNCED,       // err, or a page of it
    MESSAGE_FILL,         // send me all of this shard, from this key on
    MESSAGE_FILLED,       // err, or a page of it
    MESSAGE_KIND_COUNT
};

const char *message_name(enum message_kind kind);  // "apply", "applied", ...
struct slice message_word(enum message_kind kind); // the same

struct message {
    enum message_kind kind;
    uint64_t op;
    int err;
    // apply, read, properties (bucket only)
    struct slice bucket;
    struct slice key;
    bool guest;           // apply, read: asked as a stand-in, of a shard that it does not own
    struct delta delta;   // apply
    struct object object; // object: versions, and in rest the full context; see also `encoded`
    // forward, forwarded
    const struct request *request;
    const struct reply *reply;
    // topology, prepare, commit; name, named: the tree key
    struct slice record;
    uint64_t ballot;
    // offer, sync and fill, synced and filled
    const struct offers *offers;
    const struct need *need;
    const struct page *page; // synced, filled, read; NULL with err
    // The page as its giver encoded it: the writer looks at nothing else. The object, when it was
    // read.
    struct slice encoded;
};

#endif
