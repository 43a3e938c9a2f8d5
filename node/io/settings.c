// SPDX-License-Identifier: Apache-2.0
#include "node/io/settings.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

#define AT(field) offsetof(struct settings, field)
#define KIB       ((uint64_t)1 << 10)
#define MIB       ((uint64_t)1 << 20)
#define GIB       ((uint64_t)1 << 30)
#define SECOND    ((uint64_t)1000)

// The order is the one of the help. Limits of sizes are what the parts behind them can hold.
const struct setting settings_table[] = {
    {"data", "DIR", SETTING_TEXT, AT(data), 0, 0, NULL, true, "Keep everything in DIR (required)"},
    {"name", "NAME", SETTING_LABEL, AT(name), 0, 0, NULL, true,
     "Name shown to people (default: host name)"},
    {"listen", "HOST:PORT", SETTING_ENDPOINT, AT(listen), 0, 0, "127.0.0.1:7400", true,
     "Serve clients here"},
    {"gossip", "HOST:PORT", SETTING_ENDPOINT, AT(gossip), 0, 0, "127.0.0.1:7401", true,
     "Gossip here, UDP and TCP"},
    {"peer", "HOST:PORT", SETTING_ENDPOINT, AT(peer), 0, 0, NULL, true,
     "Serve other nodes here (host of listen, any port)"},
    {"join", "HOST:PORT", SETTING_JOIN, AT(join), 0, 0, NULL, true,
     "Join the ring by this gossip address; repeatable"},
    {"zone", "ZONE", SETTING_LABEL, AT(zone), 0, 0, NULL, true, "Keep copies in different zones"},
    {"host", "LABEL", SETTING_LABEL, AT(host), 0, 0, NULL, true,
     "Never two copies on one host (default: this node)"},
    {"weight", "N", SETTING_NUMBER, AT(weight), 0, 10000, "100", true,
     "Share of the load; 0 owns nothing"},
    {"durability", "MODE", SETTING_DURABILITY, AT(durability), 0, 0, "sync", true,
     "sync, or interval=MS: may lose that much"},
    {"gossip-profile", "NAME", SETTING_PROFILE, AT(profile), 0, 0, "lan", true,
     "Timings: lan, wan or local"},
    {"gossip-key", "FILE", SETTING_TEXT, AT(gossip_keys), 0, 0, NULL, true,
     "Encrypt gossip; base64 keys, the first one seals"},
    {"gossip-label", "TEXT", SETTING_RING_LABEL, AT(gossip_label), 0, 0, NULL, true,
     "Ignore gossip without this label"},
    {"config", "FILE", SETTING_TEXT, AT(config), 0, 0, NULL, true,
     "Read settings from FILE; the command line wins"},
    {"port-file", "FILE", SETTING_TEXT, AT(port_file), 0, 0, NULL, true,
     "Write the addresses in use to FILE once ready"},

    {"advertise", "HOST", SETTING_HOST, AT(advertise), 0, 0, NULL, false,
     "Host or IP address that others reach this node at, when it listens on 0.0.0.0 or ::"},
    {"gossip-verify", "MODE", SETTING_VERIFY, AT(verify), 0, 0, "both", false,
     "With a key: both (encrypt, read nothing else), outgoing (read plain too), none (send plain)"},
    {"gossip-timing", "NAME=VALUE", SETTING_KNOB, AT(knobs), 0, 0, NULL, false,
     "One timing instead of the profile's, like probe-interval=500ms; repeatable"},
    {"gossip-compress", "yes|no", SETTING_SWITCH, AT(compress), 0, 0, "yes", false,
     "Compress what gossip sends"},
    {"gossip-serf", "yes|no", SETTING_SWITCH, AT(serf), 0, 0, "no", false,
     "Gossip as Serf agents do, to share their ring; all nodes or none"},
    {"value-max", "SIZE", SETTING_SIZE, AT(value_max), 1, 512 * MIB, "8M", false,
     "Largest value of a put"},
    {"siblings-max", "N", SETTING_NUMBER, AT(siblings_max), 1, 10000, "100", false,
     "Refuse writes without a token beside so many siblings"},
    {"connections-max", "N", SETTING_NUMBER, AT(connections_max), 1, 1 << 20, "4096", false,
     "Client connections at a time"},
    {"in-flight-max", "N", SETTING_NUMBER, AT(in_flight_max), 1, 1 << 16, "256", false,
     "Requests in flight of one connection; then it is not read from"},
    {"operations-max", "N", SETTING_NUMBER, AT(operations_max), 1, 1 << 20, "16384", false,
     "Requests in flight of all connections; then OVERLOADED"},
    {"memory-max", "SIZE", SETTING_SIZE, AT(memory_max), 64 * KIB, 1024 * GIB, "256M", false,
     "Memory held for requests in flight; then OVERLOADED"},
    {"buffers-max", "SIZE", SETTING_SIZE, AT(buffers_max), 64 * KIB, 1024 * GIB, "256M", false,
     "Memory of the buffers of all client connections; then OVERLOADED"},
    {"output-max", "SIZE", SETTING_SIZE, AT(output_max), 4 * KIB, 1024 * GIB, "32M", false,
     "Unread answers of one connection; then OVERLOADED"},
    {"link-queue-max", "SIZE", SETTING_SIZE, AT(link_queue_max), 64 * KIB, 1024 * GIB, "64M", false,
     "Unsent messages to one peer; then they are dropped"},
    {"sync-log-max", "SIZE", SETTING_SIZE, AT(sync_log_max), 64 * KIB, 64 * GIB, "64M", false,
     "Memory for which write belongs to which key, until all owners have it; then they fill"},
    {"repair-rate", "SIZE", SETTING_SIZE, AT(repair_rate), 64 * KIB, 1024 * GIB, "64M", false,
     "Bytes a second of repair at most; it gives way to requests"},
    {"repair-keys", "N", SETTING_NUMBER, AT(repair_keys), 100, 1 << 30, "50000", false,
     "Keys a second of repair at most"},
    {"stall-timeout", "TIME", SETTING_MS, AT(stall_ms), 10, 3600 * SECOND, "10s", false,
     "Cut clients that do not finish a request or do not read their answers"},
    {"link-timeout", "TIME", SETTING_MS, AT(link_stall_ms), 10, 3600 * SECOND, "5s", false,
     "Cut links to peers that take nothing for so long"},
    {"drain-timeout", "TIME", SETTING_MS, AT(drain_ms), 0, 3600 * SECOND, "5s", false,
     "Time to finish requests when told to stop"},
    {"hedge-min", "TIME", SETTING_MS, AT(hedge_min_ms), 0, 60 * SECOND, "1", false,
     "Ask one more replica of a read no earlier than this"},
    {"log-segment", "SIZE", SETTING_SIZE, AT(log_segment), 64 * KIB, 4 * GIB, "16M", false,
     "Size of a segment of the write-ahead log"},
    {"memtable", "SIZE", SETTING_SIZE, AT(memtable), 64 * KIB, 64 * GIB, "32M", false,
     "Writes collected in memory before a checkpoint"},
    {"map-initial", "SIZE", SETTING_SIZE, AT(map_initial), 64 * KIB, 1024 * GIB, "1G", false,
     "Address space of the tree at first; it grows by itself"},
    {0},
};

