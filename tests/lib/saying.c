// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/saying.h"

#include "base/check.h"
#include "base/err.h"

#include <stdio.h>

void saying_init(struct saying *saying, uint64_t seed)
{
    *saying = (struct saying){0};
    rng_init(&saying->rng, seed);
}

void saying_reset(struct saying *saying)
{
    arena_reset(&saying->arena);
    if (saying->topology)
        topology_free(saying->topology);
    saying->topology = NULL;
}

void saying_done(struct saying *saying)
{
    saying_reset(saying);
    arena_done(&saying->arena);
}

static uint32_t below(struct saying *saying, uint32_t bound)
{
    return (uint32_t)rng_below(&saying->rng, bound);
}

static bool coin(struct saying *saying)
{
    return below(saying, 2);
}

// Small, large and extreme numbers alike.
static uint64_t number(struct saying *saying)
{
    return rng_u64(&saying->rng) >> below(saying, 64);
}

struct slice saying_bytes(struct saying *saying, size_t size_max)
{
    size_t size = rng_below(&saying->rng, size_max + 1);
    uint8_t *bytes = arena_alloc(&saying->arena, size);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)rng_u64(&saying->rng);
    return slice_of(bytes, size);
}

struct slice saying_text(struct saying *saying, size_t size_max)
{
    struct slice text = saying_bytes(saying, size_max);

    for (size_t i = 0; i < text.size; i++)
        ((uint8_t *)(uintptr_t)text.data)[i] = (uint8_t)('a' + text.data[i] % 26);
    return text;
}

static struct slice key_bytes(struct saying *saying, size_t size_max)
{
    struct slice key = saying_bytes(saying, size_max - 1);

    return key.size ? key : slice_of("k", 1);
}

// ---- requests -----------------------------------------------------------------------------------

static int level(struct saying *saying)
{
    return (int)below(saying, REPLICAS_MAX + 1 - LEVEL_ALL) + LEVEL_ALL;
}

static void quorum_options(struct saying *saying, struct request *out)
{
    if (out->method == METHOD_GET) {
        out->r = level(saying);
        out->pr = level(saying);
    } else {
        out->w = level(saying);
        out->pw = level(saying);
        out->has_token = coin(saying);
        if (out->has_token)
            out->token = saying_bytes(saying, 300);
        out->blind = (enum blind)below(saying, 3);
    }
    out->strict = coin(saying);
    out->explain = coin(saying);
    if (out->method == METHOD_PUT)
        out->ttl_ms = number(saying) >> 20;
}

static void bucket_options(struct saying *saying, struct request *out)
{
    out->set = below(saying, 128);
    if (out->set & BUCKET_SET_CONFLICT)
        out->properties.conflict = (enum conflict_rule)below(saying, 2);
    if (out->set & BUCKET_SET_R)
        out->properties.r = level(saying);
    if (out->set & BUCKET_SET_W)
        out->properties.w = level(saying);
    if (out->set & BUCKET_SET_PR)
        out->properties.pr = level(saying);
    if (out->set & BUCKET_SET_PW)
        out->properties.pw = level(saying);
    if (out->set & BUCKET_SET_TTL)
        out->properties.ttl_ms = number(saying) >> 20;
    if (out->set & BUCKET_SET_STRICT)
        out->properties.strict = coin(saying);
}

void saying_request(struct saying *saying, enum method method, struct request *out)
{
    bool keyed = method == METHOD_GET || method == METHOD_PUT || method == METHOD_DELETE;
    bool held = method == METHOD_REPLICAS || method == METHOD_HELD;
    bool instant = method == METHOD_PING || method == METHOD_TOPOLOGY || method == METHOD_STATUS ||
                   method == METHOD_COMPACT || held;

    request_init(out, method);
    if (keyed || method == METHOD_BUCKET_SET || method == METHOD_BUCKET_SHOW)
        out->bucket = saying_bytes(saying, BUCKET_SIZE_MAX);
    if (keyed) {
        out->key = saying_bytes(saying, coin(saying) ? 20 : KEY_SIZE_MAX);
        quorum_options(saying, out);
    }
    if (method == METHOD_PUT)
        out->value = saying_bytes(saying, below(saying, 50) ? 200 : 70000);
    if (!instant && coin(saying))
        out->timeout_ms = below(saying, TIMEOUT_MS_MAX + 1);
    if (method == METHOD_SCAN || method == METHOD_HELD)
        out->after = saying_bytes(saying, TREE_KEY_SIZE);
    if (method == METHOD_SCAN || held) {
        out->shard = below(saying, SHARDS_MAX);
        out->items_max = below(saying, SCAN_ITEMS_MAX + 1);
    }
    if (method == METHOD_COMPACT)
        out->start = coin(saying);
    if (method == METHOD_BUCKET_SET)
        bucket_options(saying, out);
    if (method == METHOD_CLUSTER_INIT) {
        out->nodes = below(saying, MEMBERS_MAX + 1);
        out->shards = below(saying, SHARDS_MAX + 1);
        out->replicas = below(saying, REPLICAS_MAX + 1);
    }
}

