// SPDX-License-Identifier: Apache-2.0
// A link goes up, serves and goes down, once:
//
//      look up the name ─▶ connect to its first address ─▶ up ─▶ closing ─▶ freed
//                            ▲  failed: the next address            ▲
//                            └──────────────────┘  none left, or too late
//
// A link that says nothing to a question until it is too late is left: it is asked nothing more and
// closes with its last question. Its site opens another for what comes next.
//
// Bytes. Questions are appended to `out`; at the end of the loop's turn the link tries to write all
// of it at once and hands the rest to uv_write. `handed` counts what the system has taken, and
// counts what uv_write was given as taken: so "sent" may be said of a question that never left, but
// never the other way round. A question that was only partly handed over has had no effect: its
// node sees a frame without an end.
#include "client/link.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "node/wire/client.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

enum { READ_SIZE = 64 << 10, BUFFER_KEEP = 1 << 20 };

static void link_fail(struct link *link, int err, const char *why);
static void connect_next(struct link *link);

// ---- going down ---------------------------------------------------------------------------------

// The memory goes when nothing of libuv points to it any more.
static void link_try_free(struct link *link)
{
    struct turn *turn = link->turn;

    if (link->tcp_open || link->looking_up)
        return;
    if (link->found)
        uv_freeaddrinfo(link->found);
    buffer_done(&link->out);
    buffer_done(&link->given);
    buffer_done(&link->in);
    table_done(&link->by_id);
    free(link);
    turn_release(turn);
}

static void tcp_closed(uv_handle_t *handle)
{
    struct link *link = handle->data;

    link->tcp_open = false;
    if (link->state == LINK_CLOSING)
        link_try_free(link);
    else
        connect_next(link);
}

static void tcp_close(struct link *link)
{
    if (link->tcp_open && !uv_is_closing((uv_handle_t *)&link->tcp))
        uv_close((uv_handle_t *)&link->tcp, tcp_closed);
}

static void questions_fail(struct link *link, int err, const char *why)
{
    struct question *question;

    while ((question = TAILQ_FIRST(&link->questions))) {
        struct outcome outcome = {.err = err, .sent = link_sent(question), .why = why};

        link_forget(question);
        question->answered(question, &outcome);
    }
}

static void link_fail(struct link *link, int err, const char *why)
{
    if (link->state == LINK_CLOSING)
        return;
    link->state = LINK_CLOSING;
    alarm_clear(link->turn, &link->patience);
    chore_clear(link->turn, &link->flush);
    link->changed(link);
    questions_fail(link, err, why);
    if (link->looking_up)
        (void)uv_cancel((uv_req_t *)&link->lookup); // its callback comes in any case
    tcp_close(link);
    if (!link->tcp_open && !link->looking_up)
        link_try_free(link);
}

void link_close(struct link *link)
{
    link_fail(link, ERR_CLOSED, "the client was closed");
}

// ---- reading ------------------------------------------------------------------------------------

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct link *link = handle->data;

    (void)suggested;
    out->base = (char *)buffer_reserve(&link->in, READ_SIZE);
    out->len = link->in.capacity - link->in.size;
}

// An answer to a question that was given up is dropped.
static int frame_arrived(struct link *link, struct slice frame)
{
    struct outcome outcome = {.frame = frame};
    struct question *question;
    enum rpc_type type;
    uint32_t id;
    int err = rpc_peek(frame, &type, &id);

    if (err)
        return err;
    if (type != RPC_RESPONSE)
        return ERR_PROTOCOL;
    question = table_find(&link->by_id, id);
    if (!question)
        return 0;
    link_forget(question);
    question->answered(question, &outcome);
    return 0;
}

// Takes the frames that are complete. A callback may close the link, whose memory stays for now.
static int frames_take(struct link *link)
{
    size_t start = 0;
    int err = 0;

    while (!err && link->state == LINK_UP && start < link->in.size) {
        struct slice rest = slice_of(link->in.data + start, link->in.size - start);
        size_t size = 0;

        err = rpc_scan_more(&link->scan, rest, &size);
        if (!err)
            err = frame_arrived(link, slice_of(rest.data, size));
        start += size;
    }
    buffer_drop(&link->in, start);
    if (link->in.size == 0)
        buffer_reset(&link->in, BUFFER_KEEP);
    return err == ERR_AGAIN ? 0 : err;
}

