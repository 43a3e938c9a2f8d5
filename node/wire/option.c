// SPDX-License-Identifier: Apache-2.0
#include "node/wire/option.h"

#include "base/err.h"
#include "base/pack.h"
#include "base/text.h"
#include "node/wire/value.h"

enum option_type {
    OPTION_LEVEL,
    OPTION_FLAG,
    OPTION_U32,
    OPTION_U64,
    OPTION_BYTES,
    OPTION_TOKEN,
    OPTION_BLIND,
    OPTION_CONFLICT
};

struct option {
    const char *name;
    uint32_t methods; // bit per enum method
    enum option_type type;
    size_t place; // in struct request
    uint64_t max; // of a number
    uint32_t set; // BUCKET_SET_*: written when request.set has it, and notes there that it came
};

#define M(method)     (1u << METHOD_##method)
#define PLACE(member) offsetof(struct request, member)
#define M_WRITES      (M(PUT) | M(DELETE))
#define M_INSTANT     (M(PING) | M(TOPOLOGY) | M(STATUS) | M(REPLICAS) | M(HELD) | M(COMPACT))

static const struct option options[] = {
    {"r", M(GET), OPTION_LEVEL, PLACE(r), 0, 0},
    {"w", M_WRITES, OPTION_LEVEL, PLACE(w), 0, 0},
    {"pr", M(GET), OPTION_LEVEL, PLACE(pr), 0, 0},
    {"pw", M_WRITES, OPTION_LEVEL, PLACE(pw), 0, 0},
    {"strict", M(GET) | M_WRITES, OPTION_FLAG, PLACE(strict), 0, 0},
    {"context", M_WRITES, OPTION_TOKEN, PLACE(token), 0, 0},
    {"blind", M_WRITES, OPTION_BLIND, PLACE(blind), 0, 0},
    {"ttl_ms", M(PUT), OPTION_U64, PLACE(ttl_ms), TTL_MS_MAX, 0},
    {"timeout_ms", ~M_INSTANT, OPTION_U32, PLACE(timeout_ms), TIMEOUT_MS_MAX, 0},
    {"explain", M(GET) | M_WRITES, OPTION_FLAG, PLACE(explain), 0, 0},
    {"after", M(SCAN) | M(HELD), OPTION_BYTES, PLACE(after), 0, 0},
    {"items", M(SCAN) | M(REPLICAS) | M(HELD), OPTION_U32, PLACE(items_max), SCAN_ITEMS_MAX, 0},
    {"start", M(COMPACT), OPTION_FLAG, PLACE(start), 0, 0},
    {"conflict", M(BUCKET_SET), OPTION_CONFLICT, PLACE(properties.conflict), 0,
     BUCKET_SET_CONFLICT},
    {"r", M(BUCKET_SET), OPTION_LEVEL, PLACE(properties.r), 0, BUCKET_SET_R},
    {"w", M(BUCKET_SET), OPTION_LEVEL, PLACE(properties.w), 0, BUCKET_SET_W},
    {"pr", M(BUCKET_SET), OPTION_LEVEL, PLACE(properties.pr), 0, BUCKET_SET_PR},
    {"pw", M(BUCKET_SET), OPTION_LEVEL, PLACE(properties.pw), 0, BUCKET_SET_PW},
    {"ttl_ms", M(BUCKET_SET), OPTION_U64, PLACE(properties.ttl_ms), TTL_MS_MAX, BUCKET_SET_TTL},
    {"strict", M(BUCKET_SET), OPTION_FLAG, PLACE(properties.strict), 0, BUCKET_SET_STRICT},
    {"nodes", M(CLUSTER_INIT), OPTION_U32, PLACE(nodes), MEMBERS_MAX, 0},
    {"shards", M(CLUSTER_INIT), OPTION_U32, PLACE(shards), SHARDS_MAX, 0},
    {"replicas", M(CLUSTER_INIT), OPTION_U32, PLACE(replicas), REPLICAS_MAX, 0},
};

enum { OPTIONS_COUNT = sizeof options / sizeof options[0] };