// ---- replies ------------------------------------------------------------------------------------

static struct version *versions(struct saying *saying, uint32_t count)
{
    struct version *all = arena_new(&saying->arena, count * sizeof *all);

    for (uint32_t i = 0; i < count; i++) {
        all[i].dot =
            (struct dot){(i + 1) * (UINT64_MAX / 16) - below(saying, 1000), number(saying) | 1};
        all[i].stamp = number(saying);
        all[i].expires_ms = coin(saying) ? number(saying) : 0;
        all[i].value = saying_bytes(saying, 60);
    }
    return all;
}

static void explain_replica(struct saying *saying, struct explain_replica *out)
{
    out->node = saying_text(saying, 40);
    out->role = slice_of_text(coin(saying) ? "owner" : "guest");
    out->asked = coin(saying);
    out->repaired = coin(saying);
    out->answered_us = coin(saying) ? -1 : (int64_t)(number(saying) >> 1);
    out->dot_count = below(saying, 4);
    out->dots = arena_new(&saying->arena, out->dot_count * sizeof *out->dots);
    for (uint32_t i = 0; i < out->dot_count; i++)
        out->dots[i] = (struct dot){number(saying) | 1, number(saying) | 1};
    out->outcome = saying_text(saying, 12);
}

static void explain(struct saying *saying, struct reply *out)
{
    struct explain *explain = &out->explain;

    out->has_explain = coin(saying);
    if (!out->has_explain)
        return;
    explain->shard = below(saying, SHARDS_MAX);
    explain->epoch = number(saying);
    explain->coordinator = saying_text(saying, 40);
    explain->replica_count = below(saying, 5);
    explain->replicas =
        arena_new(&saying->arena, explain->replica_count * sizeof *explain->replicas);
    for (uint32_t i = 0; i < explain->replica_count; i++)
        explain_replica(saying, &explain->replicas[i]);
    explain->trace_count = below(saying, 5);
    explain->trace = arena_new(&saying->arena, explain->trace_count * sizeof *explain->trace);
    for (uint32_t i = 0; i < explain->trace_count; i++)
        explain->trace[i] = saying_text(saying, 90);
}

static void get_or_put(struct saying *saying, struct reply *out)
{
    out->token = saying_bytes(saying, 100);
    explain(saying, out);
    if (out->method == METHOD_GET) {
        out->version_count = below(saying, 4);
        out->versions = versions(saying, out->version_count);
        out->found = coin(saying);
        out->replies = below(saying, 8);
        out->r = below(saying, 8);
        out->unanimous = coin(saying);
    } else {
        if (coin(saying))
            out->dot = (struct dot){number(saying) | 1, number(saying) | 1};
        out->acks = below(saying, 8);
        out->w = below(saying, 8);
    }
}

static void scan(struct saying *saying, struct reply *out)
{
    out->item_count = below(saying, 6);
    out->items = arena_new(&saying->arena, out->item_count * sizeof *out->items);
    for (uint32_t i = 0; i < out->item_count; i++) {
        struct scan_item *item = &out->items[i];

        item->bucket = key_bytes(saying, 20);
        item->key = key_bytes(saying, 40);
        item->version_count = 1 + below(saying, 3);
        item->versions = versions(saying, item->version_count);
        item->token = saying_bytes(saying, 40);
    }
    out->more = coin(saying);
    out->after = saying_bytes(saying, TREE_KEY_SIZE);
}

