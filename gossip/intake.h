// SPDX-License-Identifier: Apache-2.0
// What comes over a stream, from its bytes to the one message in it: behind the label, out of the
// encryption and the compression, and complete.
//
//      struct intake intake = {.dialled = true};
//      while ((err = intake_take(&intake, &guard, bytes_so_far, size_max, &message)) == ERR_AGAIN)
//          read more;
//      ...
//      intake_done(&intake);
#ifndef GOSSIP_INTAKE_H
#define GOSSIP_INTAKE_H

#include "gossip/exchange.h"
#include "gossip/guard.h"

// Zeroed but for `dialled` it is ready.
struct intake {
    bool dialled; // by us: what comes is the answer, and has no label
    struct exchange_scan scan;
    struct buffer plain; // out of wrappers
};

void intake_done(struct intake *intake);

// Looks at all bytes of the stream so far. 0 when the message is complete: a plain one, with its
// type byte, in the bytes or in the intake. ERR_AGAIN when not yet. ERR_WRONG_CLUSTER for another
// label, ERR_PRECONDITION when it is not encrypted or with no key of ours, or encrypted and we have
// no key; ERR_PROTOCOL, ERR_TOO_LARGE beyond size_max, also after decompression.
int intake_take(struct intake *intake, const struct guard *guard, struct slice bytes,
                size_t size_max, struct slice *message);

#endif
