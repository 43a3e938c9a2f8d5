/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libquorate: the C client of the quorate key-value store.
 *
 * Two ways to use it. Blocking calls on a client of its own:
 *
 *     struct quorate_client *client;
 *     struct quorate_result *result;
 *
 *     if (quorate_open("127.0.0.1:7400,127.0.0.1:7410", NULL, &client) != 0)
 *         ...
 *     quorate_put(client, quorate_key("users", "ada"), quorate_text("countess"), NULL, NULL);
 *     if (quorate_get(client, quorate_key("users", "ada"), NULL, &result) == 0 && result->found)
 *         fwrite(result->values[0].value.data, 1, result->values[0].value.size, stdout);
 *     quorate_result_free(result);
 *     quorate_close(client);
 *
 * or calls that return at once on the application's libuv loop, and a function that is called with
 * the result: quorate_attach, quorate_get_start, quorate_put_start and so on.
 *
 * What the library does by itself: it learns the topology of the cluster and sends each key to a
 * node that owns it; keeps a few connections per node, with many requests under way on each;
 * tries again where that is safe, with growing random pauses, within the request's time and
 * within a budget (10 % of the requests, and a few), so that it never adds to an overload. A get
 * is tried again after any failure of the way, and elsewhere when half of its time has passed in
 * silence. A put or a delete is tried again only when the
 * earlier attempt certainly had no effect: it never left this machine whole, or the node refused
 * it before doing anything. All other failures of a write say so: `unknown` is set, and the write
 * may still take effect. Repeating it with the same context is then right; without a context it
 * may leave a second sibling.
 *
 * Bytes. Keys, buckets, values and contexts are bytes of any kind; nothing is terminated or
 * interpreted. A key has 1 to 2048 bytes, a bucket 1 to 255, a value by default up to 8 MiB.
 *
 * Ownership. What is passed in is copied before the call returns. A result of a blocking call
 * belongs to the caller, who frees it with quorate_result_free; a result given to a callback
 * belongs to the library and is valid until the callback returns. All that a result points to
 * lives as long as it.
 *
 * Structs of options: zeroed means defaults, and NULL is the same as zeroed.
 *
 * Threads. A client is used by one thread at a time; clients share nothing, so give each thread its
 * own. One that is attached to a loop is used in the loop's thread only.
 *
 * Signals. The library leaves SIGPIPE alone, and libuv does not shield sockets from it: a program
 * should say signal(SIGPIPE, SIG_IGN), or a node that dies in the wrong moment ends the program
 * too.
 *
 * Memory. Like libuv's own helpers, the library does not survive malloc returning NULL: it aborts.
 */
#ifndef QUORATE_H
#define QUORATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors ---------------------------------------------------------------------------------- */

/* 0 is success. The numbers are the same in every version; new ones may come. */
/* clang-format off */
enum quorate_err {
    QUORATE_OK             = 0,
    QUORATE_INVALID        = -1,  /* malformed or contradictory request */
    QUORATE_TOO_LARGE      = -2,  /* beyond a limit */
    QUORATE_NOT_FOUND      = -3,  /* no such thing (a get of a missing key: see `found`) */
    QUORATE_UNAVAILABLE    = -4,  /* fewer replicas reachable than asked for */
    QUORATE_TIMEOUT        = -5,  /* not enough answers in time; outcome of a write unknown */
    QUORATE_OVERLOADED     = -6,  /* a bounded queue or budget is full, here or at the node */
    QUORATE_DISK_FULL      = -7,  /* the node's disk is full */
    QUORATE_DAMAGED        = -8,  /* stored bytes fail their checksum */
    QUORATE_CONFLICT       = -9,  /* siblings where one value was asked for */
    QUORATE_PRECONDITION   = -10, /* a stated condition does not hold */
    QUORATE_NO_CLUSTER     = -11, /* the node belongs to no cluster yet: see quorate_cluster_init */
    QUORATE_CLUSTER_EXISTS = -12, /* the cluster was already initialised */
    QUORATE_WRONG_CLUSTER  = -13, /* the other side belongs to another cluster */
    QUORATE_TOKEN          = -14, /* the context is malformed or belongs to another key */
    QUORATE_METHOD         = -15, /* the node does not know the request */
    QUORATE_PROTOCOL       = -16, /* the other side does not speak the protocol */
    QUORATE_CONNECT        = -17, /* cannot connect */
    QUORATE_CLOSED         = -18, /* closed before the answer; outcome of a write unknown */
    QUORATE_IO             = -19, /* an input or output operation failed */
    QUORATE_NOT_SERVING    = -20, /* this replica holds no complete copy of the shard */
    QUORATE_COLLISION      = -21, /* another key with the same 128-bit hash is stored */
    QUORATE_SIBLINGS       = -22, /* too many siblings: write with a context to resolve them */
    QUORATE_READ_ONLY      = -23, /* the place to write to is read-only */
    QUORATE_LOCKED         = -24, /* another process holds the data directory */
    QUORATE_MAP_FULL       = -25, /* the memory map must grow */
    QUORATE_AGAIN          = -26, /* not yet: more bytes or more time are needed */
    QUORATE_SHUTDOWN       = -27, /* the node is shutting down */
    QUORATE_STALE          = -28, /* made with an older topology epoch or an older life */
    QUORATE_INTERNAL       = -29  /* a fault of quorate itself */
};
/* clang-format on */