static void member(struct saying *saying, uint64_t id, struct member *out)
{
    *out = (struct member){.id = id, .weight = 1 + below(saying, 300)};
    snprintf(out->name, sizeof out->name, "n%u", below(saying, 100000));
    snprintf(out->zone, sizeof out->zone, "z%u", below(saying, 3));
    snprintf(out->host, sizeof out->host, "h%llu", (unsigned long long)id);
    snprintf(out->client_address, sizeof out->client_address, "10.0.0.%u:7400", below(saying, 256));
    snprintf(out->peer_address, sizeof out->peer_address, "[fe80::%x]:%u", below(saying, 65536),
             1 + below(saying, 65535));
}

static const struct topology *topology(struct saying *saying)
{
    uint32_t shards = 1u << below(saying, 9);
    uint32_t replicas = 1 + below(saying, 3);
    uint32_t count = replicas + below(saying, 4);
    struct topology plan = {.epoch = 2 + (number(saying) >> 1),
                            .parent_digest = number(saying) | 1,
                            .cluster = number(saying) | 1,
                            .seed = number(saying),
                            .shards = shards,
                            .replicas = replicas,
                            .member_count = count};

    plan.members = arena_new(&saying->arena, count * sizeof *plan.members);
    plan.owners = arena_new(&saying->arena, (size_t)shards * replicas * sizeof *plan.owners);
    for (uint32_t i = 0; i < count; i++)
        member(saying, (i + 1) * ((uint64_t)1 << 40) + below(saying, 1000), &plan.members[i]);
    check(plan_table(&plan, NULL, NULL) == 0);
    saying->topology = topology_clone(&plan);
    return saying->topology;
}

static void cluster(struct saying *saying, struct reply *out)
{
    static const struct topology none;

    out->topology = below(saying, 4) ? topology(saying) : &none;
    out->shared_hosts = below(saying, 10);
    out->member_count = below(saying, 5);
    out->members = arena_new(&saying->arena, out->member_count * sizeof *out->members);
    for (uint32_t i = 0; i < out->member_count; i++) {
        struct member_view *view = &out->members[i];

        member(saying, number(saying), &view->member);
        view->state = (enum member_state)below(saying, MEMBER_LEFT + 1);
        view->linked = coin(saying);
        view->owner = coin(saying);
        view->shards = below(saying, 1000);
        view->epoch = number(saying);
        view->digest = number(saying);
    }
}

static void status(struct saying *saying, struct status *out)
{
    uint64_t *numbers[] = {
        &out->keys,         &out->bytes,        &out->disk_bytes,    &out->log_bytes,
        &out->memory_bytes, &out->checkpoints,  &out->unknown,       &out->rebuilt,
        &out->requests,     &out->repairs,      &out->hedges,        &out->requests_refused,
        &out->uptime_ms,    &out->get_p50_us,   &out->get_p99_us,    &out->put_p50_us,
        &out->put_p99_us,   &out->actor,        &out->digest,        &out->repair_missing,
        &out->repair_owed,  &out->repair_bytes, &out->repair_age_ms, &out->guest_keys,
        &out->dots,         &out->dots_max,     &out->pulled_items,  &out->pulled_bytes,
        &out->digest_alarms};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = number(saying);
    out->shards_owned = (uint32_t)number(saying);
    out->shards_born = (uint32_t)number(saying);
    out->in_flight = (uint32_t)number(saying);
    out->shards_filling = (uint32_t)number(saying);
    out->guest_shards = (uint32_t)number(saying);
    out->repair_state = saying_text(saying, 12);
    out->refusal = coin(saying) ? ERR_DISK_FULL : 0;
    out->durability = saying_text(saying, 20);
}

static void failure(struct saying *saying, struct reply *out)
{
    out->err = -1 - (int)below(saying, 29);
    out->text = saying_text(saying, 80);
    check(err_known(out->err));
}

