// SPDX-License-Identifier: Apache-2.0
#include "gossip/observer.h"

#include "base/check.h"
#include "base/err.h"
#include "gossip/packet.h"

#include <stdlib.h>

void observation_done(struct observation *observation)
{
    names_done(&observation->names);
    free(observation->rows);
    *observation = (struct observation){0};
}

void observation_ask(struct buffer *out)
{
    exchange_encode_header(false, 0, 0, out);
}

void observation_ask_guarded(const struct guard *guard, const uint8_t nonce[KEYRING_NONCE],
                             struct buffer *out)
{
    struct buffer request = {0};

    observation_ask(&request);
    guard_seal_stream(guard, true, nonce, buffer_slice(&request), out);
    buffer_done(&request);
}

// NULL when there are too many.
static struct observed *row_of(struct observation *observation, struct slice name)
{
    ptrdiff_t known = names_find(&observation->names, name);
    struct observed *row;

    if (known != NAMES_NONE)
        return &observation->rows[known];
    if (observation->count == OBSERVER_ROWS_MAX)
        return NULL;
    names_add(&observation->names, name);
    if (observation->count == observation->capacity) {
        observation->capacity = observation->capacity ? observation->capacity * 2 : 16;
        observation->rows = memory_grow(observation->rows, observation->capacity * sizeof *row);
    }
    row = &observation->rows[observation->count++];
    *row = (struct observed){0};
    memcpy(row->name, name.data, name.size);
    return row;
}

static int take_record(struct observation *observation, const struct message *record)
{
    struct observed *row = row_of(observation, record->node);
    bool same_life;

    if (!row)
        return ERR_TOO_LARGE;
    row->disputed |= row->told && row->state != record->state;
    same_life = row->told++ && record->incarnation == row->incarnation;
    if (record->incarnation < row->incarnation || (same_life && record->state <= row->state))
        return 0;
    row->address = record->address;
    row->state = record->state;
    row->incarnation = record->incarnation;
    row->meta_size = (uint16_t)record->meta.size;
    if (record->meta.size)
        memcpy(row->meta, record->meta.data, record->meta.size);
    return 0;
}

static int take_plain(struct observation *observation, struct slice answer,
                      struct buffer *user_state)
{
    struct exchange exchange;
    struct message record;
    int err = exchange_open(answer, &exchange);

    while (!err) {
        err = exchange_next(&exchange, &record);
        if (!err)
            err = take_record(observation, &record);
    }
    if (err != ERR_NOT_FOUND)
        return err;
    buffer_add_slice(user_state, exchange.user_state);
    observation->answers++;
    return 0;
}

int observation_take(struct observation *observation, struct slice answer,
                     struct buffer *user_state)
{
    struct buffer plain = {0};
    int err;

    if (answer.size == 0 || answer.data[0] != MESSAGE_COMPRESSED)
        return take_plain(observation, answer, user_state);
    err = packet_decompress(answer, OBSERVER_ANSWER_MAX, &plain);
    if (!err)
        err = take_plain(observation, buffer_slice(&plain), user_state);
    buffer_done(&plain);
    return err;
}

void observation_finish(struct observation *observation)
{
    for (size_t i = 0; i < observation->count; i++)
        observation->rows[i].disputed |= observation->rows[i].told != observation->answers;
}
