// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/saying.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SAME(member)       assert_true(a->member == b->member)
#define SAME_BYTES(member) assert_true(slice_equal(a->member, b->member))

static void same_properties(const struct bucket_properties *a, const struct bucket_properties *b)
{
    SAME(conflict);
    SAME(r);
    SAME(w);
    SAME(pr);
    SAME(pw);
    SAME(ttl_ms);
    SAME(strict);
}

void saying_same_request(const struct request *a, const struct request *b)
{
    SAME(method);
    SAME_BYTES(bucket);
    SAME_BYTES(key);
    SAME_BYTES(value);
    SAME(has_token);
    SAME_BYTES(token);
    SAME(blind);
    SAME(r);
    SAME(w);
    SAME(pr);
    SAME(pw);
    SAME(strict);
    SAME(explain);
    SAME(ttl_ms);
    SAME(timeout_ms);
    SAME(shard);
    SAME_BYTES(after);
    SAME(items_max);
    SAME(start);
    SAME(set);
    same_properties(&a->properties, &b->properties);
    SAME(nodes);
    SAME(shards);
    SAME(replicas);
}

static void same_dot(struct dot a, struct dot b)
{
    assert_int_equal(dot_compare(a, b), 0);
}

static void same_versions(const struct version *a, const struct version *b, uint32_t count)
{
    for (; count; count--, a++, b++) {
        same_dot(a->dot, b->dot);
        SAME(stamp);
        SAME(expires_ms);
        SAME_BYTES(value);
    }
}

static void same_replica(const struct explain_replica *a, const struct explain_replica *b)
{
    SAME_BYTES(node);
    SAME_BYTES(role);
    SAME(asked);
    SAME(repaired);
    SAME(answered_us);
    SAME(dot_count);
    for (uint32_t i = 0; i < a->dot_count; i++)
        same_dot(a->dots[i], b->dots[i]);
    SAME_BYTES(outcome);
}

static void same_explain(const struct explain *a, const struct explain *b)
{
    SAME(shard);
    SAME(epoch);
    SAME_BYTES(coordinator);
    SAME(replica_count);
    for (uint32_t i = 0; i < a->replica_count; i++)
        same_replica(&a->replicas[i], &b->replicas[i]);
    SAME(trace_count);
    for (uint32_t i = 0; i < a->trace_count; i++)
        SAME_BYTES(trace[i]);
}

static void same_items(const struct reply *left, const struct reply *right)
{
    assert_int_equal(left->item_count, right->item_count);
    for (uint32_t i = 0; i < left->item_count; i++) {
        const struct scan_item *a = &left->items[i];
        const struct scan_item *b = &right->items[i];

        SAME_BYTES(bucket);
        SAME_BYTES(key);
        SAME_BYTES(token);
        SAME(version_count);
        same_versions(a->versions, b->versions, a->version_count);
    }
}

static void same_member(const struct member *a, const struct member *b)
{
    SAME(id);
    SAME(weight);
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->zone, b->zone);
    assert_string_equal(a->host, b->host);
    assert_string_equal(a->client_address, b->client_address);
    assert_string_equal(a->peer_address, b->peer_address);
}

static void same_view(const struct member_view *a, const struct member_view *b)
{
    same_member(&a->member, &b->member);
    SAME(state);
    SAME(linked);
    SAME(owner);
    SAME(shards);
    SAME(epoch);
    SAME(digest);
}

static void same_topology(const struct topology *a, const struct topology *b)
{
    if (!a || !b) {
        assert_true(!a && !b);
        return;
    }
    SAME(epoch);
    SAME(parent_digest);
    SAME(cluster);
    SAME(seed);
    SAME(shards);
    SAME(replicas);
    SAME(member_count);
    for (uint32_t i = 0; i < a->member_count; i++)
        same_member(&a->members[i], &b->members[i]);
    for (size_t i = 0; i < (size_t)a->shards * a->replicas; i++)
        SAME(owners[i]);
}