/* "TIMEOUT" for QUORATE_TIMEOUT; "OK" for 0. Static text. */
const char *quorate_err_name(int err);

/* What the error means, as half a sentence in lower case. Static text. */
const char *quorate_err_text(int err);

/* The version of the library, "0.1.0". Static text. */
const char *quorate_version(void);

/* ---- bytes and keys -------------------------------------------------------------------------- */

struct quorate_bytes {
    const void *data; /* may be NULL when size is 0 */
    size_t size;      /* bytes */
};

struct quorate_key {
    struct quorate_bytes bucket; /* size 0: the bucket "default" */
    struct quorate_bytes key;
};

/* The bytes of a terminated text; NULL gives none. */
static inline struct quorate_bytes quorate_text(const char *text)
{
    struct quorate_bytes bytes = {text, text ? strlen(text) : 0};

    return bytes;
}

static inline struct quorate_bytes quorate_bytes(const void *data, size_t size)
{
    struct quorate_bytes bytes = {data, size};

    return bytes;
}

/* A key of two terminated texts. */
static inline struct quorate_key quorate_key(const char *bucket, const char *key)
{
    struct quorate_key both = {quorate_text(bucket), quorate_text(key)};

    return both;
}

/* ---- results --------------------------------------------------------------------------------- */

/* The name of one write: the counter-th of one life of one node in one shard. */
struct quorate_dot {
    uint64_t actor;
    uint64_t counter;
};

struct quorate_value {
    struct quorate_bytes value;
    struct quorate_dot dot;
    uint64_t stamp;      /* orders versions: stamp_ms << 16 and a counter for equal milliseconds */
    uint64_t stamp_ms;   /* when it was written, milliseconds since 1970 */
    uint64_t expires_ms; /* milliseconds since 1970; 0: never */
};

/* One replica in an explanation. Texts are terminated. */
struct quorate_replica {
    const char *node; /* name */
    const char *role; /* "owner" or "guest" */
    bool asked;
    bool repaired;       /* it was behind and has been sent what it lacked */
    int64_t answered_us; /* microseconds after the node had the request; -1: had not answered */
    const struct quorate_dot *dots; /* of the versions that it answered with */
    size_t dot_count;
    const char *outcome; /* "ok", "hedge", "repaired", "" or the name of an error */
};

/* How a request was carried out, when asked for with `explain`. */
struct quorate_explain {
    uint32_t shard;
    uint64_t epoch;                         /* of the topology */
    const char *coordinator;                /* name of the node that carried it out */
    const struct quorate_replica *replicas; /* owners in order, then guests */
    size_t replica_count;
    const char *const *trace; /* sentences about decisions, in order */
    size_t trace_count;
};

