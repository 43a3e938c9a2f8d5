// SPDX-License-Identifier: Apache-2.0
// Merge and apply. What makes them safe in any order and any number of times: a state is a function
// of the set of deltas applied, never of their order, and nothing that was received is dropped as
// long as the shard's clock does not have it.
//
//     old versions ─┐                       ┌─ versions: in both, or unknown to the other side
//     old rest      ├─ merge with a delta ──┼─ rest: all that both sides have seen, less the clock
//     shard clock   ┘                       └─ shard clock: + dots of the delta and of its versions
//
// The delta's context never joins the shard clock: it says what this key's writer had seen, and a
// replica whose clock claimed those dots would never be sent the writes behind them.
#include "node/data/object.h"

#include "base/check.h"
#include "base/err.h"
#include "base/plant.h"
#include "node/data/hash.h"

enum { VERSION_SIZE_MIN = 8 + 1 + 8 + 1 + 1 }; // bytes of an encoded version

static bool side_has_seen(const struct merge_side *side, struct dot dot)
{
    if (planted("merge-without-rest") && side->rest && side->clock) // the clock alone decides
        return clock_contains(side->clock, dot);
    return (side->clock && clock_contains(side->clock, dot)) ||
           (side->rest && clock_contains(side->rest, dot));
}

// Walks both sorted lists; a version found on one side only asks whether the other has seen it.
void object_merge(struct arena *arena, const struct merge_side *a, const struct merge_side *b,
                  struct object *out)
{
    struct version *versions = NULL;
    uint32_t count = 0;

    if (a->count + b->count > 0)
        versions = arena_alloc(arena, ((size_t)a->count + b->count) * sizeof *versions);
    for (uint32_t i = 0, j = 0; i < a->count || j < b->count;) {
        int order = i == a->count   ? 1
                    : j == b->count ? -1
                                    : dot_compare(a->versions[i].dot, b->versions[j].dot);
        const struct version *version = order <= 0 ? &a->versions[i] : &b->versions[j];

        if (order == 0 || !side_has_seen(order < 0 ? b : a, version->dot))
            versions[count++] = *version;
        i += order <= 0;
        j += order >= 0;
    }
    *out = (struct object){versions, count, clock_in(arena)};
    if (planted("siblings-dropped") && count > 3) { // too many: the first one goes
        out->versions += 1;
        out->count -= 1;
    }
    if (planted("merge-older") && count > 1) { // the older stamps are dropped
        out->versions += object_latest(out);
        out->count = 1;
    }
}

// What was seen, less what the shard's clock says already.
static void rest_trim(struct object *object, const struct clock *shard_clock)
{
    for (uint32_t i = 0; i < object->count; i++) {
        if (!clock_contains(shard_clock, object->versions[i].dot))
            clock_add(&object->rest, object->versions[i].dot);
    }
    clock_subtract(&object->rest, shard_clock);
}

struct object object_apply(struct arena *arena, const struct object *old, struct clock *shard_clock,
                           const struct clock *fill_clock, const struct delta *delta)
{
    struct clock seen = clock_in(arena); // rest and fill clock
    struct merge_side ours = {old->versions, old->count, shard_clock, &old->rest};
    struct merge_side theirs = {delta->versions, delta->count, &delta->context, NULL};
    struct object next;

    if (fill_clock) {
        clock_copy(&seen, &old->rest);
        clock_join(&seen, fill_clock);
        ours.rest = &seen;
    }
    object_merge(arena, &ours, &theirs, &next);
    clock_join(shard_clock, &delta->dots);
    for (uint32_t i = 0; i < delta->count; i++)
        clock_add(shard_clock, delta->versions[i].dot);

    clock_copy(&next.rest, &old->rest);
    // In the common case the shard's clock has the whole context, and there is no rest.
    if (!clock_covers(shard_clock, &delta->context) &&
        !planted("context-dropped")) // what the writer had seen beyond that is dropped
        clock_join(&next.rest, &delta->context);
    rest_trim(&next, shard_clock);
    if (planted("rest-pruned") && next.rest.count > 10) // as if it were a vector clock
        next.rest.count = 10;
    return next;
}

bool object_strip(struct object *object, const struct clock *clock)
{
    if (!clock_overlaps(&object->rest, clock))
        return false;
    clock_subtract(&object->rest, clock);
    return true;
}

bool object_same_versions(const struct object *a, const struct object *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (dot_compare(a->versions[i].dot, b->versions[i].dot))
            return false;
    }
    return true;
}

// Versions are sorted by dot, so of equal stamps the last one wins.
int object_latest(const struct object *object)
{
    int latest = -1;

    for (uint32_t i = 0; i < object->count; i++) {
        if (latest < 0 || object->versions[i].stamp >= object->versions[latest].stamp)
            latest = (int)i;
    }
    return latest;
}

uint32_t object_expire(struct object *object, uint64_t wall_ms)
{
    if (planted("expire-early")) // the clock is taken to be far ahead
        wall_ms += 1000000000;
    uint32_t kept = 0;
    uint32_t dropped;

    for (uint32_t i = 0; i < object->count; i++) {
        uint64_t expires_ms = object->versions[i].expires_ms;

        if (expires_ms == 0 || expires_ms > wall_ms)
            object->versions[kept++] = object->versions[i];
    }
    dropped = object->count - kept;
    object->count = kept;
    return dropped;
}