static void same_status(const struct status *a, const struct status *b)
{
    SAME(id);
    SAME(actor);
    SAME_BYTES(name);
    SAME(cluster);
    SAME(epoch);
    SAME(digest);
    SAME(shards_owned);
    SAME(shards_born);
    SAME(keys);
    SAME(bytes);
    SAME(disk_bytes);
    SAME(log_bytes);
    SAME(memory_bytes);
    SAME(checkpoints);
    SAME(unknown);
    SAME(rebuilt);
    SAME(requests);
    SAME(requests_refused);
    SAME(repairs);
    SAME(hedges);
    SAME(in_flight);
    SAME(uptime_ms);
    SAME(refusal);
    SAME_BYTES(build);
    SAME_BYTES(durability);
    SAME(repair_missing);
    SAME(repair_owed);
    SAME(repair_bytes);
    SAME(repair_age_ms);
    SAME_BYTES(repair_state);
    SAME(shards_filling);
    SAME(guest_shards);
    SAME(guest_keys);
    SAME(dots);
    SAME(dots_max);
    SAME(pulled_items);
    SAME(pulled_bytes);
    SAME(digest_alarms);
    SAME(get_p50_us);
    SAME(get_p99_us);
    SAME(put_p50_us);
    SAME(put_p99_us);
}

void saying_same_reply(const struct reply *a, const struct reply *b)
{
    SAME(method);
    SAME(err);
    SAME_BYTES(text);
    SAME(found);
    SAME(version_count);
    same_versions(a->versions, b->versions, a->version_count);
    SAME_BYTES(token);
    same_dot(a->dot, b->dot);
    SAME(replies);
    SAME(acks);
    SAME(r);
    SAME(w);
    SAME(unanimous);
    SAME(has_explain);
    if (a->has_explain)
        same_explain(&a->explain, &b->explain);
    same_items(a, b);
    SAME(more);
    SAME_BYTES(after);
    saying_same_held(a, b);
    same_properties(&a->properties, &b->properties);
    same_topology(a->topology, b->topology);
    SAME(member_count);
    for (uint32_t i = 0; i < a->member_count; i++)
        same_view(&a->members[i], &b->members[i]);
    SAME(shared_hosts);
    same_status(&a->status, &b->status);
    saying_same_compaction(&a->compaction, &b->compaction);
}

static void same_encoded(struct buffer *a, struct buffer *b)
{
    assert_true(slice_equal(buffer_slice(a), buffer_slice(b)));
    buffer_done(a);
    buffer_done(b);
}

static void same_repair(const struct message *a, const struct message *b)
{
    struct buffer left = {0};
    struct buffer right = {0};

    assert_int_equal(!a->offers, !b->offers);
    assert_int_equal(!a->need, !b->need);
    assert_int_equal(!a->page, !b->page);
    if (a->offers) {
        offers_encode(a->offers, &left);
        offers_encode(b->offers, &right);
    }
    if (a->need) {
        need_encode_sync(a->need, &left);
        need_encode_fill(a->need, &left);
        need_encode_sync(b->need, &right);
        need_encode_fill(b->need, &right);
    }
    if (a->page) {
        page_encode(a->page, &left);
        page_encode(b->page, &right);
        assert_true(slice_equal(a->encoded, b->encoded));
    }
    same_encoded(&left, &right);
}

void saying_same_message(const struct message *a, const struct message *b)
{
    SAME(kind);
    SAME(op);
    SAME(err);
    SAME_BYTES(bucket);
    SAME_BYTES(key);
    SAME(delta.count);
    same_versions(a->delta.versions, b->delta.versions, a->delta.count);
    assert_true(clock_equal(&a->delta.context, &b->delta.context));
    assert_true(clock_equal(&a->delta.dots, &b->delta.dots));
    SAME(object.count);
    same_versions(a->object.versions, b->object.versions, a->object.count);
    assert_true(clock_equal(&a->object.rest, &b->object.rest));
    assert_int_equal(!a->request, !b->request);
    if (a->request)
        saying_same_request(a->request, b->request);
    assert_int_equal(!a->reply, !b->reply);
    if (a->reply)
        saying_same_reply(a->reply, b->reply);
    SAME_BYTES(record);
    SAME(ballot);
    same_repair(a, b);
}

void saying_same_hello(const struct hello *a, const struct hello *b)
{
    SAME(cluster);
    SAME(node);
    SAME(actor);
    SAME(epoch);
    SAME(protocol);
    SAME_BYTES(name);
}
