// SPDX-License-Identifier: Apache-2.0
// What the node notes about itself: the number of shards, birth marks, named records. Few and
// small, so they live in memory as a whole and in log and tree as everything else does.
#include "node/store/state.h"

#include "base/check.h"
#include "base/err.h"

#include <stdlib.h>

void shards_set(struct store *store, uint32_t shards, uint64_t position)
{
    check(store->shards == 0 && shards > 0);
    store->shards = shards;
    store->shards_position = position;
    store->shards_changed = true;
    store->replicas = memory_new(shards * sizeof *store->replicas);
}

int record_append(struct store *store, const struct log_record *record, uint64_t *out)
{
    int err = store_admit(store, LOG_USE_RESERVE);

    return err ? err : log_append(&store->log, record, LOG_USE_RESERVE, out);
}

int store_set_shards(struct store *store, uint32_t shards, uint64_t *out_position)
{
    struct log_record record = {.type = LOG_SHARDS, .number = shards};
    uint64_t position;
    int err;

    if (shards == 0 || shards > SHARDS_MAX || (shards & (shards - 1)) != 0)
        return ERR_INVALID;
    if (store->shards) {
        if (store->shards != shards)
            return ERR_INVALID;
        *out_position = store->shards_position;
        return 0;
    }
    err = record_append(store, &record, &position);
    if (err)
        return err;
    shards_set(store, shards, position);
    *out_position = position;
    return 0;
}

uint32_t store_shards(const struct store *store)
{
    return store->shards;
}

void born_apply(struct store *store, uint32_t shard)
{
    store->replicas[shard].born = true;
    store->replicas[shard].changed = true;
    // Its dots may go from the dot log for want of room from now on.
    dot_log_keep_none(&store->dot_log);
}

int store_set_born(struct store *store, uint32_t shard, uint64_t *out_position)
{
    struct log_record record = {.type = LOG_BORN, .number = shard};
    struct replica *replica = &store->replicas[shard];
    int err;

    check(shard < store->shards);
    if (replica->born) {
        *out_position = log_end(&store->log);
        return 0;
    }
    err = record_append(store, &record, out_position);
    if (err)
        return err;
    born_apply(store, shard);
    return 0;
}

static struct meta_value *meta_find(const struct store *store, struct slice name)
{
    for (uint32_t i = 0; i < store->meta_count; i++) {
        if (slice_is(name, store->metas[i]->name))
            return store->metas[i];
    }
    return NULL;
}

static int meta_admit(const struct store *store, struct slice name, struct slice value)
{
    if (name.size == 0 || memchr(name.data, 0, name.size))
        return ERR_INVALID;
    if (name.size > META_NAME_MAX || value.size > META_VALUE_MAX)
        return ERR_TOO_LARGE;
    return store->meta_count == META_COUNT_MAX && !meta_find(store, name) ? ERR_TOO_LARGE : 0;
}

int meta_set(struct store *store, struct slice name, struct slice value, uint64_t position)
{
    struct meta_value *meta = meta_find(store, name);
    int err = meta_admit(store, name, value);

    if (err)
        return err;
    if (!meta) {
        meta = memory_new(sizeof *meta);
        memcpy(meta->name, name.data, name.size);
        store->metas[store->meta_count++] = meta;
    }
    meta->value.size = 0;
    buffer_add_slice(&meta->value, value);
    meta->position = position;
    meta->changed = true;
    return 0;
}

int store_meta_put(struct store *store, const char *name, struct slice value,
                   uint64_t *out_position)
{
    struct log_record record = {.type = LOG_META, .name = slice_of_text(name), .value = value};
    uint64_t position;
    int err = meta_admit(store, record.name, value);

    if (!err)
        err = record_append(store, &record, &position);
    if (!err)
        err = meta_set(store, record.name, value, position);
    if (!err)
        *out_position = position;
    return err;
}

int store_meta_get(const struct store *store, const char *name, struct buffer *out)
{
    const struct meta_value *meta = meta_find(store, slice_of_text(name));

    if (!meta)
        return ERR_NOT_FOUND;
    buffer_add_slice(out, buffer_slice(&meta->value));
    return 0;
}
