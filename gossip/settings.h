// SPDX-License-Identifier: Apache-2.0
// The knobs of the membership machine: timings by profile, and limits.
#ifndef GOSSIP_SETTINGS_H
#define GOSSIP_SETTINGS_H

#include "gossip/address.h"
#include "gossip/guard.h"

enum { SWIM_META_MAX = 512, SWIM_NAME_MAX = 128 };

// Times in milliseconds. Each is a knob by its name, with - for _ and without _ms. The defaults are
// those of hashicorp/memberlist, so that a mixed ring detects failures alike, but for reclaim_ms
// (there 0, here 30 s).
//
//                       lan     wan     local
// stream_timeout_ms    10000   30000    1000   whole exchange over one stream
// probe_interval_ms     1000    5000    1000   one probe per interval, times (health score + 1)
// probe_timeout_ms       500    3000     200   before helpers are asked; not scaled
// indirect_checks          3       3       1   k, the number of helpers
// retransmit_mult          4       4       2   sends of one broadcast = this * ceil(log10(n + 1))
// suspicion_mult           4       6       3   minimum = this * max(1, log10 n) * probe interval
// suspicion_max_mult       6       6       6   maximum = this * minimum
// awareness_max            8       8       8   the health score stays below this
// gossip_interval_ms     200     500     100
// gossip_nodes             3       4       3   receivers per gossip interval
// gossip_dead_ms       30000   60000   15000   the dead get gossip this long, then are forgotten
// push_pull_ms         30000   60000   15000   full exchange with one random member; grows above
//                                              32 members
// reclaim_ms           30000   30000   30000   dead this long: the name may come back elsewhere
struct swim_timing {
    uint32_t stream_timeout_ms;
    uint32_t probe_interval_ms;
    uint32_t probe_timeout_ms;
    uint32_t indirect_checks;
    uint32_t retransmit_mult;
    uint32_t suspicion_mult;
    uint32_t suspicion_max_mult;
    uint32_t awareness_max;
    uint32_t gossip_interval_ms;
    uint32_t gossip_nodes;
    uint32_t gossip_dead_ms;
    uint32_t push_pull_ms; // 0: never (tests)
    uint32_t reclaim_ms;   // 0: never
};

enum swim_profile { SWIM_LAN, SWIM_WAN, SWIM_LOCAL };

struct swim_timing swim_timing_of(enum swim_profile profile);

// "lan", "wan", "local"; ERR_INVALID for anything else.
int swim_profile_read(const char *text, enum swim_profile *out);

// The knobs by name: "probe-interval", "suspicion-mult", ...
struct swim_knob {
    const char *name; // NULL ends the table
    size_t offset;    // of a uint32_t in struct swim_timing
    bool is_time;     // in milliseconds
    uint32_t min;
    uint32_t max;
};
extern const struct swim_knob swim_knobs[];

// NULL when there is none.
const struct swim_knob *swim_knob_find(struct slice name);

uint32_t swim_knob_get(const struct swim_knob *knob, const struct swim_timing *timing);
void swim_knob_set(const struct swim_knob *knob, struct swim_timing *timing, uint32_t value);

// False when a value lies outside of its knob's limits, or a probe waits longer than its interval.
bool swim_timing_is_valid(const struct swim_timing *timing);

// Random bytes nobody can guess, from the operating system: the machine's own generator is seeded,
// and a nonce that repeats gives the key away (keyring.h). Asked while something is encrypted, and
// for nothing else; what the machine decides never depends on it.
struct swim_entropy {
    void (*fill)(void *data, uint8_t *out, size_t size);
    void *data;
};

struct swim_settings {
    uint64_t node_id;            // not 0; its 16 hex digits are the member's name
    struct swim_address address; // announced to the others; port not 0
    uint64_t seed;               // of all random choices; another one for each node and start
    struct slice meta;           // copied; at most 512 bytes
    struct swim_timing timing;
    uint32_t members_max;        // further members are refused and counted
    uint32_t datagram_size;      // budget of one datagram, 1280..65507
    uint32_t stream_size_max;    // bytes of one stream, also after decompression
    uint32_t streams_max;        // accepted streams at a time
    uint8_t delegate_version[3]; // min, max, current: 0 0 0 for plain rings, 2 5 4 for Serf's
    struct guard guard;          // label and keys; zeroed: neither
    struct swim_entropy entropy; // needed with keys
    bool compress;               // datagrams when it makes them smaller, and all on streams
    // For experiments on what they are good for; else on.
    bool tells_suspects; // with a ping that they are suspected (Lifeguard's buddy system)
    bool doubts; // itself before it accuses many (probe.c), and deaths of whom it heard (rules.c)
};

// Everything set to its default; node_id, address, seed and meta are left to the caller.
void swim_settings_init(struct swim_settings *settings, enum swim_profile profile);

// ERR_INVALID when a value lies outside what is stated above.
int swim_settings_verify(const struct swim_settings *settings);

#endif
