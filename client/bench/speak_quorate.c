// SPDX-License-Identifier: Apache-2.0
// quorate's own protocol. An answer is cut out by the scanner of node/wire and looked at only as
// far as needed: its id, its error, and whether a get has found something. The whole is decoded
// when values or the token are wanted.
#include "client/bench/speaker.h"

#include "base/err.h"
#include "base/pack.h"
#include "node/wire/client.h"

enum { NIL = 0xc0, FALSE = 0xc2 };

static void quorate_start(struct speech *speech)
{
    rpc_scan_init(&speech->scan, REPLY_FRAME_MAX, REPLY_VALUES_MAX);
}

static void quorate_ask(struct speech *speech, const struct ask *ask, struct buffer *out)
{
    struct request request = ask->write ? speech->phrases->put : speech->phrases->get;

    request.key = ask->name;
    if (ask->write)
        request.value = ask->value;
    if (ask->token.size) {
        request.has_token = true;
        request.token = ask->token;
        request.blind = BLIND_DEFAULT;
    }
    request_encode(ask->id, &request, out);
}

// Passes the first value of `rest`, whose head alone is read when nothing is inside it.
static int pass(struct slice *rest, struct slice *out)
{
    size_t size;
    struct pack_head head;
    int err = pack_head_read(*rest, &head);

    size = head.size;
    if (!err && head.inside)
        err = pack_extent(*rest, REPLY_VALUES_MAX, &size);
    if (err || size > rest->size)
        return ERR_PROTOCOL;
    if (out)
        *out = slice_of(rest->data, size);
    *rest = slice_of(rest->data + size, rest->size - size);
    return 0;
}

// The bytes of a MessagePack text of up to 65535 bytes.
static struct slice text_of(struct slice value)
{
    uint8_t first = value.size ? value.data[0] : NIL;
    size_t head = first == 0xd9 ? 2 : first == 0xda ? 3 : 1;

    if ((first & 0xe0) != 0xa0 && head == 1)
        return slice_of(NULL, 0);
    return slice_of(value.data + head, value.size - head);
}

// "TIMEOUT put k: ...": the code becomes the error, the rest the text.
static void error_read(struct slice text, struct answer *out)
{
    const uint8_t *blank = text.size ? memchr(text.data, ' ', text.size) : NULL;
    size_t size = blank ? (size_t)(blank - text.data) : text.size;

    out->err = err_of_code((const char *)text.data, size);
    out->text = blank ? slice_of(blank + 1, text.size - size - 1) : slice_of(NULL, 0);
}

// "found" of a get's result; a put has none, which does no harm.
static bool found_read(struct slice rest)
{
    struct slice name, value;
    struct pack_head head;

    if (pack_head_read(rest, &head))
        return false;
    rest = slice_of(rest.data + head.size, rest.size - head.size);
    for (uint64_t i = 0; i < head.inside / 2; i++) {
        if (pass(&rest, &name) || pass(&rest, &value))
            return false;
        if (slice_is(text_of(name), "found"))
            return value.data[0] != FALSE;
    }
    return false;
}

static int quorate_next(struct speech *speech, struct slice bytes, bool write, struct answer *out)
{
    struct slice rest, error;
    enum rpc_type type;
    int err = rpc_scan_more(&speech->scan, bytes, &out->size);

    (void)write;
    if (err)
        return err == ERR_AGAIN ? ERR_AGAIN : ERR_PROTOCOL;
    out->frame = slice_of(bytes.data, out->size);
    if (rpc_peek(out->frame, &type, &out->id) || type != RPC_RESPONSE)
        return ERR_PROTOCOL;
    rest = slice_of(out->frame.data + 1, out->frame.size - 1);
    if (pass(&rest, NULL) || pass(&rest, NULL) || pass(&rest, &error))
        return ERR_PROTOCOL;
    out->err = 0;
    out->found = false;
    if (error.data[0] != NIL)
        error_read(text_of(error), out);
    else
        out->found = found_read(rest);
    return 0;
}

static int quorate_read(struct speech *speech, struct answer *answer)
{
    struct reply reply;
    int err = reply_decode(answer->frame, METHOD_GET, speech->decoder, &reply);

    if (err)
        return err;
    answer->found = reply.found;
    answer->token = reply.token;
    answer->has_more = reply.version_count > ANSWER_VALUES_MAX;
    answer->value_count =
        reply.version_count < ANSWER_VALUES_MAX ? reply.version_count : ANSWER_VALUES_MAX;
    for (uint32_t i = 0; i < answer->value_count; i++)
        answer->values[i] = reply.versions[i].value;
    return 0;
}

const struct speaker speaker_quorate = {.name = "quorate",
                                        .start = quorate_start,
                                        .ask = quorate_ask,
                                        .next = quorate_next,
                                        .read = quorate_read};