static void bytes_arrived(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct link *link = stream->data;

    (void)buffer;
    if (link->state != LINK_UP)
        return;
    if (size < 0) {
        link_fail(link, ERR_CLOSED, size == UV_EOF ? "closed by the node" : uv_strerror((int)size));
        return;
    }
    link->in.size += (size_t)size;
    link->heard_ms = turn_now_ms();
    if (frames_take(link))
        link_fail(link, ERR_PROTOCOL, "what it says is not quorate's protocol");
}

// ---- writing ------------------------------------------------------------------------------------

static void written(uv_write_t *request, int status)
{
    struct link *link = request->data;

    link->is_writing = false;
    if (link->state != LINK_UP)
        return;
    if (status < 0) {
        link_fail(link, ERR_CLOSED, uv_strerror(status));
        return;
    }
    buffer_reset(&link->given, 0);
    if (link->out.size > 0)
        chore_set(link->turn, &link->flush);
}

// Gives the system what it takes now.
static int write_now(struct link *link)
{
    uv_buf_t bytes = uv_buf_init((char *)link->out.data, (unsigned)link->out.size);
    int taken = uv_try_write((uv_stream_t *)&link->tcp, &bytes, 1);

    if (taken == UV_EAGAIN)
        return 0;
    if (taken < 0)
        return taken;
    link->handed += (uint64_t)taken;
    buffer_drop(&link->out, (size_t)taken);
    return 0;
}

// Leaves the rest to libuv.
static int write_later(struct link *link)
{
    struct buffer swap = link->given;
    uv_buf_t bytes;

    link->given = link->out;
    link->out = swap;
    link->handed += link->given.size;
    bytes = uv_buf_init((char *)link->given.data, (unsigned)link->given.size);
    link->writing.data = link;
    link->is_writing = true;
    return uv_write(&link->writing, (uv_stream_t *)&link->tcp, &bytes, 1, written);
}

static void link_flush(struct chore *chore)
{
    struct link *link = (struct link *)((char *)chore - offsetof(struct link, flush));
    int err;

    if (link->state == LINK_CONNECTING && link->next && !link->tcp_open)
        connect_next(link);
    if (link->state != LINK_UP || link->is_writing || link->out.size == 0)
        return;
    err = write_now(link);
    if (!err && link->out.size > 0)
        err = write_later(link);
    else if (!err)
        buffer_reset(&link->out, BUFFER_KEEP);
    if (err)
        link_fail(link, ERR_CLOSED, uv_strerror(err));
}

// ---- going up -----------------------------------------------------------------------------------

static void link_up(struct link *link)
{
    int err = uv_read_start((uv_stream_t *)&link->tcp, give_room, bytes_arrived);

    if (err) {
        link_fail(link, ERR_CONNECT, uv_strerror(err));
        return;
    }
    (void)uv_tcp_nodelay(&link->tcp, 1);
    alarm_clear(link->turn, &link->patience);
    link->state = LINK_UP;
    link->was_up = true;
    chore_set(link->turn, &link->flush);
    link->changed(link);
}

static void connected(uv_connect_t *request, int status)
{
    struct link *link = request->data;

    if (link->state != LINK_CONNECTING)
        return;
    if (status == 0) {
        link_up(link);
        return;
    }
    link->last_err = status;
    tcp_close(link); // and on to the next address
}

static int connect_to(struct link *link, const struct sockaddr *address)
{
    int err = uv_tcp_init(link->turn->loop, &link->tcp);

    if (err)
        return err;
    link->tcp_open = true;
    link->tcp.data = link;
    link->connecting.data = link;
    return uv_tcp_connect(&link->connecting, &link->tcp, address, connected);
}

static void connect_next(struct link *link)
{
    const struct addrinfo *at = link->next;
    int err;

    if (!at) {
        link_fail(link, ERR_CONNECT, uv_strerror(link->last_err));
        return;
    }
    link->next = at->ai_next;
    err = connect_to(link, at->ai_addr);
    if (!err)
        return;
    link->last_err = err;
    if (link->tcp_open)
        tcp_close(link);
    else
        link_fail(link, ERR_CONNECT, uv_strerror(err));
}

