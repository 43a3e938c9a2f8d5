// SPDX-License-Identifier: Apache-2.0
// The decoders of gossip alone, without a machine behind them, so that many more inputs are tried:
// datagrams and streams, in a plain ring and in one with a label and a key. What is understood is
// written again and must mean the same.
#include "base/check.h"
#include "base/err.h"
#include "gossip/intake.h"
#include "gossip/lzw.h"
#include "gossip/packet.h"
#include "node/wire/meta.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STREAM_MAX = 1 << 20 };

static struct arena arena;
static struct packet packet;

static struct guard guard_of(bool sealed)
{
    struct guard guard = {0};
    uint8_t key[16];

    for (uint8_t i = 0; i < sizeof key; i++)
        key[i] = i;
    if (!sealed)
        return guard;
    check(guard_set_label(&guard, slice_of_text("quorate-test")) == 0);
    check(keyring_add(&guard.keys, slice_of(key, sizeof key)) == 0);
    return guard;
}

static void check_same(const struct message *a, const struct message *b)
{
    check(a->type == b->type && a->sequence == b->sequence && a->incarnation == b->incarnation);
    check(slice_equal(a->node, b->node) && slice_equal(a->from, b->from));
    check(slice_equal(a->meta, b->meta) && slice_equal(a->payload, b->payload));
    check(swim_address_equal(&a->address, &b->address));
    check(swim_address_equal(&a->source, &b->source));
    check(swim_address_equal(&a->target, &b->target));
}

static void read_message(struct slice bytes)
{
    struct buffer out = {0};
    struct message message;
    struct message again;

    if (message_decode(bytes, &message))
        return;
    message_encode(&message, &out);
    check(message_decode(buffer_slice(&out), &again) == 0);
    check_same(&message, &again);
    buffer_done(&out);
}

static void read_datagram(const struct guard *guard, struct slice bytes)
{
    struct slice inside;

    if (guard_open_datagram(guard, bytes, &arena, &inside))
        return;
    (void)packet_open(inside, &arena, &packet);
    check(packet.count <= PACKET_PARTS_READ && packet.unpacked <= PACKET_UNPACKED_MAX);
    for (size_t i = 0; i < packet.count; i++)
        read_message(packet.parts[i]);
}

static void read_records(struct slice message)
{
    struct exchange exchange;
    struct message record;
    struct node_meta meta;

    if (exchange_open(message, &exchange))
        return;
    while (exchange_next(&exchange, &record) == 0)
        (void)meta_decode(record.meta, &meta);
}

// In one piece and in two: the same.
static void read_stream(const struct guard *guard, bool dialled, struct slice bytes)
{
    struct intake whole = {.dialled = dialled};
    struct intake pieces = {.dialled = dialled};
    struct slice message, again, payload;
    int err = intake_take(&whole, guard, bytes, STREAM_MAX, &message);
    int half =
        intake_take(&pieces, guard, slice_of(bytes.data, bytes.size / 2), STREAM_MAX, &again);

    if (half == ERR_AGAIN) {
        check(intake_take(&pieces, guard, bytes, STREAM_MAX, &again) == err);
        check(err || slice_equal(message, again));
    }
    if (!err) {
        read_records(message);
        read_message(message);
        (void)exchange_open_user(message, &payload);
    }
    intake_done(&whole);
    intake_done(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_of(data, size);

    for (unsigned sealed = 0; sealed < 2; sealed++) {
        struct guard guard = guard_of(sealed);

        read_datagram(&guard, bytes);
        read_stream(&guard, false, bytes);
        read_stream(&guard, true, bytes);
        arena_reset(&arena);
    }
    return 0;
}
