// SPDX-License-Identifier: Apache-2.0
// RESP, the protocol of redis and its kin: GET; SET, with WAIT behind it when a write must be on
// replicas too. Both count as one operation, whose answer is complete with the second reply.
#include "client/bench/speaker.h"

#include "base/err.h"

enum { LINE_MAX_SIZE = 1 << 16, DIGITS_MAX = 18 };

static void redis_start(struct speech *speech)
{
    speech->parts = 0;
    speech->err = 0;
}

// Decimal digits into the end of `out`; returns where they begin.
static char *digits(char out[24], size_t number)
{
    char *at = out + 24;

    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return at;
}

static void add_bulk(struct buffer *out, struct slice bytes)
{
    char memory[24];
    const char *size = digits(memory, bytes.size);

    buffer_add_u8(out, '$');
    buffer_add(out, size, (size_t)(memory + sizeof memory - size));
    buffer_add(out, "\r\n", 2);
    buffer_add_slice(out, bytes);
    buffer_add(out, "\r\n", 2);
}

static void add_number(struct buffer *out, uint32_t number)
{
    char memory[24];
    const char *text = digits(memory, number);

    add_bulk(out, slice_of(text, (size_t)(memory + sizeof memory - text)));
}

static void redis_ask(struct speech *speech, const struct ask *ask, struct buffer *out)
{
    if (!ask->write) {
        buffer_add(out, "*2\r\n$3\r\nGET\r\n", 13);
        add_bulk(out, ask->name);
        return;
    }
    buffer_add(out, "*3\r\n$3\r\nSET\r\n", 13);
    add_bulk(out, ask->name);
    add_bulk(out, ask->value);
    if (speech->phrases->wait == 0)
        return;
    buffer_add(out, "*3\r\n$4\r\nWAIT\r\n", 14);
    add_number(out, speech->phrases->wait);
    add_number(out, speech->phrases->wait_ms);
}

// A reply: its first byte, the text behind it up to the line's end, and the bytes of a bulk string.
struct part {
    char type;
    struct slice line;
    struct slice bulk;
    bool none; // a bulk string that is not there
    size_t size;
};

// A whole number; what is none gives -1, as what is not there does.
static int64_t number_of(struct slice text)
{
    int64_t number = 0;

    if (text.size == 0 || text.size > DIGITS_MAX)
        return -1;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return -1;
        number = number * 10 + (text.data[i] - '0');
    }
    return number;
}

static int part_read(struct slice bytes, struct part *out)
{
    const uint8_t *end = bytes.size ? memchr(bytes.data, '\n', bytes.size) : NULL;
    size_t line;
    int64_t size;

    if (!end)
        return bytes.size > LINE_MAX_SIZE ? ERR_PROTOCOL : ERR_AGAIN;
    line = (size_t)(end - bytes.data) + 1;
    if (line < 3 || end[-1] != '\r')
        return ERR_PROTOCOL;
    *out = (struct part){
        .type = (char)bytes.data[0], .line = slice_of(bytes.data + 1, line - 3), .size = line};
    if (out->type != '$')
        return 0;
    size = number_of(out->line);
    out->none = size < 0;
    if (size < 0)
        return 0;
    if (size > REPLY_FRAME_MAX)
        return ERR_PROTOCOL;
    if (bytes.size < line + (size_t)size + 2)
        return ERR_AGAIN;
    out->bulk = slice_of(bytes.data + line, (size_t)size);
    out->size += (size_t)size + 2;
    return 0;
}

// What a reply says of the operation. Of redis's own words only those that stand for something
// else than a wrong request.
static int part_err(const struct speech *speech, const struct part *part, bool is_wait)
{
    if (part->type == '-')
        return part->line.size >= 3 && memcmp(part->line.data, "OOM", 3) == 0 ? ERR_OVERLOADED
               : part->line.size >= 8 && memcmp(part->line.data, "READONLY", 8) == 0 ? ERR_READ_ONLY
               : part->line.size >= 7 && memcmp(part->line.data, "LOADING", 7) == 0
                   ? ERR_NOT_SERVING
                   : ERR_INVALID;
    if (is_wait && part->type == ':' && number_of(part->line) < speech->phrases->wait)
        return ERR_TIMEOUT; // written, and on fewer replicas than asked for
    return 0;
}

static int redis_next(struct speech *speech, struct slice bytes, bool write, struct answer *out)
{
    uint32_t wanted = write && speech->phrases->wait > 0 ? 2 : 1;
    struct slice rest = bytes;
    struct part part = {0};

    // Replies before the last are read again when the last comes later: they are short.
    out->err = 0;
    out->text = slice_of(NULL, 0);
    for (uint32_t i = 0; i < wanted; i++) {
        int err = part_read(rest, &part);

        if (err)
            return err;
        err = part_err(speech, &part, i > 0);
        if (err && !out->err) {
            out->err = err;
            out->text = part.type == '-' ? part.line : slice_of(NULL, 0);
        }
        rest = slice_of(rest.data + part.size, rest.size - part.size);
    }
    out->size = bytes.size - rest.size;
    out->frame = slice_of(bytes.data, out->size);
    out->found = part.type == '$' && !part.none;
    out->values[0] = part.bulk;
    out->value_count = out->found ? 1 : 0;
    return 0;
}

static int redis_read(struct speech *speech, struct answer *answer)
{
    (void)speech;
    answer->has_more = false;
    answer->token = slice_of(NULL, 0);
    return 0;
}

const struct speaker speaker_redis = {.name = "redis",
                                      .in_order = true,
                                      .start = redis_start,
                                      .ask = redis_ask,
                                      .next = redis_next,
                                      .read = redis_read};