static void looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct link *link = request->data;

    link->looking_up = false;
    link->found = found;
    link->next = found;
    link->last_err = status < 0 ? status : UV_EAI_NODATA;
    if (link->state == LINK_CLOSING)
        link_try_free(link);
    else
        connect_next(link);
}

static void patience_ends(struct alarm *alarm)
{
    struct link *link = (struct link *)((char *)alarm - offsetof(struct link, patience));

    link_fail(link, ERR_CONNECT,
              link->last_err ? uv_strerror(link->last_err) : "no answer in time");
}

// An address in numbers is read at once, for a name a thread of libuv asks.
static int look_up(struct link *link, const char *address)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    char host[256];
    char port[8];
    uint16_t number;

    if (text_read_address(address, 0, host, &number))
        return UV_EINVAL;
    (void)snprintf(port, sizeof port, "%u", (unsigned)number);
    if (uv_getaddrinfo(link->turn->loop, &link->lookup, NULL, host, port, &hints) == 0) {
        link->found = link->lookup.addrinfo;
        link->next = link->found;
        chore_set(link->turn, &link->flush); // connects when the turn ends
        return 0;
    }
    hints.ai_flags = 0;
    link->lookup.data = link;
    link->looking_up = true;
    return uv_getaddrinfo(link->turn->loop, &link->lookup, looked_up, host, port, &hints);
}

struct link *link_open(struct turn *turn, const char *address, uint32_t connect_ms, void *owner,
                       void (*changed)(struct link *link))
{
    struct link *link = memory_new(sizeof *link);

    link->turn = turn;
    link->owner = owner;
    link->changed = changed;
    link->patience.ring = patience_ends;
    link->flush.run = link_flush;
    TAILQ_INIT(&link->questions);
    rpc_scan_init(&link->scan, REPLY_FRAME_MAX, REPLY_VALUES_MAX);
    turn_hold(turn);
    alarm_set(turn, &link->patience, turn_now_ms() + connect_ms);
    link->last_err = look_up(link, address);
    if (link->last_err) {
        // Told by the alarm, so that nobody is called back before this returns.
        link->looking_up = false;
        alarm_set(turn, &link->patience, 0);
    }
    return link;
}

// ---- questions ----------------------------------------------------------------------------------

void link_ask(struct link *link, struct question *question, const struct request *request)
{
    size_t before = link->out.size;

    check(link->state != LINK_CLOSING && !link->left && !question->link);
    do {
        link->last_id++;
    } while (table_find(&link->by_id, link->last_id));
    question->link = link;
    question->id = link->last_id;
    question->asked_ms = turn_now_ms();
    request_encode(question->id, request, &link->out);
    link->queued += link->out.size - before;
    question->end = link->queued;
    table_set(&link->by_id, question->id, question);
    TAILQ_INSERT_TAIL(&link->questions, question, entry);
    link->count++;
    chore_set(link->turn, &link->flush);
}

void link_forget(struct question *question)
{
    struct link *link = question->link;

    if (!link)
        return;
    (void)table_remove(&link->by_id, question->id);
    TAILQ_REMOVE(&link->questions, question, entry);
    link->count--;
    question->link = NULL;
    if (link->left && link->count == 0)
        link_fail(link, ERR_CLOSED, "it was silent");
}

void link_doubt(struct question *question)
{
    struct link *link = question->link;

    if (link && !link->left && link_deaf(question)) {
        link->left = true;
        link->changed(link);
    }
    link_forget(question);
}

bool link_deaf(const struct question *question)
{
    return question->link && question->link->heard_ms < question->asked_ms;
}

uint64_t link_silent_ms(const struct link *link)
{
    const struct question *oldest = TAILQ_FIRST(&link->questions);
    uint64_t since_ms;

    if (!oldest)
        return 0;
    since_ms = oldest->asked_ms > link->heard_ms ? oldest->asked_ms : link->heard_ms;
    return turn_now_ms() - since_ms;
}

bool link_sent(const struct question *question)
{
    return question->link && question->link->handed >= question->end;
}
