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

#define AT(field) offsetof(struct swim_timing, field)

const struct swim_knob swim_knobs[] = {
    {"stream-timeout", AT(stream_timeout_ms), true, 1, TIME_MAX_MS},
    {"probe-interval", AT(probe_interval_ms), true, 1, INTERVAL_MAX_MS},
    {"probe-timeout", AT(probe_timeout_ms), true, 1, INTERVAL_MAX_MS},
    {"indirect-checks", AT(indirect_checks), false, 0, MULT_MAX},
    {"retransmit-mult", AT(retransmit_mult), false, 1, MULT_MAX},
    {"suspicion-mult", AT(suspicion_mult), false, 1, MULT_MAX},
    {"suspicion-max-mult", AT(suspicion_max_mult), false, 1, MULT_MAX},
    {"awareness-max", AT(awareness_max), false, 1, MULT_MAX},
    {"gossip-interval", AT(gossip_interval_ms), true, 1, TIME_MAX_MS},
    {"gossip-nodes", AT(gossip_nodes), false, 1, MULT_MAX},
    {"gossip-dead", AT(gossip_dead_ms), true, 0, TIME_MAX_MS},
    {"push-pull", AT(push_pull_ms), true, 0, TIME_MAX_MS},
    {"reclaim", AT(reclaim_ms), true, 0, TIME_MAX_MS},
    {0},
};

const struct swim_knob *swim_knob_find(struct slice name)
{
    for (const struct swim_knob *knob = swim_knobs; knob->name; knob++) {
        if (slice_is(name, knob->name))
            return knob;
    }
    return NULL;
}

static uint32_t *place_of(const struct swim_knob *knob, struct swim_timing *timing)
{
    return (uint32_t *)(void *)((char *)timing + knob->offset);
}

uint32_t swim_knob_get(const struct swim_knob *knob, const struct swim_timing *timing)
{
    struct swim_timing copy = *timing;

    return *place_of(knob, &copy);
}

void swim_knob_set(const struct swim_knob *knob, struct swim_timing *timing, uint32_t value)
{
    *place_of(knob, timing) = value;
}

bool swim_timing_is_valid(const struct swim_timing *timing)
{
    for (const struct swim_knob *knob = swim_knobs; knob->name; knob++) {
        uint32_t value = swim_knob_get(knob, timing);

        if (value < knob->min || value > knob->max)
            return false;
    }
    return timing->probe_timeout_ms <= timing->probe_interval_ms;
}

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
        .tells_suspects = true,
        .doubts = true,
    };
}

static bool within(uint32_t value, uint32_t min, uint32_t max)
{
    return value >= min && value <= max;
}

int swim_settings_verify(const struct swim_settings *settings)
{
    bool valid =
        settings->node_id != 0 && settings->address.size != 0 && settings->address.port != 0 &&
        swim_timing_is_valid(&settings->timing) && within(settings->members_max, 1, 1 << 20) &&
        within(settings->datagram_size, DATAGRAM_SIZE_MIN, DATAGRAM_SIZE_MAX) &&
        within(settings->stream_size_max, 4096, 64 << 20) && within(settings->streams_max, 1, 4096);

    if (settings->guard.keys.count && !settings->entropy.fill)
        valid = false;
    if (!valid)
        return ERR_INVALID;
    return settings->meta.size > SWIM_META_MAX ? ERR_TOO_LARGE : 0;
}