/* Properties of a bucket. */
struct quorate_bucket {
    bool lww;         /* last write wins; false: a read shows all concurrent values */
    int r, w, pr, pw; /* default levels, see QUORATE_LEVEL_*  */
    uint64_t ttl_ms;  /* default time to live; 0: for ever */
    bool strict;      /* owners only, whatever a request says */
};

/* Names say what a member is like as the node that answered sees it. */
struct quorate_member {
    uint64_t id;
    const char *name;
    const char *zone; /* "": none */
    const char *host;
    const char *client_address; /* "host:port" */
    const char *peer_address;
    const char *state; /* "alive", "suspect", "dead", "left" or "unknown", by gossip */
    uint32_t weight;
    uint32_t shards; /* owned */
    bool linked;     /* the node that answered has a connection to it, or is it */
    bool owner;      /* belongs to the topology; false: only seen by gossip */
    uint64_t epoch;  /* of the topology that it says it has */
};

struct quorate_topology {
    uint64_t epoch; /* 0: no cluster yet */
    uint64_t cluster;
    uint32_t shards;
    uint32_t replicas;
    const struct quorate_member *members;
    size_t member_count;
    uint32_t shared_hosts; /* cluster_init: shards that have two copies on one host */
};

/* What a node says about itself. Bytes are bytes, times as their names say. */
struct quorate_status {
    uint64_t id;
    const char *name;
    uint64_t cluster;
    uint64_t epoch;
    const char *build;
    const char *durability; /* "sync" or "interval=MS" */
    uint64_t actor;         /* of this life of the node */
    uint32_t shards_owned;
    uint32_t shards_born; /* owned and complete, so served */
    uint32_t in_flight;
    uint64_t keys;
    uint64_t bytes; /* of buckets, keys and values */
    uint64_t disk_bytes;
    uint64_t log_bytes;
    uint64_t memory_bytes;
    uint64_t checkpoints;
    uint64_t unknown; /* damaged keys not yet rebuilt */
    uint64_t rebuilt;
    uint64_t requests;
    uint64_t requests_refused;
    uint64_t repairs;
    uint64_t hedges;
    uint64_t uptime_ms;
    int refusal; /* 0, or the error with which puts are refused now */
    uint64_t get_p50_us, get_p99_us, put_p50_us, put_p99_us;
    /* repair: what is owed to this node and by it */
    uint64_t repair_missing; /* writes that other nodes are known to have and this one lacks */
    uint64_t repair_owed;    /* writes that other owners are not known to have, for each of them */
    uint64_t repair_bytes;   /* of what is missing here, estimated */
    uint64_t repair_age_ms;  /* since when not all owners have agreed; 0: all agree */
    char repair_state[16];   /* "level", "pulling", "budget", "unreachable", "retry", "others" */
    uint32_t shards_filling;
    uint32_t guest_shards; /* held for owners that were away */
    uint64_t guest_keys;
    uint64_t dots;                       /* entries of the dot log */
    uint64_t dots_max;                   /* its budget */
    uint64_t pulled_items, pulled_bytes; /* brought by repair since start */
    uint64_t
        digest_alarms; /* since start: replicas that had seen the same and held another thing */
};

/* How it stands with the last compaction of a node's tree that was asked for. */
enum quorate_compaction_state {
    QUORATE_COMPACTION_IDLE, /* none since the node started */
    QUORATE_COMPACTION_RUNNING,
    QUORATE_COMPACTION_DONE,
    QUORATE_COMPACTION_FAILED /* nothing has changed */
};

struct quorate_compaction {
    enum quorate_compaction_state state;
    int err;             /* failed: QUORATE_OVERLOADED (the node writes too fast), ... */
    const char *message; /* failed: a sentence that says what to do; else "" */
    uint64_t bytes_before, bytes_after; /* of the tree's file; after: when done */
    uint64_t elapsed_ms;
};

/* A key met by a scan. */
struct quorate_item {
    struct quorate_key key;
    const struct quorate_value *values; /* at least one */
    size_t value_count;
    struct quorate_bytes context;
};

/* One shard's replica on one node. Replicas of a shard with the same clock bytes have seen the
   same writes, and then have the same digest. */
