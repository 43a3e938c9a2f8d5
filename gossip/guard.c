// SPDX-License-Identifier: Apache-2.0
#include "gossip/guard.h"

#include "base/err.h"
#include "base/text.h"
#include "gossip/message.h"

enum { LABEL_HEADER = 2 };

void guard_done(struct guard *guard)
{
    keyring_done(&guard->keys);
}

int guard_set_label(struct guard *guard, struct slice label)
{
    if (label.size > GUARD_LABEL_MAX || !text_is_printable(label))
        return ERR_INVALID;
    memset(guard->label, 0, sizeof guard->label);
    if (label.size)
        memcpy(guard->label, label.data, label.size);
    return 0;
}

bool guard_seals(const struct guard *guard)
{
    return guard->keys.count > 0 && !guard->sends_plain;
}

static bool wants_sealed(const struct guard *guard)
{
    return guard->keys.count > 0 && !guard->takes_plain;
}

static enum keyring_version version_of(const struct guard *guard)
{
    return guard->padded ? KEYRING_PADDED : KEYRING_PLAIN;
}

size_t guard_overhead(const struct guard *guard)
{
    size_t label = strlen(guard->label);
    size_t overhead = label ? LABEL_HEADER + label : 0;

    if (guard_seals(guard))
        overhead += KEYRING_OVERHEAD;
    if (guard_seals(guard) && guard->padded)
        overhead += KEYRING_PADDING;
    return overhead;
}

// --- The label -----------------------------------------------------------------------------------

static void add_label(const struct guard *guard, struct buffer *out)
{
    size_t size = strlen(guard->label);

    if (size == 0)
        return;
    buffer_add_u8(out, MESSAGE_LABEL);
    buffer_add_u8(out, (uint8_t)size);
    buffer_add(out, guard->label, size);
}

// How many bytes the label takes. Another one than ours, or one where we have none, or none where
// we have one, is a foreign ring. ERR_AGAIN as long as more bytes could make it ours.
static int skip_label(const struct guard *guard, struct slice bytes, size_t *skipped)
{
    size_t size = strlen(guard->label);
    size_t seen = bytes.size < LABEL_HEADER + size ? bytes.size : LABEL_HEADER + size;

    *skipped = 0;
    if (bytes.size == 0)
        return ERR_AGAIN;
    if (size == 0)
        return bytes.data[0] == MESSAGE_LABEL ? ERR_WRONG_CLUSTER : 0;
    if (bytes.data[0] != MESSAGE_LABEL || (seen > 1 && bytes.data[1] != size))
        return ERR_WRONG_CLUSTER;
    if (seen > LABEL_HEADER &&
        memcmp(bytes.data + LABEL_HEADER, guard->label, seen - LABEL_HEADER) != 0)
        return ERR_WRONG_CLUSTER;
    *skipped = seen;
    return seen < LABEL_HEADER + size ? ERR_AGAIN : 0;
}

// --- Datagrams -----------------------------------------------------------------------------------

void guard_seal_datagram(const struct guard *guard, const uint8_t nonce[KEYRING_NONCE],
                         struct slice inside, struct buffer *out)
{
    struct keyring_terms terms = {version_of(guard), nonce, slice_of_text(guard->label)};

    add_label(guard, out);
    if (guard_seals(guard))
        keyring_seal(&guard->keys, &terms, inside, out);
    else
        buffer_add_slice(out, inside);
}

int guard_open_datagram(const struct guard *guard, struct slice datagram, struct arena *arena,
                        struct slice *inside)
{
    struct buffer plain = {0};
    size_t skipped;
    int err = skip_label(guard, datagram, &skipped);

    if (err)
        return err == ERR_AGAIN ? ERR_PROTOCOL : err;
    datagram = slice_of(datagram.data + skipped, datagram.size - skipped);
    if (guard->keys.count == 0) {
        *inside = datagram;
        return 0;
    }
    err = keyring_open(&guard->keys, datagram, slice_of_text(guard->label), &plain);
    if (!err)
        *inside = arena_copy(arena, buffer_slice(&plain));
    buffer_done(&plain);
    if (err && guard->takes_plain) {
        *inside = datagram;
        return 0;
    }
    // A plain message is no sealed one: who sends it lacks the key.
    return err ? ERR_PRECONDITION : 0;
}

// --- Streams -------------------------------------------------------------------------------------

// The frame and the label are protected with the message.
static struct slice associated_of(const struct guard *guard, const uint8_t *frame,
                                  uint8_t out[GUARD_FRAME + GUARD_LABEL_MAX])
{
    size_t size = strlen(guard->label);

    memcpy(out, frame, GUARD_FRAME);
    memcpy(out + GUARD_FRAME, guard->label, size);
    return slice_of(out, GUARD_FRAME + size);
}

void guard_seal_stream(const struct guard *guard, bool dialled, const uint8_t nonce[KEYRING_NONCE],
                       struct slice message, struct buffer *out)
{
    uint8_t associated[GUARD_FRAME + GUARD_LABEL_MAX];
    size_t size = keyring_sealed_size(version_of(guard), message.size);
    uint8_t frame[GUARD_FRAME] = {MESSAGE_ENCRYPTED};
    struct keyring_terms terms = {version_of(guard), nonce, {NULL, 0}};

    if (dialled)
        add_label(guard, out);
    if (!guard_seals(guard)) {
        buffer_add_slice(out, message);
        return;
    }
    bytes_put_u32(frame + 1, __builtin_bswap32((uint32_t)size));
    buffer_add(out, frame, sizeof frame);
    terms.associated = associated_of(guard, frame, associated);
    keyring_seal(&guard->keys, &terms, message, out);
}

static int look_at_frame(struct slice bytes, size_t size_max, struct slice *sealed)
{
    size_t size;

    if (bytes.size < GUARD_FRAME)
        return ERR_AGAIN;
    size = __builtin_bswap32(bytes_u32(bytes.data + 1));
    if (size < KEYRING_OVERHEAD)
        return ERR_PROTOCOL;
    if (size > size_max || GUARD_FRAME + size > size_max)
        return ERR_TOO_LARGE;
    if (bytes.size < GUARD_FRAME + size)
        return ERR_AGAIN;
    *sealed = slice_of(bytes.data, GUARD_FRAME + size);
    return 0;
}

int guard_look(const struct guard *guard, bool dialled, struct slice bytes, size_t size_max,
               struct guard_view *view)
{
    int err = 0;

    *view = (struct guard_view){0};
    if (!dialled)
        err = skip_label(guard, bytes, &view->start);
    if (err)
        return err;
    bytes = slice_of(bytes.data + view->start, bytes.size - view->start);
    size_max -= view->start;
    if (bytes.size == 0)
        return ERR_AGAIN;
    if (bytes.data[0] != MESSAGE_ENCRYPTED)
        return wants_sealed(guard) ? ERR_PRECONDITION : 0;
    if (guard->keys.count == 0)
        return ERR_PRECONDITION;
    return look_at_frame(bytes, size_max, &view->sealed);
}

int guard_open_stream(const struct guard *guard, struct slice sealed, struct buffer *out)
{
    uint8_t associated[GUARD_FRAME + GUARD_LABEL_MAX];

    return keyring_open(&guard->keys,
                        slice_of(sealed.data + GUARD_FRAME, sealed.size - GUARD_FRAME),
                        associated_of(guard, sealed.data, associated), out);
}
