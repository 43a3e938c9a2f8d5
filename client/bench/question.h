// SPDX-License-Identifier: Apache-2.0
// One question to one server, waited for: what must be known before the load begins.
#ifndef CLIENT_BENCH_QUESTION_H
#define CLIENT_BENCH_QUESTION_H

#include "node/data/message.h"
#include "node/wire/decoder.h"

#include <sys/socket.h>

struct address {
    struct sockaddr_storage socket;
    char text[ADDRESS_SIZE_MAX + 1]; // "host:port" as it was given
};

// Looks up "host:port"; the port may be missing when `port` is not 0. ERR_INVALID when it is no
// such text or longer than a node's address may be, ERR_CONNECT when the name is not known.
int address_find(const char *text, uint16_t port, struct address *out);

socklen_t address_size(const struct address *address);

// Asks and waits for at most timeout_ms. The reply lives in the decoder and in `memory`; reply->err
// may say that the server refused. ERR_CONNECT, ERR_TIMEOUT, ERR_CLOSED, ERR_PROTOCOL.
struct answered {
    struct wire_decoder decoder;
    struct buffer memory;
    struct reply reply;
};
int question_ask(const struct address *address, const struct request *request, uint32_t timeout_ms,
                 struct answered *out);
void answered_done(struct answered *answered);

#endif