struct quorate_copy {
    uint32_t shard;
    bool owner;                 /* else a stand-in's: it goes once the owners have all of it */
    bool complete;              /* served; an owner without it waits for a copy */
    uint64_t keys;              /* with a value */
    uint64_t bytes;             /* of buckets, keys and values */
    uint64_t digest;            /* over keys and dots of values that do not expire */
    uint64_t dots;              /* writes and deletes seen */
    uint64_t dots_logged;       /* of them kept for sync: not known to be everywhere */
    uint64_t unknown;           /* damaged keys not yet rebuilt */
    struct quorate_bytes clock; /* the set of the dots seen; equal sets have equal bytes */
};

/* A key of one replica and the writes that its values come from. */
struct quorate_held {
    struct quorate_bytes hash; /* 16 bytes: its place in the order of the shard */
    struct quorate_key key;    /* an empty bucket: only the hash is known there */
    const struct quorate_dot *dots;
    size_t dot_count;
};

/* One struct for all requests; what a request does not fill is zero. */
struct quorate_result {
    int err;             /* 0 or QUORATE_* */
    const char *message; /* with err: a sentence for a person, terminated, without the error's name;
                            else "" */
    bool unknown;        /* a failed write that may nevertheless take effect, now or later */

    /* get; put and delete fill dot, context, acks, w */
    bool found;
    const struct quorate_value *values; /* one, or several siblings; sorted by dot */
    size_t value_count;
    struct quorate_bytes context; /* pass it to the put or delete that replaces what was read */
    struct quorate_dot dot;       /* of this write */
    uint32_t replies;             /* replicas that answered a get */
    uint32_t acks;                /* replicas that have a write on stable storage */
    uint32_t r, w;                /* as resolved to numbers */
    bool unanimous;               /* all replicas that answered a get said the same */
    const struct quorate_explain *explain; /* NULL unless asked for */

    /* scan */
    const struct quorate_item *items;
    size_t item_count;
    bool more;                  /* call again with `after` */
    struct quorate_bytes after; /* 16 bytes */

    /* replicas, held */
    const struct quorate_copy *copies; /* `more`: go on behind the last one's shard */
    size_t copy_count;
    const struct quorate_held *held; /* more and after as for a scan */
    size_t held_count;

    /* the others */
    const struct quorate_bucket *bucket;     /* bucket_show, bucket_set: as they are now */
    const struct quorate_topology *topology; /* topology, cluster_init */
    const struct quorate_status *status;     /* status; ping: the first five */
    const struct quorate_compaction *compaction;

    /* how it went on this side */
    const char *address; /* of the node asked last; "" when none was */
    uint32_t attempts;   /* how often it was tried */
    uint64_t elapsed_us;
};

/* Accepts NULL. Only for results of blocking calls. */
void quorate_result_free(struct quorate_result *result);

/* The one value of a result: QUORATE_CONFLICT when there are siblings, QUORATE_NOT_FOUND when
   there is none, the result's own error when it has one. *out is untouched then. */
int quorate_result_value(const struct quorate_result *result, struct quorate_bytes *out);

/* ---- options --------------------------------------------------------------------------------- */

/* How many replicas: 1 to 7, or one of these. More than the cluster keeps is QUORATE_INVALID. */
enum {
    QUORATE_LEVEL_DEFAULT = 0, /* the bucket's; else quorum for r and w, none for pr and pw */
    QUORATE_LEVEL_ONE = -2,
    QUORATE_LEVEL_QUORUM = -3, /* more than half */
    QUORATE_LEVEL_ALL = -4,
    QUORATE_LEVEL_NONE = -5 /* the number 0: for pr and pw where the bucket says more */
};

struct quorate_client_options {
    uint32_t timeout_ms;    /* of requests that do not say; 0: 2000; at most 60000 */
    uint32_t connect_ms;    /* for one attempt to connect; 0: 1000 */
    uint32_t connections;   /* per node; 0: 2; at most 16 */
    uint32_t in_flight_max; /* requests under way, then QUORATE_OVERLOADED; 0: 4096 */
    bool no_retry;          /* one attempt per request */
    bool no_routing;        /* ask any endpoint, whoever owns the key */
};

