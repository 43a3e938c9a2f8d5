// SPDX-License-Identifier: Apache-2.0
// Each question goes through the same stages, and one poll waits for all that are under way:
//
//      WAITING -> CONNECTING -> SENDING -> RECEIVING -> DONE
//         ^____________|  the host's next address, when one refuses
//
// At most ASK_AT_ONCE are between the first and the last.
#include "gossip/cli/ask.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum stage { WAITING, CONNECTING, SENDING, RECEIVING, DONE };

struct call {
    struct question *question;
    enum stage stage;
    struct addrinfo *found; // all addresses of the host
    struct addrinfo *next;  // to try
    int socket;
    uint64_t started_us;
    struct buffer request;
    size_t sent;
    struct buffer received;
    struct intake intake;
    char host[256];
    char port[8];
    struct addrinfo hints;
    struct gaicb lookup;
};

struct asking {
    struct call *calls;
    size_t count;
    size_t under_way;
    uint64_t deadline_us;
    const struct ask_how *how;
};

uint64_t ask_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

// --- Names ---------------------------------------------------------------------------------------

static void prepare(struct call *call)
{
    uint16_t port;

    check(text_read_address(call->question->text, ASK_PORT, call->host, &port) == 0);
    snprintf(call->port, sizeof call->port, "%u", port);
    call->hints = (struct addrinfo){
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    call->socket = -1;
    if (getaddrinfo(call->host, call->port, &call->hints, &call->found))
        call->found = NULL;
    call->hints.ai_flags = 0;
    call->lookup =
        (struct gaicb){.ar_name = call->host, .ar_service = call->port, .ar_request = &call->hints};
}

static bool is_looking_up(struct gaicb **lookups, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (gai_error(lookups[i]) == EAI_INPROGRESS)
            return true;
    }
    return false;
}

static void await_names(struct gaicb **lookups, size_t count, uint64_t deadline_us)
{
    uint64_t now = ask_now_us();

    while (is_looking_up(lookups, count) && now < deadline_us) {
        struct timespec left = {.tv_sec = (time_t)((deadline_us - now) / 1000000),
                                .tv_nsec = (long)((deadline_us - now) % 1000000 * 1000)};

        gai_suspend((const struct gaicb *const *)lookups, (int)count, &left);
        now = ask_now_us();
    }
}

// Those that are no plain addresses. A look-up that cannot be given up keeps its call's memory.
static bool look_up_names(struct asking *asking)
{
    struct gaicb **lookups = memory_new((asking->count + 1) * sizeof *lookups);
    size_t count = 0;
    bool stuck = false;

    for (size_t i = 0; i < asking->count; i++) {
        if (!asking->calls[i].found)
            lookups[count++] = &asking->calls[i].lookup;
    }
    if (count && getaddrinfo_a(GAI_NOWAIT, lookups, (int)count, NULL) == 0)
        await_names(lookups, count, asking->deadline_us);
    for (size_t i = 0; i < asking->count; i++) {
        struct call *call = &asking->calls[i];

        if (call->found)
            continue;
        if (gai_error(&call->lookup) == 0)
            call->found = call->lookup.ar_result;
        else
            stuck |= gai_cancel(&call->lookup) == EAI_NOTCANCELED;
        call->question->err = call->found ? 0 : ERR_NOT_FOUND;
    }
    free(lookups);
    return stuck;
}

// --- One call ------------------------------------------------------------------------------------

static void hang_up(struct asking *asking, struct call *call)
{
    if (call->socket < 0)
        return;
    close(call->socket);
    call->socket = -1;
    asking->under_way--;
}

static uint64_t rtt_of(int connection)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;

    return getsockopt(connection, IPPROTO_TCP, TCP_INFO, &info, &size) ? 0 : info.tcpi_rtt;
}

static void finish(struct asking *asking, struct call *call, int err)
{
    if (!err)
        call->question->rtt_us = rtt_of(call->socket);
    hang_up(asking, call);
    call->stage = DONE;
    call->question->err = err;
    call->question->took_us = ask_now_us() - call->started_us;
}

static struct swim_address address_of(const struct sockaddr *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

    if (address->sa_family == AF_INET)
        return swim_address_of(slice_of(&v4->sin_addr, 4), ntohs(v4->sin_port));
    return swim_address_of(slice_of(&v6->sin6_addr, 16), ntohs(v6->sin6_port));
}

// Tries the addresses of the host until one does not refuse at once.
static void dial(struct asking *asking, struct call *call)
{
    while (call->next && call->socket < 0) {
        struct addrinfo *info = call->next;

        call->next = info->ai_next;
        call->socket =
            socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
        if (call->socket < 0)
            continue;
        asking->under_way++;
        call->stage = CONNECTING;
        call->started_us = ask_now_us();
        call->question->address = address_of(info->ai_addr);
        if (connect(call->socket, info->ai_addr, info->ai_addrlen) && errno != EINPROGRESS)
            hang_up(asking, call);
    }
    if (call->socket < 0)
        finish(asking, call, ERR_CONNECT);
}

static void connected(struct asking *asking, struct call *call)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(call->socket, SOL_SOCKET, SO_ERROR, &error, &size) || error) {
        hang_up(asking, call);
        dial(asking, call);
        return;
    }
    call->stage = SENDING;
}