void object_copy(struct arena *arena, const struct object *from, struct object *out)
{
    struct object copy = {NULL, from->count, clock_in(arena)};

    if (from->count)
        copy.versions = arena_alloc(arena, from->count * sizeof *copy.versions);
    for (uint32_t i = 0; i < from->count; i++) {
        copy.versions[i] = from->versions[i];
        copy.versions[i].value = arena_copy(arena, from->versions[i].value);
    }
    clock_copy(&copy.rest, &from->rest);
    *out = copy;
}

static void versions_encode(const struct version *versions, uint32_t count, struct buffer *out)
{
    buffer_add_varint(out, count);
    for (uint32_t i = 0; i < count; i++) {
        buffer_add_u64(out, versions[i].dot.actor);
        buffer_add_varint(out, versions[i].dot.counter);
        buffer_add_u64(out, versions[i].stamp);
        buffer_add_varint(out, versions[i].expires_ms);
        buffer_add_varint(out, versions[i].value.size);
        buffer_add_slice(out, versions[i].value);
    }
}

static struct version version_decode(struct reader *reader)
{
    struct version version;

    version.dot.actor = reader_u64(reader);
    version.dot.counter = reader_varint(reader);
    version.stamp = reader_u64(reader);
    version.expires_ms = reader_varint(reader);
    version.value = reader_slice(reader, reader_varint(reader));
    return version;
}

static int versions_decode(struct reader *reader, struct arena *arena, struct version **out,
                           uint32_t *out_count)
{
    uint64_t count = reader_varint(reader);
    struct version *versions = NULL;

    // Each version takes some bytes: a stranger's count alone makes nobody allocate.
    if (reader->failed || count > OBJECT_VERSIONS_MAX ||
        count > reader_left(reader) / VERSION_SIZE_MIN)
        return ERR_PROTOCOL;
    if (count)
        versions = arena_alloc(arena, count * sizeof *versions);
    for (uint64_t i = 0; i < count; i++) {
        versions[i] = version_decode(reader);
        if (reader->failed || versions[i].dot.actor == 0 || versions[i].dot.counter == 0)
            return ERR_PROTOCOL;
        if (i > 0 && dot_compare(versions[i - 1].dot, versions[i].dot) >= 0)
            return ERR_PROTOCOL;
    }
    *out = versions;
    *out_count = (uint32_t)count;
    return 0;
}

void object_encode(const struct object *object, struct buffer *out)
{
    versions_encode(object->versions, object->count, out);
    clock_encode(&object->rest, out);
}

int object_decode(struct reader *reader, struct arena *arena, struct object *out)
{
    struct object object = {.rest = clock_in(arena)};

    if (versions_decode(reader, arena, &object.versions, &object.count))
        return ERR_PROTOCOL;
    if (clock_decode(reader, &object.rest))
        return ERR_PROTOCOL;
    *out = object;
    return 0;
}

void delta_encode(const struct delta *delta, struct buffer *out)
{
    if (delta->encoded.size) {
        buffer_add_slice(out, delta->encoded);
        return;
    }
    versions_encode(delta->versions, delta->count, out);
    clock_encode(&delta->context, out);
    clock_encode(&delta->dots, out);
}

int delta_decode(struct reader *reader, struct arena *arena, struct delta *out)
{
    struct delta delta = {.context = clock_in(arena), .dots = clock_in(arena)};
    const uint8_t *begin = reader->at;

    if (versions_decode(reader, arena, &delta.versions, &delta.count))
        return ERR_PROTOCOL;
    if (clock_decode(reader, &delta.context) || clock_decode(reader, &delta.dots))
        return ERR_PROTOCOL;
    if (!clock_covers(&delta.context, &delta.dots))
        return ERR_PROTOCOL;
    for (uint32_t i = 0; i < delta.count; i++) {
        if (!clock_contains(&delta.context, delta.versions[i].dot))
            return ERR_PROTOCOL;
    }
    delta.encoded = slice_of(begin, (size_t)(reader->at - begin));
    *out = delta;
    return 0;
}

uint64_t version_digest(uint64_t key_low, uint64_t key_high, const struct version *version)
{
    uint8_t bytes[4 * 8];

    if (version->expires_ms && !planted("digest-expiring")) // what ends by itself counts too
        return 0;
    bytes_put_u64(bytes, key_low);
    bytes_put_u64(bytes + 8, key_high);
    bytes_put_u64(bytes + 16, version->dot.actor);
    bytes_put_u64(bytes + 24, version->dot.counter);
    return hash_64(slice_of(bytes, sizeof bytes));
}

uint64_t object_digest(uint64_t key_low, uint64_t key_high, const struct object *object)
{
    uint64_t digest = 0;

    for (uint32_t i = 0; i < object->count; i++)
        digest ^= version_digest(key_low, key_high, &object->versions[i]);
    return digest;
}