void saying_reply(struct saying *saying, enum method method, struct reply *out)
{
    bool counts = method == METHOD_GET || method == METHOD_PUT || method == METHOD_DELETE;

    *out = (struct reply){.method = method};
    if (below(saying, 4) == 0) {
        failure(saying, out);
        if (!counts || coin(saying))
            return;
    }
    if (counts)
        get_or_put(saying, out);
    if (method == METHOD_SCAN)
        scan(saying, out);
    if (method == METHOD_REPLICAS)
        saying_replicas(saying, out);
    if (method == METHOD_HELD)
        saying_held(saying, out);
    if (method == METHOD_BUCKET_SET || method == METHOD_BUCKET_SHOW)
        out->properties = (struct bucket_properties){(enum conflict_rule)below(saying, 2),
                                                     level(saying),
                                                     level(saying),
                                                     level(saying),
                                                     level(saying),
                                                     number(saying),
                                                     coin(saying)};
    if (method == METHOD_TOPOLOGY || method == METHOD_CLUSTER_INIT)
        cluster(saying, out);
    if (method == METHOD_PING || method == METHOD_STATUS) {
        out->status.id = number(saying);
        out->status.name = saying_text(saying, 30);
        out->status.cluster = number(saying);
        out->status.epoch = number(saying);
        out->status.build = saying_text(saying, 10);
    }
    if (method == METHOD_STATUS)
        status(saying, &out->status);
    if (method == METHOD_COMPACT)
        saying_compaction(saying, &out->compaction);
}

// ---- among nodes --------------------------------------------------------------------------------

static struct clock clock_of(struct saying *saying, const struct version *from, uint32_t count)
{
    struct clock clock = clock_in(&saying->arena);

    for (uint32_t i = 0; i < count; i++)
        clock_add(&clock, from[i].dot);
    return clock;
}

static void random_dots(struct saying *saying, struct clock *into)
{
    for (uint32_t i = below(saying, 6); i > 0; i--)
        clock_add(into, (struct dot){1 + below(saying, 3), 1 + below(saying, 20)});
}

static void delta(struct saying *saying, struct delta *out)
{
    out->count = below(saying, 3);
    out->versions = versions(saying, out->count);
    out->context = clock_of(saying, out->versions, out->count);
    out->dots = clock_of(saying, out->versions, below(saying, out->count + 1));
    random_dots(saying, &out->dots);
    clock_join(&out->context, &out->dots);
    random_dots(saying, &out->context);
}

static const struct request *some_request(struct saying *saying)
{
    struct request *request = arena_new(&saying->arena, sizeof *request);

    saying_request(saying, (enum method)below(saying, METHOD_COUNT), request);
    return request;
}

static const struct reply *some_reply(struct saying *saying)
{
    struct reply *reply = arena_new(&saying->arena, sizeof *reply);

    saying_reply(saying, (enum method)below(saying, METHOD_COUNT), reply);
    return reply;
}

static struct clock some_clock(struct saying *saying)
{
    struct clock clock = clock_in(&saying->arena);

    random_dots(saying, &clock);
    return clock;
}

static const struct offers *some_offers(struct saying *saying)
{
    struct offers *offers = arena_new(&saying->arena, sizeof *offers);

    offers->actor = number(saying) | 1;
    offers->guests = below(saying, SHARDS_MAX);
    offers->ask = coin(saying);
    offers->count = below(saying, 5);
    offers->items = arena_new(&saying->arena, offers->count * sizeof *offers->items);
    for (uint32_t i = 0; i < offers->count; i++)
        offers->items[i] = (struct offer){.shard = below(saying, SHARDS_MAX),
                                          .flags = below(saying, OFFER_FLAGS + 1),
                                          .digest = number(saying),
                                          .unknown = number(saying),
                                          .clock = some_clock(saying)};
    return offers;
}

static const struct need *some_need(struct saying *saying, enum message_kind kind)
{
    struct need *need = arena_new(&saying->arena, sizeof *need);

    need->shard = below(saying, SHARDS_MAX);
    if (kind == MESSAGE_SYNC) {
        need->have = some_clock(saying);
        need->want = some_clock(saying);
        return need;
    }
    need->mode = coin(saying) ? FILL_COMPARE : FILL_WHOLE;
    need->start = some_clock(saying);
    need->has_after = coin(saying);
    bytes_put_u64(need->after, need->has_after ? number(saying) : 0);
    return need;
}