static const char *const blind_names[] = {"default", "siblings", "overwrite"};
static const char *const conflict_names[] = {"siblings", "lww"};

static bool option_suits(const struct option *option, enum method method)
{
    return option->methods >> method & 1;
}

// ---- writing ------------------------------------------------------------------------------------

static bool differs(const struct option *option, const struct request *request, const void *at)
{
    switch (option->type) {
    case OPTION_LEVEL:
        return *(const int *)at != LEVEL_DEFAULT;
    case OPTION_FLAG:
        return *(const bool *)at;
    case OPTION_U32:
        return *(const uint32_t *)at != 0;
    case OPTION_U64:
        return *(const uint64_t *)at != 0;
    case OPTION_BYTES:
        return ((const struct slice *)at)->size != 0;
    case OPTION_TOKEN:
        return request->has_token;
    case OPTION_BLIND:
        return *(const enum blind *)at != BLIND_DEFAULT;
    case OPTION_CONFLICT:
        return true;
    }
    return false;
}

static bool is_written(const struct option *option, const struct request *request)
{
    struct request defaults;
    const void *at = (const char *)request + option->place;

    if (!option_suits(option, request->method))
        return false;
    if (option->set)
        return request->set & option->set;
    if (option->methods == M(CLUSTER_INIT)) {
        request_init(&defaults, request->method);
        return *(const uint32_t *)at != *(uint32_t *)((char *)&defaults + option->place);
    }
    return differs(option, request, at);
}

static void write_value(const struct option *option, const void *at, struct buffer *out)
{
    switch (option->type) {
    case OPTION_LEVEL:
        write_level(out, *(const int *)at);
        break;
    case OPTION_FLAG:
        pack_bool(out, *(const bool *)at);
        break;
    case OPTION_U32:
        pack_u64(out, *(const uint32_t *)at);
        break;
    case OPTION_U64:
        pack_u64(out, *(const uint64_t *)at);
        break;
    case OPTION_BYTES:
    case OPTION_TOKEN:
        write_bin(out, *(const struct slice *)at);
        break;
    case OPTION_BLIND:
        pack_text(out, blind_names[*(const enum blind *)at]);
        break;
    case OPTION_CONFLICT:
        pack_text(out, conflict_names[*(const enum conflict_rule *)at]);
        break;
    }
}

bool options_write(const struct request *request, struct buffer *out)
{
    const struct option *written[OPTIONS_COUNT];
    uint32_t count = 0;

    for (unsigned i = 0; i < OPTIONS_COUNT; i++) {
        if (is_written(&options[i], request))
            written[count++] = &options[i];
    }
    if (count == 0)
        return false;
    pack_map(out, count);
    for (uint32_t i = 0; i < count; i++) {
        write_name(out, written[i]->name);
        write_value(written[i], (const char *)request + written[i]->place, out);
    }
    return true;
}

// ---- reading ------------------------------------------------------------------------------------

// The index of the name in a list.
static int read_name(const msgpack_object *value, const char *const *names, unsigned count,
                     unsigned *out)
{
    struct slice text;

    if (value_bytes(value, &text))
        return ERR_INVALID;
    for (unsigned i = 0; i < count; i++) {
        if (slice_is(text, names[i])) {
            *out = i;
            return 0;
        }
    }
    return ERR_INVALID;
}

// Binary, or the text by which tokens are shown.
static int read_token(const msgpack_object *value, struct wire_decoder *decoder,
                      struct request *request)
{
    struct slice token;

    if (value_bytes(value, &token))
        return ERR_TOKEN;
    if (value->type == MSGPACK_OBJECT_STR) {
        decoder->scratch.size = 0;
        if (text_read_base64(token, &decoder->scratch))
            return ERR_TOKEN;
        token = arena_copy(&decoder->arena, buffer_slice(&decoder->scratch));
    }
    request->token = token;
    request->has_token = true;
    return 0;
}

static int read_value(const struct option *option, const msgpack_object *value,
                      struct wire_decoder *decoder, struct request *request)
{
    void *at = (char *)request + option->place;
    unsigned index = 0;
    uint64_t number = 0;
    int err = 0;

