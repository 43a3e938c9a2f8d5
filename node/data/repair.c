// SPDX-License-Identifier: Apache-2.0
#include "node/data/repair.h"

#include "base/check.h"
#include "base/err.h"

enum { PAGE_MORE = 1, PAGE_UPTO = 2 };

// ---- offers -------------------------------------------------------------------------------------

static void offer_encode(const struct offer *offer, struct buffer *out)
{
    buffer_add_varint(out, offer->shard);
    buffer_add_u8(out, (uint8_t)offer->flags);
    buffer_add_u64(out, offer->digest);
    buffer_add_varint(out, offer->unknown);
    clock_encode(&offer->clock, out);
}

void offers_encode(const struct offers *offers, struct buffer *out)
{
    buffer_add_u64(out, offers->actor);
    buffer_add_varint(out, offers->guests);
    buffer_add_u8(out, offers->ask);
    buffer_add_varint(out, offers->count);
    for (uint32_t i = 0; i < offers->count; i++)
        offer_encode(&offers->items[i], out);
}

static uint32_t read_u32(struct reader *reader, uint32_t max)
{
    uint64_t number = reader_varint(reader);

    if (number > max)
        reader->failed = true;
    return (uint32_t)number;
}

static int read_clock(struct reader *reader, struct arena *arena, struct clock *out)
{
    *out = clock_in(arena);
    return reader->failed ? ERR_PROTOCOL : clock_decode(reader, out);
}

static int offer_decode(struct reader *reader, struct arena *arena, struct offer *out)
{
    out->shard = read_u32(reader, SHARDS_MAX - 1);
    out->flags = reader_u8(reader);
    out->digest = reader_u64(reader);
    out->unknown = reader_varint(reader);
    if (out->flags > OFFER_FLAGS)
        return ERR_PROTOCOL;
    return read_clock(reader, arena, &out->clock);
}

int offers_decode(struct reader *reader, struct arena *arena, struct offers *out)
{
    enum { SIZE_MIN = 12 }; // of an offer's bytes
    uint8_t ask;

    out->actor = reader_u64(reader);
    out->guests = read_u32(reader, SHARDS_MAX);
    ask = reader_u8(reader);
    out->ask = ask;
    out->count = read_u32(reader, OFFERS_MAX);
    if (reader->failed || !out->actor || ask > 1 || out->count > reader_left(reader) / SIZE_MIN)
        return ERR_PROTOCOL;
    out->items = arena_alloc(arena, out->count * sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        if (offer_decode(reader, arena, &out->items[i]))
            return ERR_PROTOCOL;
    }
    return 0;
}

// ---- needs --------------------------------------------------------------------------------------

void need_encode_sync(const struct need *need, struct buffer *out)
{
    buffer_add_varint(out, need->shard);
    clock_encode(&need->have, out);
    clock_encode(&need->want, out);
}

void need_encode_fill(const struct need *need, struct buffer *out)
{
    buffer_add_varint(out, need->shard);
    buffer_add_u8(out, (uint8_t)need->mode);
    clock_encode(&need->start, out);
    buffer_add_u8(out, need->has_after);
    if (need->has_after)
        buffer_add(out, need->after, TREE_KEY_SIZE);
}

int need_decode_sync(struct reader *reader, struct arena *arena, struct need *out)
{
    *out = (struct need){.shard = read_u32(reader, SHARDS_MAX - 1)};
    if (read_clock(reader, arena, &out->have))
        return ERR_PROTOCOL;
    return read_clock(reader, arena, &out->want);
}

static void read_tree_key(struct reader *reader, uint8_t out[TREE_KEY_SIZE])
{
    struct slice bytes = reader_slice(reader, TREE_KEY_SIZE);

    if (bytes.size)
        memcpy(out, bytes.data, TREE_KEY_SIZE);
}

int need_decode_fill(struct reader *reader, struct arena *arena, struct need *out)
{
    uint8_t mode;
    uint8_t after;

    *out = (struct need){.shard = read_u32(reader, SHARDS_MAX - 1)};
    mode = reader_u8(reader);
    if (mode > FILL_COMPARE || read_clock(reader, arena, &out->start))
        return ERR_PROTOCOL;
    out->mode = (enum fill_mode)mode;
    after = reader_u8(reader);
    if (after > 1)
        return ERR_PROTOCOL;
    out->has_after = after;
    if (after)
        read_tree_key(reader, out->after);
    return reader->failed ? ERR_PROTOCOL : 0;
}

// ---- pages --------------------------------------------------------------------------------------

