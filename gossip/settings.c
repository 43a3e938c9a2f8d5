// SPDX-License-Identifier: Apache-2.0
#include "gossip/settings.h"

#include "base/err.h"

enum {
    MEMBERS_MAX = 4096,
    DATAGRAM_SIZE = 1400,
    DATAGRAM_SIZE_MIN = 1280,  // the longest announcement must fit, or it would wait for ever
    DATAGRAM_SIZE_MAX = 65507, // what UDP over IPv4 carries
    STREAM_SIZE_MAX = 4 << 20,
    STREAMS_MAX = 64,
    RECLAIM_MS = 30000,
    MULT_MAX = 20,
    INTERVAL_MAX_MS = 600 * 1000,
    TIME_MAX_MS = 3600 * 1000
};

static const struct swim_timing timings[] = {
    [SWIM_LAN] = {.stream_timeout_ms = 10000,
                  .probe_interval_ms = 1000,
                  .probe_timeout_ms = 500,
                  .indirect_checks = 3,
                  .retransmit_mult = 4,
                  .suspicion_mult = 4,
                  .suspicion_max_mult = 6,
                  .awareness_max = 8,
                  .gossip_interval_ms = 200,
                  .gossip_nodes = 3,
                  .gossip_dead_ms = 30000,
                  .push_pull_ms = 30000,
                  .reclaim_ms = RECLAIM_MS},
    [SWIM_WAN] = {.stream_timeout_ms = 30000,
                  .probe_interval_ms = 5000,
                  .probe_timeout_ms = 3000,
                  .indirect_checks = 3,
                  .retransmit_mult = 4,
                  .suspicion_mult = 6,
                  .suspicion_max_mult = 6,
                  .awareness_max = 8,
                  .gossip_interval_ms = 500,
                  .gossip_nodes = 4,
                  .gossip_dead_ms = 60000,
                  .push_pull_ms = 60000,
                  .reclaim_ms = RECLAIM_MS},
    [SWIM_LOCAL] = {.stream_timeout_ms = 1000,
                    .probe_interval_ms = 1000,
                    .probe_timeout_ms = 200,
                    .indirect_checks = 1,
                    .retransmit_mult = 2,
                    .suspicion_mult = 3,
                    .suspicion_max_mult = 6,
                    .awareness_max = 8,
                    .gossip_interval_ms = 100,
                    .gossip_nodes = 3,
                    .gossip_dead_ms = 15000,
                    .push_pull_ms = 15000,
                    .reclaim_ms = RECLAIM_MS},
};

static const char *const profile_names[] = {
    [SWIM_LAN] = "lan",
    [SWIM_WAN] = "wan",
    [SWIM_LOCAL] = "local",
};

struct swim_timing swim_timing_of(enum swim_profile profile)
{
    return timings[profile];
}

int swim_profile_read(const char *text, enum swim_profile *out)
{
    for (unsigned i = 0; i < sizeof profile_names / sizeof profile_names[0]; i++) {
        if (strcmp(text, profile_names[i]) == 0) {
            *out = (enum swim_profile)i;
            return 0;
        }
    }
    return ERR_INVALID;
}

void swim_settings_init(struct swim_settings *settings, enum swim_profile profile)
{
    *settings = (struct swim_settings){
        .timing = swim_timing_of(profile),
        .members_max = MEMBERS_MAX,
        .datagram_size = DATAGRAM_SIZE,
        .stream_size_max = STREAM_SIZE_MAX,
        .streams_max = STREAMS_MAX,
    };
}

static bool within(uint32_t value, uint32_t min, uint32_t max)
{
    return value >= min && value <= max;
}

static bool timing_is_valid(const struct swim_timing *timing)
{
    return within(timing->stream_timeout_ms, 1, TIME_MAX_MS) &&
           within(timing->probe_interval_ms, 1, INTERVAL_MAX_MS) &&
           within(timing->probe_timeout_ms, 1, timing->probe_interval_ms) &&
           within(timing->indirect_checks, 0, MULT_MAX) &&
           within(timing->retransmit_mult, 1, MULT_MAX) &&
           within(timing->suspicion_mult, 1, MULT_MAX) &&
           within(timing->suspicion_max_mult, 1, MULT_MAX) &&
           within(timing->awareness_max, 1, MULT_MAX) &&
           within(timing->gossip_interval_ms, 1, TIME_MAX_MS) &&
           within(timing->gossip_nodes, 1, MULT_MAX) &&
           within(timing->gossip_dead_ms, 0, TIME_MAX_MS) &&
           within(timing->push_pull_ms, 0, TIME_MAX_MS) &&
           within(timing->reclaim_ms, 0, TIME_MAX_MS);
}

int swim_settings_verify(const struct swim_settings *settings)
{
    bool valid =
        settings->node_id != 0 && settings->address.size != 0 && settings->address.port != 0 &&
        timing_is_valid(&settings->timing) && within(settings->members_max, 1, 1 << 20) &&
        within(settings->datagram_size, DATAGRAM_SIZE_MIN, DATAGRAM_SIZE_MAX) &&
        within(settings->stream_size_max, 4096, 64 << 20) && within(settings->streams_max, 1, 4096);

    if (settings->guard.keys.count && !settings->entropy.fill)
        valid = false;
    if (!valid)
        return ERR_INVALID;
    return settings->meta.size > SWIM_META_MAX ? ERR_TOO_LARGE : 0;
}
