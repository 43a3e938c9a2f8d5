// SPDX-License-Identifier: Apache-2.0
// The protocol of floors (floor.h). Frames are as long as quorate's for the same operation would
// be: each is encoded once with an empty value, and a value adds its bytes and its longer head.
#include "client/bench/speaker.h"

#include "base/err.h"
#include "node/wire/client.h"

enum {
    AT_REPLY = 4,
    AT_ID = 8,
    TYPICAL_ID = 100,
    TYPICAL_COUNTER = 1000,
    TOKEN_SIZE = 16 // of a key that one node has written
};

// ---- sizes --------------------------------------------------------------------------------------

static uint32_t request_size(struct request request)
{
    uint8_t name[KEY_NAME_SIZE];
    struct buffer bytes = {0};
    uint32_t size;

    key_name(0, name);
    request.key = slice_of(name, sizeof name);
    request.value = slice_of(NULL, 0);
    request_encode(TYPICAL_ID, &request, &bytes);
    size = (uint32_t)bytes.size;
    buffer_done(&bytes);
    return size;
}

static uint32_t reply_size(enum method method)
{
    static const uint8_t token[TOKEN_SIZE] = {1};
    struct version version = {.dot = {UINT64_MAX, TYPICAL_COUNTER}, .stamp = UINT64_MAX};
    struct reply reply = {.method = method,
                          .found = true,
                          .versions = &version,
                          .version_count = 1,
                          .token = slice_of(token, sizeof token),
                          .dot = version.dot,
                          .replies = 2,
                          .acks = 2,
                          .r = 2,
                          .w = 2,
                          .unanimous = true};
    struct buffer bytes = {0};
    uint32_t size;

    reply_encode(TYPICAL_ID, &reply, &bytes);
    size = (uint32_t)bytes.size;
    buffer_done(&bytes);
    return size;
}

void floor_measure(struct phrases *phrases)
{
    phrases->get_size = request_size(phrases->get);
    phrases->put_size = request_size(phrases->put);
    phrases->got_size = reply_size(METHOD_GET);
    phrases->done_size = reply_size(METHOD_PUT);
}

// What a value adds to a frame with an empty one, whose head has two bytes.
static uint32_t value_extra(uint32_t size)
{
    return size + (size < 1 << 8 ? 0 : size < 1 << 16 ? 1 : 3);
}

// ---- speaking -----------------------------------------------------------------------------------

static void floor_begin(struct speech *speech)
{
    (void)speech;
}

static void floor_ask(struct speech *speech, const struct ask *ask, struct buffer *out)
{
    const struct phrases *phrases = speech->phrases;
    uint32_t extra = value_extra(values_size(phrases->values, ask->key));
    uint32_t size = ask->write ? phrases->put_size + extra : phrases->get_size;
    uint32_t reply = ask->write ? phrases->done_size : phrases->got_size + extra;
    uint8_t *at = buffer_reserve(out, size);

    bytes_put_u32(at, size);
    bytes_put_u32(at + AT_REPLY, phrases->echo ? size : reply);
    bytes_put_u64(at + AT_ID, ask->id);
    (void)memcpy(at + FLOOR_HEADER, phrases->values->filler, size - FLOOR_HEADER);
    out->size += size;
}

static int floor_next(struct speech *speech, struct slice bytes, bool write, struct answer *out)
{
    uint32_t size;

    (void)speech;
    if (bytes.size < FLOOR_HEADER)
        return ERR_AGAIN;
    size = bytes_u32(bytes.data);
    if (size < FLOOR_HEADER || size > FLOOR_FRAME_MAX)
        return ERR_PROTOCOL;
    if (bytes.size < size)
        return ERR_AGAIN;
    out->size = size;
    out->id = (uint32_t)bytes_u64(bytes.data + AT_ID);
    out->err = 0;
    out->found = !write;
    out->frame = slice_of(bytes.data, size);
    return 0;
}

static int floor_read(struct speech *speech, struct answer *answer)
{
    (void)speech;
    answer->value_count = 0;
    answer->has_more = false;
    answer->token = slice_of(NULL, 0);
    return 0;
}

const struct speaker speaker_floor = {.name = "floor",
                                      .start = floor_begin,
                                      .ask = floor_ask,
                                      .next = floor_next,
                                      .read = floor_read};