// The dots of an item but those of its versions, which the reader sees anyway.
static void add_other_dots(const struct page_item *item, struct buffer *out)
{
    struct clock carried = {0};
    struct clock others = {0};

    for (uint32_t i = 0; i < item->object.count; i++)
        clock_add(&carried, item->object.versions[i].dot);
    clock_copy(&others, &item->dots);
    clock_subtract(&others, &carried);
    clock_encode(&others, out);
    clock_done(&others);
    clock_done(&carried);
}

static void item_encode(const struct page_item *item, struct buffer *out)
{
    check(item->bucket.size <= BUCKET_SIZE_MAX);
    buffer_add_u8(out, (uint8_t)item->bucket.size);
    if (item->bucket.size) {
        buffer_add_slice(out, item->bucket);
        buffer_add_varint(out, item->key.size);
        buffer_add_slice(out, item->key);
    } else {
        buffer_add(out, item->tree_key, TREE_KEY_SIZE);
    }
    object_encode(&item->object, out);
    add_other_dots(item, out);
}

void page_encode(const struct page *page, struct buffer *out)
{
    buffer_add_varint(out, page->shard);
    buffer_add_u8(out, (uint8_t)((page->more ? PAGE_MORE : 0) | (page->has_upto ? PAGE_UPTO : 0)));
    clock_encode(&page->context, out);
    clock_encode(&page->start, out);
    if (page->has_upto)
        buffer_add(out, page->upto, TREE_KEY_SIZE);
    buffer_add_varint(out, page->count);
    for (uint32_t i = 0; i < page->count; i++)
        item_encode(&page->items[i], out);
}

static int item_name_decode(struct reader *reader, struct page_item *out)
{
    uint8_t size = reader_u8(reader);

    out->bucket = reader_slice(reader, size);
    if (reader->failed)
        return ERR_PROTOCOL;
    if (!size) {
        read_tree_key(reader, out->tree_key);
        return reader->failed ? ERR_PROTOCOL : 0;
    }
    out->key = reader_slice(reader, reader_varint(reader));
    return out->key.size == 0 || out->key.size > KEY_SIZE_MAX ? ERR_PROTOCOL : 0;
}

static int item_decode(struct reader *reader, struct arena *arena, struct page_item *out)
{
    *out = (struct page_item){0};
    if (item_name_decode(reader, out) || object_decode(reader, arena, &out->object) ||
        read_clock(reader, arena, &out->dots))
        return ERR_PROTOCOL;
    // Nobody can hold a value whose name is lost, and one spelling of the dots is enough.
    if (!out->bucket.size && out->object.count)
        return ERR_PROTOCOL;
    for (uint32_t i = 0; i < out->object.count; i++) {
        if (!clock_add(&out->dots, out->object.versions[i].dot))
            return ERR_PROTOCOL;
    }
    return 0;
}

int page_decode(struct reader *reader, struct arena *arena, struct page *out)
{
    enum { SIZE_MIN = 6 }; // of an item's bytes
    uint8_t flags;

    *out = (struct page){.shard = read_u32(reader, SHARDS_MAX - 1)};
    flags = reader_u8(reader);
    if (flags > (PAGE_MORE | PAGE_UPTO))
        return ERR_PROTOCOL;
    out->more = flags & PAGE_MORE;
    out->has_upto = flags & PAGE_UPTO;
    if (read_clock(reader, arena, &out->context) || read_clock(reader, arena, &out->start))
        return ERR_PROTOCOL;
    if (out->has_upto)
        read_tree_key(reader, out->upto);
    out->count = read_u32(reader, PAGE_ITEMS_MAX);
    if (reader->failed || out->count > reader_left(reader) / SIZE_MIN)
        return ERR_PROTOCOL;
    out->items = arena_alloc(arena, out->count * sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        if (item_decode(reader, arena, &out->items[i]))
            return ERR_PROTOCOL;
    }
    return 0;
}

void page_item_delta(const struct page *page, const struct page_item *item, struct arena *arena,
                     struct delta *out)
{
    *out = (struct delta){.versions = item->object.versions, .count = item->object.count};
    out->dots = clock_in(arena);
    clock_copy(&out->dots, &item->dots);
    out->context = clock_in(arena);
    clock_copy(&out->context, &page->context);
    clock_join(&out->context, &item->object.rest);
    for (uint32_t i = 0; i < out->count; i++)
        clock_add(&out->context, out->versions[i].dot);
    clock_join(&out->context, &item->dots);
}