void settings_init(struct settings *settings)
{
    const struct setting *setting;
    struct buffer why = {0};
    int err;

    memset(settings, 0, sizeof *settings);
    for (setting = settings_table; setting->name; setting++) {
        if (!setting->fallback)
            continue;
        err = settings_set(settings, setting, setting->fallback, &why);
        check(err == 0);
    }
    gethostname(settings->name, sizeof settings->name - 1);
    if (!text_is_printable(slice_of_text(settings->name)) || !settings->name[0])
        memcpy(settings->name, "node", sizeof "node");
    buffer_done(&why);
}

void settings_done(struct settings *settings)
{
    free(settings->data);
    free(settings->config);
    free(settings->port_file);
    free(settings->gossip_keys);
    memset(settings, 0, sizeof *settings);
}

const struct setting *settings_find(const char *name)
{
    const struct setting *setting;

    for (setting = settings_table; setting->name; setting++)
        if (strcmp(setting->name, name) == 0)
            return setting;
    return NULL;
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

// Levenshtein's distance, one row at a time; names are short.
static unsigned edits(const char *a, const char *b)
{
    unsigned row[64], diagonal, above;
    size_t i, k, size = strlen(b);

    if (size >= 64)
        return UINT32_MAX;
    for (k = 0; k <= size; k++)
        row[k] = (unsigned)k;
    for (i = 1; a[i - 1]; i++) {
        diagonal = row[0];
        row[0] = (unsigned)i;
        for (k = 1; k <= size; k++) {
            above = row[k];
            row[k] = smaller(smaller(above, row[k - 1]) + 1, diagonal + (a[i - 1] != b[k - 1]));
            diagonal = above;
        }
    }
    return row[size];
}

const char *settings_nearest(const char *name)
{
    const struct setting *setting;
    const char *nearest = NULL;
    unsigned least = 4, distance;

    if (strlen(name) >= 64)
        return NULL;
    for (setting = settings_table; setting->name; setting++) {
        distance = edits(name, setting->name);
        if (distance < least && distance < strlen(setting->name)) {
            least = distance;
            nearest = setting->name;
        }
    }
    return nearest;
}

int settings_read_size(const char *text, uint64_t *out)
{
    static const char *const units[] = {"", "k", "m", "g", "t"};
    uint64_t value = 0, digit;
    const char *at = text;
    unsigned unit;
    size_t size;

    for (; isdigit((unsigned char)*at); at++) {
        digit = (uint64_t)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return ERR_INVALID;
        value = value * 10 + digit;
    }
    if (at == text)
        return ERR_INVALID;
    for (unit = 0; unit < 5; unit++) {
        size = strlen(units[unit]);
        if (strncasecmp(at, units[unit], size) != 0)
            continue;
        if (at[size] && strcasecmp(at + size, "B") != 0 &&
            (unit == 0 || strcasecmp(at + size, "iB") != 0))
            continue;
        if (value > UINT64_MAX >> (10 * unit))
            return ERR_INVALID;
        *out = value << (10 * unit);
        return 0;
    }
    return ERR_INVALID;
}

static int set_label(char *at, const char *text, size_t max, struct buffer *why)
{
    if (strlen(text) > max || !text_is_printable(slice_of_text(text))) {
        buffer_add_format(why, "at most %zu bytes without control characters", max);
        return ERR_INVALID;
    }
    memcpy(at, text, strlen(text) + 1);
    return 0;
}

static int set_endpoint(struct endpoint *at, const char *text, struct buffer *why)
{
    struct endpoint read = {.given = true};

    if (text_read_address(text, 0, read.host, &read.port)) {
        buffer_add_format(why, "HOST:PORT or [IPV6]:PORT");
        return ERR_INVALID;
    }
    *at = read;
    return 0;
}

static int set_join(struct settings *settings, const char *text, struct buffer *why)
{
    int err;

    if (settings->join_count == SETTINGS_JOIN_MAX) {
        buffer_add_format(why, "at most %d addresses", SETTINGS_JOIN_MAX);
        return ERR_INVALID;
    }
    err = set_endpoint(&settings->join[settings->join_count], text, why);
    if (err)
        return err;
    if (settings->join[settings->join_count].port == 0) {
        buffer_add_format(why, "a port of another node's --gossip");
        return ERR_INVALID;
    }
    settings->join_count++;
    return 0;
}

static void add_number(struct buffer *why, const struct setting *setting, uint64_t value)
{
    if (setting->kind == SETTING_SIZE)
        text_add_bytes(why, value);
    else
        buffer_add_format(why, "%llu", (unsigned long long)value);
}

static int set_number(uint64_t *at, const struct setting *setting, const char *text,
                      struct buffer *why)
{
    uint64_t value;
    int err;

    if (setting->kind == SETTING_SIZE)
        err = settings_read_size(text, &value);
    else if (setting->kind == SETTING_MS)
        err = text_read_ms(text, &value);
    else
        err = text_read_u64(text, 0, UINT64_MAX, &value);
    if (err == 0 && value >= setting->min && value <= setting->max) {
        *at = value;
        return 0;
    }
    buffer_add_format(why, "%s",
                      setting->kind == SETTING_SIZE ? "a size like 64M, from "
                      : setting->kind == SETTING_MS ? "a time like 500ms or 10s, in ms from "
                                                    : "a whole number from ");
    add_number(why, setting, setting->min);
    buffer_add_format(why, " to ");
    add_number(why, setting, setting->max);
    return ERR_INVALID;
}

static int set_durability(struct durability *at, const char *text, struct buffer *why)
{
    static const char interval[] = "interval=";
    uint64_t ms = 0;

    if (strlen(text) < sizeof at->text) {
        if (strcmp(text, "sync") == 0)
            goto good;
        if (strncmp(text, interval, sizeof interval - 1) == 0 &&
            text_read_ms(text + sizeof interval - 1, &ms) == 0 && ms >= 1 && ms <= 60 * SECOND)
            goto good;
    }
    buffer_add_format(why, "sync, or interval=MS from 1 to 60000");
    return ERR_INVALID;
good:
    at->interval_ms = (uint32_t)ms;
    memcpy(at->text, text, strlen(text) + 1);
    return 0;
}

static void add_knobs(struct buffer *why)
{
    const struct swim_knob *knob;

    buffer_add_format(why, "NAME=VALUE, with a name of");
    for (knob = swim_knobs; knob->name; knob++)
        buffer_add_format(why, " %s", knob->name);
}

static int set_knob(struct settings *settings, const char *text, struct buffer *why)
{
    size_t size = strcspn(text, "=");
    const struct swim_knob *knob = swim_knob_find(slice_of(text, size));
    uint64_t value;
    int err;

    if (!knob || !text[size]) {
        add_knobs(why);
        return ERR_INVALID;
    }
    if (settings->knob_count == SETTINGS_KNOBS_MAX) {
        buffer_add_format(why, "at most %d", SETTINGS_KNOBS_MAX);
        return ERR_INVALID;
    }
    err = knob->is_time ? text_read_ms(text + size + 1, &value)
                        : text_read_u64(text + size + 1, 0, UINT32_MAX, &value);
    if (err || value < knob->min || value > knob->max) {
        buffer_add_format(why, "%s from %u to %u%s", knob->name, knob->min, knob->max,
                          knob->is_time ? " ms" : "");
        return ERR_INVALID;
    }
    settings->knobs[settings->knob_count++] = (struct knob){knob, (uint32_t)value};
    return 0;
}

struct swim_timing settings_timing(const struct settings *settings)
{
    struct swim_timing timing = swim_timing_of(settings->profile);
    size_t i;

    for (i = 0; i < settings->knob_count; i++)
        swim_knob_set(settings->knobs[i].which, &timing, settings->knobs[i].value);
    return timing;
}

// The place of a word among `count` of them; they are listed when it is none.
static int read_word(const char *text, const char *const *words, size_t count, size_t *out,
                     struct buffer *why)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = i;
            return 0;
        }
    }
    for (i = 0; i < count; i++)
        buffer_add_format(why, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", words[i]);
    return ERR_INVALID;
}

