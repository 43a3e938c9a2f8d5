// SPDX-License-Identifier: Apache-2.0
#include "node/data/message.h"

#include "base/check.h"
#include "base/err.h"

#include <assert.h>

// The second has a strict bucket: what is not strict is written as builds without strict buckets
// wrote it, so that each set of properties has one layout.
enum { PROPERTIES_VERSION = 1, PROPERTIES_STRICT = 2 };
enum { SHARDS_DEFAULT = 256, REPLICAS_DEFAULT = 3 };

static const char *const method_names[] = {
    [METHOD_PING] = "ping",
    [METHOD_GET] = "get",
    [METHOD_PUT] = "put",
    [METHOD_DELETE] = "delete",
    [METHOD_SCAN] = "scan",
    [METHOD_BUCKET_SET] = "bucket_set",
    [METHOD_BUCKET_SHOW] = "bucket_show",
    [METHOD_CLUSTER_INIT] = "cluster_init",
    [METHOD_TOPOLOGY] = "topology",
    [METHOD_STATUS] = "status",
    [METHOD_REPLICAS] = "replicas",
    [METHOD_HELD] = "held",
    [METHOD_COMPACT] = "compact",
};

#define WORD(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

static const struct slice kind_words[] = {
    [MESSAGE_APPLY] = WORD("apply"),
    [MESSAGE_APPLIED] = WORD("applied"),
    [MESSAGE_READ] = WORD("read"),
    [MESSAGE_OBJECT] = WORD("object"),
    [MESSAGE_FORWARD] = WORD("forward"),
    [MESSAGE_FORWARDED] = WORD("forwarded"),
    [MESSAGE_TOPOLOGY_GET] = WORD("topology_get"),
    [MESSAGE_TOPOLOGY] = WORD("topology"),
    [MESSAGE_PREPARE] = WORD("prepare"),
    [MESSAGE_PREPARED] = WORD("prepared"),
    [MESSAGE_COMMIT] = WORD("commit"),
    [MESSAGE_COMMITTED] = WORD("committed"),
    [MESSAGE_PROPERTIES] = WORD("properties"),
    [MESSAGE_OFFER] = WORD("offer"),
    [MESSAGE_NAME] = WORD("name"),
    [MESSAGE_NAMED] = WORD("named"),
    [MESSAGE_SYNC] = WORD("sync"),
    [MESSAGE_SYNCED] = WORD("synced"),
    [MESSAGE_FILL] = WORD("fill"),
    [MESSAGE_FILLED] = WORD("filled"),
};

static const char *const state_names[] = {
    [MEMBER_UNKNOWN] = "unknown", [MEMBER_ALIVE] = "alive", [MEMBER_SUSPECT] = "suspect",
    [MEMBER_DEAD] = "dead",       [MEMBER_LEFT] = "left",
};

static_assert(sizeof method_names / sizeof *method_names == METHOD_COUNT, "a name per method");
static_assert(sizeof kind_words / sizeof *kind_words == MESSAGE_KIND_COUNT, "a name per kind");
static_assert(sizeof state_names / sizeof *state_names == MEMBER_LEFT + 1, "a name per state");

const char *method_name(enum method method)
{
    check(method < METHOD_COUNT);
    return method_names[method];
}

const char *method_title(enum method method)
{
    switch (method) {
    case METHOD_BUCKET_SET:
        return "bucket set";
    case METHOD_BUCKET_SHOW:
        return "bucket show";
    case METHOD_CLUSTER_INIT:
        return "cluster init";
    default:
        return method_name(method);
    }
}

struct slice message_word(enum message_kind kind)
{
    check(kind < MESSAGE_KIND_COUNT);
    return kind_words[kind];
}

const char *message_name(enum message_kind kind)
{
    return (const char *)message_word(kind).data;
}

const char *member_state_name(enum member_state state)
{
    check(state <= MEMBER_LEFT);
    return state_names[state];
}

int level_resolve(int level, uint32_t replicas)
{
    uint32_t number = level < 0 ? 0 : (uint32_t)level;

    check(replicas <= REPLICAS_MAX);
    if (level == LEVEL_ONE)
        number = 1;
    else if (level == LEVEL_QUORUM)
        number = replicas / 2 + 1;
    else if (level == LEVEL_ALL)
        number = replicas;
    else if (level < 0)
        return -1;
    return number <= replicas ? (int)number : -1;
}

int level_read(struct slice text, int *out_level)
{
    int number = 0;

    if (slice_is(text, "one"))
        number = LEVEL_ONE;
    else if (slice_is(text, "quorum"))
        number = LEVEL_QUORUM;
    else if (slice_is(text, "all"))
        number = LEVEL_ALL;
    else if (text.size != 1 || text.data[0] < '0' || text.data[0] > '0' + REPLICAS_MAX)
        return ERR_INVALID;
    else
        number = text.data[0] - '0';
    *out_level = number;
    return 0;
}
static_assert(REPLICAS_MAX < 10, "level_read takes one digit");

const struct bucket_properties bucket_properties_default = {
    .r = LEVEL_DEFAULT, .w = LEVEL_DEFAULT, .pr = LEVEL_DEFAULT, .pw = LEVEL_DEFAULT};

void bucket_properties_encode(const struct bucket_properties *properties, struct buffer *out)
{
    buffer_add_u8(out, properties->strict ? PROPERTIES_STRICT : PROPERTIES_VERSION);
    buffer_add_u8(out, (uint8_t)properties->conflict);
    buffer_add_u8(out, (uint8_t)properties->r);
    buffer_add_u8(out, (uint8_t)properties->w);
    buffer_add_u8(out, (uint8_t)properties->pr);
    buffer_add_u8(out, (uint8_t)properties->pw);
    buffer_add_varint(out, properties->ttl_ms);
}

static int stored_level(struct reader *reader)
{
    int level = (int8_t)reader_u8(reader);

    if (level < LEVEL_ALL || level > REPLICAS_MAX)
        reader->failed = true;
    return level;
}

int bucket_properties_decode(struct slice bytes, struct bucket_properties *out)
{
    struct reader reader = reader_of(bytes);
    struct bucket_properties properties;
    uint8_t version = reader_u8(&reader);
    uint8_t conflict = reader_u8(&reader);

    properties.conflict = conflict == CONFLICT_LWW ? CONFLICT_LWW : CONFLICT_SIBLINGS;
    properties.r = stored_level(&reader);
    properties.w = stored_level(&reader);
    properties.pr = stored_level(&reader);
    properties.pw = stored_level(&reader);
    properties.ttl_ms = reader_varint(&reader);
    properties.strict = version == PROPERTIES_STRICT;
    if ((version != PROPERTIES_VERSION && version != PROPERTIES_STRICT) ||
        conflict > CONFLICT_LWW || properties.ttl_ms > TTL_MS_MAX || !reader_finished(&reader))
        return ERR_PROTOCOL;
    *out = properties;
    return 0;
}

void request_init(struct request *request, enum method method)
{
    *request = (struct request){.method = method,
                                .r = LEVEL_DEFAULT,
                                .w = LEVEL_DEFAULT,
                                .pr = LEVEL_DEFAULT,
                                .pw = LEVEL_DEFAULT,
                                .properties = bucket_properties_default,
                                .shards = SHARDS_DEFAULT,
                                .replicas = REPLICAS_DEFAULT};
}