    switch (option->type) {
    case OPTION_LEVEL:
        return value_level(value, at);
    case OPTION_FLAG:
        return value_bool(value, at);
    case OPTION_U32:
        err = value_u64(value, option->max, &number);
        *(uint32_t *)at = (uint32_t)number;
        return err;
    case OPTION_U64:
        return value_u64(value, option->max, at);
    case OPTION_BYTES:
        return value_bytes(value, at);
    case OPTION_TOKEN:
        return read_token(value, decoder, request);
    case OPTION_BLIND:
        err = read_name(value, blind_names, 3, &index);
        request->blind = (enum blind)index;
        return err;
    case OPTION_CONFLICT:
        err = read_name(value, conflict_names, 2, &index);
        request->properties.conflict = (enum conflict_rule)index;
        return err;
    }
    return ERR_INVALID;
}

// What would have been right, as the end of a sentence.
static const char *wanted(const struct option *option, struct arena *arena)
{
    switch (option->type) {
    case OPTION_LEVEL:
        return arena_text(arena, "0..%d, one, quorum, all or default", REPLICAS_MAX);
    case OPTION_FLAG:
        return "true or false";
    case OPTION_U32:
    case OPTION_U64:
        return arena_text(arena, "a whole number 0..%llu", (unsigned long long)option->max);
    case OPTION_BYTES:
        return "the bytes that an earlier reply gave";
    case OPTION_TOKEN:
        return "the context of an earlier reply: binary, or base64url text";
    case OPTION_BLIND:
        return "siblings or overwrite";
    case OPTION_CONFLICT:
        return "siblings or lww";
    }
    return "";
}

static struct slice explain_unknown(struct slice name, enum method method, struct arena *arena)
{
    struct buffer text = {0};
    struct slice kept;
    const char *between = "; it has ";

    buffer_add_format(&text, "%s: no option ", method_name(method));
    text_add_shown(&text, name);
    for (unsigned i = 0; i < OPTIONS_COUNT; i++) {
        if (!option_suits(&options[i], method))
            continue;
        buffer_add_format(&text, "%s%s", between, options[i].name);
        between = ", ";
    }
    kept = arena_copy(arena, buffer_slice(&text));
    buffer_done(&text);
    return kept;
}

static const struct option *option_find(struct slice name, enum method method)
{
    for (unsigned i = 0; i < OPTIONS_COUNT; i++) {
        if (option_suits(&options[i], method) && slice_is(name, options[i].name))
            return &options[i];
    }
    return NULL;
}

static int read_pair(const msgpack_object_kv *pair, struct wire_decoder *decoder,
                     struct request *request, struct slice *out_text)
{
    const char *method = method_name(request->method);
    const struct option *option;
    struct slice name;
    int err;

    if (value_bytes(&pair->key, &name)) {
        *out_text = slice_of_text(
            arena_text(&decoder->arena, "%s: the name of an option must be text", method));
        return ERR_INVALID;
    }
    option = option_find(name, request->method);
    if (!option) {
        *out_text = explain_unknown(name, request->method, &decoder->arena);
        return ERR_INVALID;
    }
    if (pair->val.type == MSGPACK_OBJECT_NIL)
        return 0;
    err = read_value(option, &pair->val, decoder, request);
    if (err)
        *out_text = slice_of_text(arena_text(&decoder->arena, "%s: %s must be %s", method,
                                             option->name, wanted(option, &decoder->arena)));
    else
        request->set |= option->set;
    return err;
}

int options_read(const msgpack_object *map, struct wire_decoder *decoder, struct request *request,
                 struct slice *out_text)
{
    if (map->type == MSGPACK_OBJECT_NIL)
        return 0;
    if (map->type != MSGPACK_OBJECT_MAP) {
        *out_text = slice_of_text(arena_text(&decoder->arena, "%s: the options must be a map",
                                             method_name(request->method)));
        return ERR_INVALID;
    }
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        int err = read_pair(&map->via.map.ptr[i], decoder, request, out_text);

        if (err)
            return err;
    }
    return 0;
}
