// SPDX-License-Identifier: Apache-2.0
// The settings of a node: one table drives the command line, the configuration file, the help and
// the defaults, so that they cannot disagree. Everything a person can set is a row of it.
#ifndef NODE_IO_SETTINGS_H
#define NODE_IO_SETTINGS_H

#include "base/buffer.h"
#include "gossip/settings.h"

enum {
    SETTINGS_JOIN_MAX = 32,  // addresses to join by
    SETTINGS_LABEL_MAX = 63, // bytes of a name, zone or host label
    SETTINGS_HOST_MAX = 255,
    SETTINGS_KNOBS_MAX = 32 // timings of gossip given one by one
};

// How far keys of gossip are in use: so they come into a ring that runs without them.
enum verify {
    VERIFY_BOTH,     // everything is encrypted, and nothing else is read
    VERIFY_OUTGOING, // everything is encrypted, what is not is read too
    VERIFY_NONE      // nothing is encrypted, both are read
};

// Where to listen or whom to call, as given: the host may be a name, port 0 means any free one.
struct endpoint {
    char host[SETTINGS_HOST_MAX + 1];
    uint16_t port;
    bool given; // false: neither given nor a default
};

// A timing of gossip that is not the profile's.
struct knob {
    const struct swim_knob *which;
    uint32_t value;
};

struct durability {
    uint32_t interval_ms; // 0: sync, an acknowledgement means on stable storage
    char text[32];        // as given: "sync", "interval=1000"
};

struct settings {
    char *data;
    char name[SETTINGS_LABEL_MAX + 1];
    char zone[SETTINGS_LABEL_MAX + 1];
    char host[SETTINGS_LABEL_MAX + 1]; // empty: the node's id stands for it
    uint64_t weight;
    struct endpoint listen;
    struct endpoint gossip;
    struct endpoint peer; // not given: the host of `listen`, any free port
    struct endpoint join[SETTINGS_JOIN_MAX];
    size_t join_count;
    char advertise[SETTINGS_HOST_MAX + 1]; // host that others reach us at; empty: the one bound
    struct durability durability;
    enum swim_profile profile;
    struct knob knobs[SETTINGS_KNOBS_MAX];
    size_t knob_count;
    char *gossip_keys; // file; NULL: nothing is encrypted
    char gossip_label[GUARD_LABEL_MAX + 1];
    enum verify verify;
    bool compress;   // what gossip sends
    bool serf;       // gossip with Serf agents
    char *config;    // NULL: none
    char *port_file; // NULL: none

    // Bounds. Sizes in bytes, times in milliseconds.
    uint64_t value_max;
    uint64_t siblings_max;
    uint64_t connections_max;
    uint64_t in_flight_max;  // requests of one connection
    uint64_t operations_max; // requests of all connections
    uint64_t sync_log_max;   // of the dot log
    uint64_t repair_rate;    // bytes a second
    uint64_t repair_keys;    // a second
    uint64_t memory_max;     // held for requests in flight
    uint64_t buffers_max;    // what all client connections together may hold
    uint64_t output_max;     // unread answers of one connection
    uint64_t link_queue_max; // unsent messages to one peer
    uint64_t stall_ms;       // an unfinished request or an unread answer is cut after this
    uint64_t link_stall_ms;  // a peer that takes nothing for so long is cut off
    uint64_t drain_ms;       // to finish requests before exit
    uint64_t hedge_min_ms;
    uint64_t log_segment;
    uint64_t memtable;
    uint64_t map_initial;
};

enum setting_kind {
    SETTING_TEXT,       // char *, on the heap
    SETTING_LABEL,      // char[SETTINGS_LABEL_MAX + 1]
    SETTING_HOST,       // char[SETTINGS_HOST_MAX + 1]
    SETTING_ENDPOINT,   // struct endpoint
    SETTING_JOIN,       // adds to settings.join
    SETTING_NUMBER,     // uint64_t
    SETTING_SIZE,       // uint64_t, "64M"
    SETTING_MS,         // uint64_t, "10s"
    SETTING_DURABILITY, // struct durability
    SETTING_PROFILE,    // enum swim_profile
    SETTING_KNOB,       // adds to settings.knobs
    SETTING_RING_LABEL, // char[GUARD_LABEL_MAX + 1]
    SETTING_VERIFY,     // enum verify
    SETTING_SWITCH      // bool, "yes" or "no"
};

struct setting {
    const char *name; // as on the command line (without dashes) and in the file
    const char *argument;
    enum setting_kind kind;
    size_t offset; // in struct settings
    uint64_t min;  // of numbers, sizes, times
    uint64_t max;
    const char *fallback; // default, NULL: none
    bool common;          // shown by --help; the others by --settings
    const char *text;     // what it is for
};

// All rows; ends with a NULL name.
extern const struct setting settings_table[];

// Everything at its default.
void settings_init(struct settings *settings);
void settings_done(struct settings *settings);

const struct setting *settings_find(const char *name);

// The known name that differs least, NULL when none is close.
const char *settings_nearest(const char *name);

// Sets one value from its text. ERR_INVALID: `why` gets a sentence that quotes the text and says
// what would be accepted.
int settings_set(struct settings *settings, const struct setting *setting, const char *text,
                 struct buffer *why);

// What no single value can tell. ERR_INVALID with a sentence as above.
int settings_verify(const struct settings *settings, struct buffer *why);

// The timings of gossip: the profile's, with what was given one by one.
struct swim_timing settings_timing(const struct settings *settings);

// "64M", "1GiB", "1048576": bytes, powers of 1024. ERR_INVALID for anything else.
int settings_read_size(const char *text, uint64_t *out);

#endif
