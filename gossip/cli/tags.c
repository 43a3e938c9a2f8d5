// SPDX-License-Identifier: Apache-2.0
#include "gossip/cli/tags.h"

#include "base/err.h"
#include "base/pack.h"
#include "base/text.h"

#include <stdlib.h>

enum { TAGS_MAGIC = 0xff };

static int compare_tags(const void *left, const void *right)
{
    return strcmp(((const struct tag *)left)->name, ((const struct tag *)right)->name);
}

static struct slice text_of(const msgpack_object *object)
{
    if (object->type == MSGPACK_OBJECT_STR)
        return slice_of(object->via.str.ptr, object->via.str.size);
    if (object->type == MSGPACK_OBJECT_BIN)
        return slice_of(object->via.bin.ptr, object->via.bin.size);
    return slice_of(NULL, 0);
}

// Copies a text behind those that are there; NULL when it cannot be shown.
static const char *keep(struct tags *tags, size_t *used, struct slice text)
{
    char *at = tags->texts + *used;

    if (!text_is_printable(text) || text.size + 1 > sizeof tags->texts - *used)
        return NULL;
    if (text.size)
        memcpy(at, text.data, text.size);
    at[text.size] = '\0';
    *used += text.size + 1;
    return at;
}

static void read_pairs(const msgpack_object_map *map, struct tags *tags)
{
    size_t used = 0;

    for (uint32_t i = 0; i < map->size && tags->count < TAGS_MAX; i++) {
        const char *name = keep(tags, &used, text_of(&map->ptr[i].key));
        const char *value = keep(tags, &used, text_of(&map->ptr[i].val));

        if (name && value && name[0])
            tags->items[tags->count++] = (struct tag){name, value};
    }
    if (tags->count)
        qsort(tags->items, tags->count, sizeof tags->items[0], compare_tags);
}

int tags_read(struct slice meta, struct tags *out)
{
    struct pack_value value;
    bool is_map;

    out->count = 0;
    if (meta.size < 2 || meta.data[0] != TAGS_MAGIC)
        return ERR_PROTOCOL;
    meta = slice_of(meta.data + 1, meta.size - 1);
    if (pack_value_read(meta, 2 * TAGS_MAX + 1, &value))
        return ERR_PROTOCOL;
    is_map = value.unpacked.data.type == MSGPACK_OBJECT_MAP;
    if (is_map)
        read_pairs(&value.unpacked.data.via.map, out);
    pack_value_done(&value);
    return is_map ? 0 : ERR_PROTOCOL;
}

const char *tags_find(const struct tags *tags, const char *name)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (strcmp(tags->items[i].name, name) == 0)
            return tags->items[i].value;
    }
    return NULL;
}

void tags_write(const struct tags *tags, struct buffer *out)
{
    for (size_t i = 0; i < tags->count; i++)
        buffer_add_format(out, "%s%s=%s", i ? " " : "", tags->items[i].name, tags->items[i].value);
}