static int set_verify(enum verify *at, const char *text, struct buffer *why)
{
    static const char *const words[] = {
        [VERIFY_BOTH] = "both", [VERIFY_OUTGOING] = "outgoing", [VERIFY_NONE] = "none"};
    size_t place;
    int err = read_word(text, words, sizeof words / sizeof words[0], &place, why);

    if (err == 0)
        *at = (enum verify)place;
    return err;
}

static int set_switch(bool *at, const char *text, struct buffer *why)
{
    static const char *const words[] = {"no", "yes"};
    size_t place;
    int err = read_word(text, words, sizeof words / sizeof words[0], &place, why);

    if (err == 0)
        *at = place == 1;
    return err;
}

static int set_text(char **at, const char *text, struct buffer *why)
{
    if (!text[0]) {
        buffer_add_format(why, "a path");
        return ERR_INVALID;
    }
    free(*at);
    *at = memory_text(text);
    return 0;
}

static int set_value(struct settings *settings, const struct setting *setting, const char *text,
                     struct buffer *why)
{
    void *at = (char *)settings + setting->offset;

    switch (setting->kind) {
    case SETTING_TEXT:
        return set_text(at, text, why);
    case SETTING_LABEL:
        return set_label(at, text, SETTINGS_LABEL_MAX, why);
    case SETTING_HOST:
        return set_label(at, text, 253, why);
    case SETTING_ENDPOINT:
        return set_endpoint(at, text, why);
    case SETTING_JOIN:
        return set_join(settings, text, why);
    case SETTING_NUMBER:
    case SETTING_SIZE:
    case SETTING_MS:
        return set_number(at, setting, text, why);
    case SETTING_DURABILITY:
        return set_durability(at, text, why);
    case SETTING_PROFILE:
        if (swim_profile_read(text, at) == 0)
            return 0;
        buffer_add_format(why, "lan, wan or local");
        return ERR_INVALID;
    case SETTING_KNOB:
        return set_knob(settings, text, why);
    case SETTING_RING_LABEL:
        return set_label(at, text, GUARD_LABEL_MAX, why);
    case SETTING_VERIFY:
        return set_verify(at, text, why);
    case SETTING_SWITCH:
        return set_switch(at, text, why);
    }
    return ERR_INTERNAL;
}