static void send_more(struct asking *asking, struct call *call)
{
    ssize_t sent = send(call->socket, call->request.data + call->sent,
                        call->request.size - call->sent, MSG_NOSIGNAL);

    if (sent > 0)
        call->sent += (size_t)sent;
    else if (sent < 0 && errno != EAGAIN && errno != EINTR)
        finish(asking, call, ERR_CLOSED);
    if (call->stage == SENDING && call->sent == call->request.size)
        call->stage = RECEIVING;
}

static void receive_more(struct asking *asking, struct call *call)
{
    struct buffer *in = &call->received;
    struct slice answer;
    ssize_t got = recv(call->socket, buffer_reserve(in, 16384), 16384, 0);
    int err;

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        finish(asking, call, ERR_CLOSED);
        return;
    }
    in->size += (size_t)got;
    err = intake_take(&call->intake, asking->how->guard, buffer_slice(in), OBSERVER_ANSWER_MAX,
                      &answer);
    if (err == 0)
        buffer_add_slice(&call->question->answer, answer);
    if (err != ERR_AGAIN)
        finish(asking, call, err);
}

// --- All of them ---------------------------------------------------------------------------------

static void go_on(struct asking *asking, struct call *call)
{
    if (call->stage == CONNECTING)
        connected(asking, call);
    if (call->stage == SENDING)
        send_more(asking, call);
    else if (call->stage == RECEIVING)
        receive_more(asking, call);
}

static void start_some(struct asking *asking)
{
    for (size_t i = 0; i < asking->count && asking->under_way < ASK_AT_ONCE; i++) {
        struct call *call = &asking->calls[i];

        if (call->stage != WAITING)
            continue;
        call->next = call->found;
        if (call->found)
            dial(asking, call);
        else
            finish(asking, call, call->question->err);
    }
}

static size_t list_sockets(const struct asking *asking, struct pollfd *polls, struct call **calls)
{
    size_t count = 0;

    for (size_t i = 0; i < asking->count; i++) {
        struct call *call = &asking->calls[i];

        if (call->socket < 0)
            continue;
        calls[count] = call;
        polls[count++] = (struct pollfd){.fd = call->socket,
                                         .events = call->stage == RECEIVING ? POLLIN : POLLOUT};
    }
    return count;
}

static bool aside_says_on(const struct asking *asking, const struct pollfd *poll_of)
{
    return !poll_of->revents || asking->how->aside->ready(asking->how->aside->data);
}

// One wait; false when it is over: no more calls, no more time, or nobody wants to know.
static bool wait_once(struct asking *asking, struct pollfd *polls, struct call **calls)
{
    size_t count = list_sockets(asking, polls, calls);
    size_t all = count;
    uint64_t now = ask_now_us();

    if (count == 0 || now >= asking->deadline_us)
        return false;
    if (asking->how->aside)
        polls[all++] = (struct pollfd){.fd = asking->how->aside->descriptor, .events = POLLIN};
    if (poll(polls, all, (int)((asking->deadline_us - now) / 1000 + 1)) <= 0)
        return true;
    for (size_t i = 0; i < count; i++) {
        if (polls[i].revents)
            go_on(asking, calls[i]);
    }
    return !asking->how->aside || aside_says_on(asking, &polls[count]);
}

static void carry_out(struct asking *asking)
{
    struct pollfd *polls = memory_new((ASK_AT_ONCE + 1) * sizeof *polls);
    struct call **calls = memory_new(ASK_AT_ONCE * sizeof *calls);

    do
        start_some(asking);
    while (wait_once(asking, polls, calls));
    for (size_t i = 0; i < asking->count; i++) {
        if (asking->calls[i].stage != DONE)
            finish(asking, &asking->calls[i], ERR_TIMEOUT);
    }
    free(polls);
    free(calls);
}

static void write_request(const struct guard *guard, struct buffer *out)
{
    uint8_t nonce[KEYRING_NONCE] = {0};

    if (guard_seals(guard))
        check(getrandom(nonce, sizeof nonce, 0) == sizeof nonce);
    observation_ask_guarded(guard, nonce, out);
}

static void call_done(struct call *call)
{
    if (call->found)
        freeaddrinfo(call->found);
    buffer_done(&call->request);
    buffer_done(&call->received);
    intake_done(&call->intake);
}

void ask_all(const struct ask_how *how, struct question *questions, size_t count)
{
    struct asking asking = {.count = count,
                            .deadline_us = ask_now_us() + how->timeout_ms * 1000,
                            .how = how,
                            .calls = memory_new((count + 1) * sizeof *asking.calls)};
    bool stuck;

    for (size_t i = 0; i < count; i++) {
        asking.calls[i].question = &questions[i];
        asking.calls[i].intake.dialled = true;
        write_request(how->guard, &asking.calls[i].request);
        prepare(&asking.calls[i]);
    }
    stuck = look_up_names(&asking);
    carry_out(&asking);
    for (size_t i = 0; i < count; i++)
        call_done(&asking.calls[i]);
    if (!stuck)
        free(asking.calls);
}