static void some_item(struct saying *saying, struct page_item *out)
{
    out->dots = some_clock(saying);
    out->object.rest = some_clock(saying);
    if (coin(saying)) {
        bytes_put_u64(out->tree_key, number(saying));
        return;
    }
    out->bucket = key_bytes(saying, BUCKET_SIZE_MAX);
    out->key = key_bytes(saying, KEY_SIZE_MAX);
    out->object.count = below(saying, 3);
    out->object.versions = versions(saying, out->object.count);
}

static void some_page(struct saying *saying, struct message *out)
{
    struct page *page = arena_new(&saying->arena, sizeof *page);
    struct buffer bytes = {0};

    page->shard = below(saying, SHARDS_MAX);
    page->more = coin(saying);
    page->context = some_clock(saying);
    page->start = some_clock(saying);
    page->has_upto = coin(saying);
    bytes_put_u64(page->upto, page->has_upto ? number(saying) : 0);
    page->count = below(saying, 4);
    page->items = arena_new(&saying->arena, page->count * sizeof *page->items);
    for (uint32_t i = 0; i < page->count; i++)
        some_item(saying, &page->items[i]);
    page_encode(page, &bytes);
    out->page = page;
    out->encoded = arena_copy(&saying->arena, buffer_slice(&bytes));
    buffer_done(&bytes);
}

static void repair_message(struct saying *saying, enum message_kind kind, struct message *out)
{
    if (kind == MESSAGE_OFFER)
        out->offers = some_offers(saying);
    if (kind == MESSAGE_SYNC || kind == MESSAGE_FILL)
        out->need = some_need(saying, kind);
    if ((kind == MESSAGE_SYNCED || kind == MESSAGE_FILLED) && !out->err)
        some_page(saying, out);
}

void saying_message(struct saying *saying, enum message_kind kind, struct message *out)
{
    *out = (struct message){.kind = kind, .op = number(saying)};
    out->err = coin(saying) ? -1 - (int)below(saying, 29) : 0;
    if (kind == MESSAGE_NAME || kind == MESSAGE_NAMED)
        out->record = slice_of("0123456789abcdef", TREE_KEY_SIZE);
    if (kind == MESSAGE_NAMED && out->err == ERR_NOT_FOUND) {
        out->object.rest = clock_in(&saying->arena);
        random_dots(saying, &out->object.rest);
    }
    if (kind == MESSAGE_NAMED && !out->err) {
        out->bucket = key_bytes(saying, BUCKET_SIZE_MAX);
        out->key = key_bytes(saying, KEY_SIZE_MAX);
    }
    if (kind == MESSAGE_APPLY || kind == MESSAGE_READ || kind == MESSAGE_PROPERTIES)
        out->bucket = key_bytes(saying, BUCKET_SIZE_MAX);
    if (kind == MESSAGE_APPLY || kind == MESSAGE_READ)
        out->guest = coin(saying);
    if (kind == MESSAGE_APPLY || kind == MESSAGE_READ)
        out->key = key_bytes(saying, KEY_SIZE_MAX);
    if (kind == MESSAGE_APPLY)
        delta(saying, &out->delta);
    if (kind == MESSAGE_OBJECT) {
        out->object.count = below(saying, 4);
        out->object.versions = versions(saying, out->object.count);
        out->object.rest = clock_in(&saying->arena);
        random_dots(saying, &out->object.rest);
    }
    if (kind == MESSAGE_FORWARD)
        out->request = some_request(saying);
    if (kind == MESSAGE_FORWARDED)
        out->reply = some_reply(saying);
    if (kind == MESSAGE_TOPOLOGY || kind == MESSAGE_PREPARE || kind == MESSAGE_COMMIT)
        out->record = saying_bytes(saying, 400);
    if (kind == MESSAGE_TOPOLOGY || kind == MESSAGE_PREPARE || kind == MESSAGE_COMMIT ||
        kind == MESSAGE_PREPARED)
        out->ballot = number(saying);
    repair_message(saying, kind, out);
}

void saying_hello(struct saying *saying, struct hello *out)
{
    *out = (struct hello){.cluster = number(saying),
                          .node = number(saying) | 1,
                          .actor = number(saying) | 1,
                          .epoch = number(saying),
                          .protocol = 1 + below(saying, 3),
                          .name = saying_text(saying, NAME_SIZE_MAX)};
}