int settings_set(struct settings *settings, const struct setting *setting, const char *text,
                 struct buffer *why)
{
    struct buffer wanted = {0};
    int err = set_value(settings, setting, text, &wanted);

    if (err) {
        buffer_add_format(why, "%s: ", setting->name);
        text_add_shown(why, slice_of_text(text));
        buffer_add_format(why, " is refused: give %.*s", (int)wanted.size, (char *)wanted.data);
    }
    buffer_done(&wanted);
    return err;
}

int settings_verify(const struct settings *settings, struct buffer *why)
{
    struct swim_timing timing = settings_timing(settings);

    if (!settings->data)
        buffer_add_format(why, "--data DIR is missing: the directory to keep everything in");
    else if (!settings->name[0])
        buffer_add_format(why, "name: is empty: leave it out for the host name");
    else if (settings->buffers_max < settings->value_max)
        buffer_add_format(why, "buffers-max: must not be less than value-max");
    else if (settings->memory_max < settings->value_max)
        buffer_add_format(why, "memory-max: must not be less than value-max");
    else if (settings->link_queue_max < settings->value_max)
        buffer_add_format(why, "link-queue-max: must not be less than value-max");
    else if (!swim_timing_is_valid(&timing))
        buffer_add_format(why, "gossip-timing: probe-timeout must not be more than probe-interval");
    else
        return 0;
    return ERR_INVALID;
}
