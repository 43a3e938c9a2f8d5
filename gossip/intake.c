// SPDX-License-Identifier: Apache-2.0
#include "gossip/intake.h"

#include "base/err.h"
#include "gossip/packet.h"

void intake_done(struct intake *intake)
{
    buffer_done(&intake->plain);
    *intake = (struct intake){0};
}

// A message that is whole, whatever more could come behind it.
static int take_whole(struct slice bytes, size_t size_max, struct slice *message)
{
    struct exchange_scan scan = {0};
    int err = exchange_scan(&scan, bytes, size_max);

    if (!err)
        *message = slice_of(bytes.data, scan.done);
    return err == ERR_AGAIN ? ERR_PROTOCOL : err;
}

static int take_compressed(struct intake *intake, struct slice packed, size_t size_max,
                           struct slice *message)
{
    struct buffer plain = {0};
    int err = packet_decompress(packed, size_max, &plain);

    buffer_done(&intake->plain);
    intake->plain = plain;
    if (!err)
        err = take_whole(buffer_slice(&intake->plain), size_max, message);
    // Compressed twice: nobody does that.
    return !err && message->data[0] == MESSAGE_COMPRESSED ? ERR_PROTOCOL : err;
}

static int take_sealed(struct intake *intake, const struct guard *guard, struct slice sealed,
                       size_t size_max, struct slice *message)
{
    int err;

    buffer_reset(&intake->plain, 0);
    err = guard_open_stream(guard, sealed, &intake->plain);
    return err ? err : take_whole(buffer_slice(&intake->plain), size_max, message);
}

int intake_take(struct intake *intake, const struct guard *guard, struct slice bytes,
                size_t size_max, struct slice *message)
{
    struct slice found;
    struct guard_view view;
    int err = guard_look(guard, intake->dialled, bytes, size_max, &view);

    if (err)
        return err;
    if (view.sealed.size) {
        err = take_sealed(intake, guard, view.sealed, size_max, &found);
    } else {
        bytes = slice_of(bytes.data + view.start, bytes.size - view.start);
        err = exchange_scan(&intake->scan, bytes, size_max - view.start);
        found = slice_of(bytes.data, intake->scan.done);
    }
    if (!err && found.data[0] == MESSAGE_COMPRESSED)
        err = take_compressed(intake, found, size_max, &found);
    if (!err)
        *message = found;
    return err;
}