struct quorate_get_options {
    int r;       /* replicas that must answer */
    int pr;      /* of them owners of the key, not stand-ins */
    bool strict; /* owners only */
    bool explain;
    uint32_t timeout_ms; /* 0: the client's */
};

/* What a write without a context supersedes. */
enum quorate_blind {
    QUORATE_BLIND_DEFAULT,  /* by the bucket: siblings, or overwrite where the last write wins */
    QUORATE_BLIND_SIBLINGS, /* nothing: the value stands beside what is there */
    QUORATE_BLIND_OVERWRITE /* all that the node that carries it out has seen */
};

struct quorate_put_options {
    struct quorate_bytes context; /* of a get of the same key: replaces what that get showed */
    enum quorate_blind blind;     /* used without a context */
    int w;                        /* replicas that must have it on stable storage */
    int pw;                       /* of them owners of the key, not stand-ins */
    bool strict;                  /* owners only */
    bool explain;
    uint64_t ttl_ms;     /* put only: time to live; 0: the bucket's */
    uint32_t timeout_ms; /* 0: the client's */
};

struct quorate_scan_options {
    uint32_t shard;             /* 0 to the topology's shards - 1 */
    struct quorate_bytes after; /* where the last scan ended; empty: from the start */
    uint32_t items_max;         /* 0: 1024, which is also the most */
    uint32_t timeout_ms;        /* 0: the client's */
};

/* Which properties quorate_bucket_set changes. */
enum {
    QUORATE_BUCKET_LWW = 1,
    QUORATE_BUCKET_R = 2,
    QUORATE_BUCKET_W = 4,
    QUORATE_BUCKET_PR = 8,
    QUORATE_BUCKET_PW = 16,
    QUORATE_BUCKET_TTL = 32,
    QUORATE_BUCKET_STRICT = 64
};

struct quorate_cluster_options {
    uint32_t nodes;      /* exactly so many members must gossip see; at least `replicas` */
    uint32_t shards;     /* a power of two up to 65536; 0: 256 */
    uint32_t replicas;   /* 1 to 7; 0: 3 */
    uint32_t timeout_ms; /* 0: 15000 */
};

/* ---- clients --------------------------------------------------------------------------------- */

struct quorate_client;

/* libuv's uv_loop_t. */
struct uv_loop_s;

/* The port of an endpoint that names none; also where a node listens by default. */
enum { QUORATE_PORT = 7400 };

/* A client for blocking calls, with a loop of its own. `endpoints` is "host:port" of any nodes of
   the cluster, separated by commas or blanks; [v6]:port; names are looked up when they are needed.
   Nothing is sent yet: QUORATE_INVALID (no endpoint, or malformed) and QUORATE_IO (no descriptors
   left) are the only errors, and *out is untouched then. */
int quorate_open(const char *endpoints, const struct quorate_client_options *options,
                 struct quorate_client **out);

/* A client on the application's loop, for the *_start calls. It keeps the loop alive while it has
   connections or requests under way. */
int quorate_attach(struct uv_loop_s *loop, const char *endpoints,
                   const struct quorate_client_options *options, struct quorate_client **out);

/* Ends a client; accepts NULL. Requests under way end with QUORATE_CLOSED, their callbacks are
   called before this returns; what they start is dropped. May be called in a callback. The
   memory of an attached client goes once its loop has run on to close the handles: run the loop
   until uv_run returns 0 before uv_loop_close. */
void quorate_close(struct quorate_client *client);

/* ---- blocking calls -------------------------------------------------------------------------- */

/* Each returns result->err, within the request's time and a tenth of a second: the node keeps
   the time, so that its answer can tell what was missing. `out` may be NULL when nothing but the
   error matters; otherwise *out is set in every case, also on failure (it has the message), and
   is freed with quorate_result_free. They need a client of quorate_open (else QUORATE_INVALID),
   and no callback may run meanwhile. */

/* Reads a key. A missing key is no error: 0, and found is false. */
int quorate_get(struct quorate_client *client, struct quorate_key key,
                const struct quorate_get_options *options, struct quorate_result **out);

/* Writes a value, which may be empty. */
int quorate_put(struct quorate_client *client, struct quorate_key key, struct quorate_bytes value,
                const struct quorate_put_options *options, struct quorate_result **out);

/* Deletes what the context covers; deleting what is not there is no error. */
int quorate_delete(struct quorate_client *client, struct quorate_key key,
                   const struct quorate_put_options *options, struct quorate_result **out);

/* Reads keys of one shard in the order of their hashes, as one owner has them. */
int quorate_scan(struct quorate_client *client, const struct quorate_scan_options *options,
                 struct quorate_result **out);

int quorate_bucket_show(struct quorate_client *client, struct quorate_bytes bucket,
                        struct quorate_result **out);

/* Changes the properties named in `set` (QUORATE_BUCKET_*). */
int quorate_bucket_set(struct quorate_client *client, struct quorate_bytes bucket, unsigned set,
                       const struct quorate_bucket *properties, struct quorate_result **out);

/* Makes a cluster of nodes that see each other by gossip. Done once: QUORATE_CLUSTER_EXISTS
   after. */
int quorate_cluster_init(struct quorate_client *client,
                         const struct quorate_cluster_options *options,
                         struct quorate_result **out);

/* The topology and how its members stand, as one node sees it. */
int quorate_topology(struct quorate_client *client, struct quorate_result **out);

/* Asks one node, "host:port" (NULL: any endpoint), what it is doing; timeout_ms 0: the client's. */
int quorate_status(struct quorate_client *client, const char *address, uint32_t timeout_ms,
                   struct quorate_result **out);

/* The same, for whether and how fast it answers (elapsed_us). */
int quorate_ping(struct quorate_client *client, const char *address, uint32_t timeout_ms,
                 struct quorate_result **out);

/* Tells how it stands with the compaction of one node's tree, "host:port", and with `start` begins
   one when none runs: the node copies its tree into a file without holes beside its other work,
   which takes as much room on its disk as the keys do. It returns at once: ask again without
   `start` until the state is no longer QUORATE_COMPACTION_RUNNING. timeout_ms 0: the client's. */
int quorate_compact(struct quorate_client *client, const char *address, bool start,
                    uint32_t timeout_ms, struct quorate_result **out);

/* What one node holds itself, "host:port": its replicas from a shard on, and the keys of one of
   them in the order of their hashes. For comparing nodes: it may show what is not on stable
   storage yet. Both take timeout_ms 0: the client's. */
int quorate_replicas(struct quorate_client *client, const char *address, uint32_t first_shard,
                     uint32_t timeout_ms, struct quorate_result **out);
int quorate_held(struct quorate_client *client, const char *address,
                 const struct quorate_scan_options *options, struct quorate_result **out);

/* ---- calls on a loop ------------------------------------------------------------------------- */

/* What to call with the result. It is called exactly once, from the loop or from quorate_close,
   never before the *_start call has returned. `call` may be NULL. */
struct quorate_done {
    void (*call)(void *data, const struct quorate_result *result);
    void *data;
};

static inline struct quorate_done
quorate_done(void (*call)(void *data, const struct quorate_result *result), void *data)
{
    struct quorate_done done = {call, data};

    return done;
}

/* As the blocking calls of the same name. All failures go to the callback. */
void quorate_get_start(struct quorate_client *client, struct quorate_key key,
                       const struct quorate_get_options *options, struct quorate_done done);
void quorate_put_start(struct quorate_client *client, struct quorate_key key,
                       struct quorate_bytes value, const struct quorate_put_options *options,
                       struct quorate_done done);
void quorate_delete_start(struct quorate_client *client, struct quorate_key key,
                          const struct quorate_put_options *options, struct quorate_done done);
void quorate_scan_start(struct quorate_client *client, const struct quorate_scan_options *options,
                        struct quorate_done done);
void quorate_topology_start(struct quorate_client *client, struct quorate_done done);
void quorate_status_start(struct quorate_client *client, const char *address, uint32_t timeout_ms,
                          struct quorate_done done);

/* Requests that have not called back yet. */
size_t quorate_in_flight(const struct quorate_client *client);

#ifdef __cplusplus
}
#endif

#endif
