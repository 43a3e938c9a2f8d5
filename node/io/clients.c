// SPDX-License-Identifier: Apache-2.0
#include "node/io/clients.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "node/wire/client.h"
#include "node/wire/rpc.h"

#include <stdlib.h>
#include <utlist.h>

enum {
    OUTPUT_LOW = 256 << 10,   // unread bytes above which no further request is read
    OUTPUT_SCARCE = 16 << 10, // the same for replies, when the budget of all is used up
    REPLY_SCARCE = 64 << 10,  // bytes of values that a reply may then have
    UNREAD_MAX = 64 << 10,    // bytes that may stay unread for ever
    KEEP = 8 << 10,           // bytes of an empty buffer that are kept
    REFUSING_MAX = 64,        // newcomers being told at a time; further ones are just closed
    CALM_MS = 50              // for which a connection is not read from that was told OVERLOADED
};

struct conn {
    struct tcp tcp;
    struct clients *clients;
    struct rpc_scan scan;
    struct ticket_list tickets;
    bool is_taking;   // from what has arrived
    bool is_refused;  // came beyond connections_max
    uint64_t calm_ms; // until when it is not read from, having been told OVERLOADED; 0: it is
    struct conn *prev, *next;
    struct conn *prev_calm, *next_calm;
};

static struct conn *conn_of(struct tcp *tcp)
{
    return (struct conn *)tcp;
}

static bool has_room(const struct conn *conn)
{
    return conn->tickets.count < conn->clients->limits.in_flight_max &&
           tcp_unsent(&conn->tcp) <= OUTPUT_LOW;
}

static bool may_go_on(const struct conn *conn)
{
    return conn->calm_ms == 0 && has_room(conn);
}

// --- Overload ------------------------------------------------------------------------------------

// Who asks again at once when refused costs as much as one who is answered: under ten times the
// load nothing would be left for answers. So what has arrived is refused, and what comes after that
// waits a moment; the queue of what was let in is longer than that, and never runs dry meanwhile.

static void arm_calm(struct clients *clients);

static void calm_forget(struct conn *conn)
{
    if (conn->calm_ms)
        DL_DELETE2(conn->clients->calm, conn, prev_calm, next_calm);
    conn->calm_ms = 0;
}

static void on_calm(uv_timer_t *timer)
{
    struct clients *clients = timer->data;
    struct conn *conn;
    uint64_t now_ms = loop_now_us() / 1000;

    while ((conn = clients->calm) && conn->calm_ms <= now_ms) {
        calm_forget(conn);
        if (may_go_on(conn))
            tcp_resume(&conn->tcp);
    }
    arm_calm(clients);
}

static void arm_calm(struct clients *clients)
{
    uint64_t now_ms = loop_now_us() / 1000;

    if (!clients->calm)
        return;
    uv_update_time(&clients->loop->uv);
    uv_timer_start(&clients->calm_timer, on_calm,
                   clients->calm->calm_ms > now_ms ? clients->calm->calm_ms - now_ms : 1, 0);
}

// All wait as long, so those that began first end first.
static void calm(struct conn *conn)
{
    struct clients *clients = conn->clients;
    bool first = !clients->calm;

    if (conn->calm_ms || conn->tcp.closing || conn->tcp.finishing)
        return;
    conn->calm_ms = loop_now_us() / 1000 + CALM_MS;
    DL_APPEND2(clients->calm, conn, prev_calm, next_calm);
    if (!conn->is_taking)
        tcp_pause(&conn->tcp);
    if (first)
        arm_calm(clients);
}

static void refuse(struct conn *conn, uint32_t id, int err, const char *text)
{
    reply_encode_error(id, err, slice_of_text(text), tcp_output(&conn->tcp));
}

// --- Requests ------------------------------------------------------------------------------------

static void start_request(struct conn *conn, const struct wire_request *wire)
{
    struct clients *clients = conn->clients;
    struct event event = {.kind = EVENT_REQUEST, .request = &wire->request};

    event.ticket = tickets_add(&clients->tickets, &conn->tickets, conn, wire->id);
    if (event.ticket == 0) {
        if (!wire->notification)
            refuse(conn, wire->id, ERR_OVERLOADED,
                   "too many requests are in flight at this node: try again later");
        calm(conn);
        return;
    }
    tickets_find(&clients->tickets, event.ticket)->silent = wire->notification;
    loop_step(clients->loop, &event);
}

// The connection cannot go on: the bytes that follow mean nothing. One answer where we know to
// what.
static void break_off(struct conn *conn, struct slice rest, int err)
{
    struct clients *clients = conn->clients;
    struct buffer why = {0};
    char peer[ADDRESS_TEXT];
    enum rpc_type type;
    uint32_t id;

    clients->counts.malformed++;
    if (err == ERR_TOO_LARGE) {
        buffer_add_format(&why, "a request beyond the limits of this node: values up to ");
        text_add_bytes(&why, clients->limits.value_max);
    } else if (err == ERR_OVERLOADED) {
        buffer_add_format(&why, "no memory for a request of this size now: try again later");
    } else {
        buffer_add_format(&why, "not MessagePack-RPC: the connection is closed");
    }
    if (rpc_peek(rest, &type, &id) == 0 && type == RPC_REQUEST)
        reply_encode_error(id, err, buffer_slice(&why), tcp_output(&conn->tcp));
    if (log_limit_pass(&clients->log, loop_now_us())) {
        tcp_peer_text(&conn->tcp, peer);
        log_info("client %s is cut off: %s %.*s", peer, err_code(err), (int)why.size,
                 (char *)why.data);
    }
    buffer_done(&why);
    tcp_finish(&conn->tcp);
}

// 0, or why the connection cannot go on.
static int take_frame(struct conn *conn, struct slice frame)
{
    struct wire_request wire;
    int err = request_decode(frame, &conn->clients->loop->decoder, &wire);

    if (err)
        return err;
    if (!wire.refused)
        start_request(conn, &wire);
    else if (!wire.notification)
        reply_encode_error(wire.id, wire.refused, wire.text, tcp_output(&conn->tcp));
    return 0;
}

static size_t take(struct tcp *tcp, struct slice bytes)
{
    struct conn *conn = conn_of(tcp);
    struct slice rest = bytes;
    size_t size = 0;
    int err = 0;

    if (conn->is_refused)
        return bytes.size;
    conn->is_taking = true;
    while (err == 0 && rest.size > 0 && !tcp->paused && !tcp->closing) {
        err = rpc_scan_more(&conn->scan, rest, &size);
        if (err == 0)
            err = take_frame(conn, slice_of(rest.data, size));
        if (err)
            break;
        rest = slice_of(rest.data + size, rest.size - size);
        if (!has_room(conn))
            tcp_pause(tcp);
    }
    conn->is_taking = false;
    if (conn->calm_ms)
        tcp_pause(tcp);
    if (err == ERR_AGAIN && rest.size >= TCP_READ_SIZE && tcp_is_over_budget(tcp))
        err = ERR_OVERLOADED;
    if (err && err != ERR_AGAIN) {
        break_off(conn, rest, err);
        return bytes.size;
    }
    return bytes.size - rest.size;
}

// --- Replies -------------------------------------------------------------------------------------

static size_t values_size(const struct version *versions, uint32_t count)
{
    size_t size = 0;
    uint32_t i;

    for (i = 0; i < count; i++)
        size += versions[i].value.size;
    return size;
}

static size_t reply_size(const struct reply *reply)
{
    size_t size = values_size(reply->versions, reply->version_count);
    uint32_t i;

    for (i = 0; i < reply->item_count; i++)
        size += values_size(reply->items[i].versions, reply->items[i].version_count);
    return size;
}

// True when there is no room for this reply: the client does not read what it asked for.
static bool has_no_room(const struct conn *conn, const struct reply *reply)
{
    const struct clients *clients = conn->clients;
    size_t unsent = tcp_unsent(&conn->tcp), size;

    if (unsent > clients->limits.output_max)
        return true;
    size = reply_size(reply);
    if (size <= REPLY_SCARCE && unsent <= OUTPUT_SCARCE)
        return false;
    return clients->budget.used + size > clients->budget.max;
}

static void send_reply(struct conn *conn, uint32_t id, const struct reply *reply)
{
    if (!has_no_room(conn, reply)) {
        reply_encode(id, reply, tcp_output(&conn->tcp));
        return;
    }
    conn->clients->counts.unanswered++;
    refuse(conn, id, ERR_OVERLOADED,
           "done, but there is no memory for the answer: read the answers that wait");
}

static void after_reply(struct conn *conn)
{
    if (conn->tcp.closing)
        return;
    if (conn->tcp.over && conn->tickets.count == 0)
        tcp_finish(&conn->tcp);
    else if (conn->tcp.paused && may_go_on(conn))
        tcp_resume(&conn->tcp);
}

void clients_reply(struct clients *clients, uint64_t name, const struct reply *reply)
{
    struct ticket *ticket = tickets_find(&clients->tickets, name);
    struct conn *conn;
    uint32_t id;
    bool silent;

    if (!ticket)
        return; // the client is gone
    conn = ticket->holder;
    id = ticket->request_id;
    silent = ticket->silent;
    tickets_remove(&clients->tickets, &conn->tickets, ticket);
    if (!silent && !conn->tcp.closing)
        send_reply(conn, id, reply);
    if (reply->err == ERR_OVERLOADED)
        calm(conn);
    after_reply(conn);
}

// --- Connections ---------------------------------------------------------------------------------

static void on_sent(struct tcp *tcp)
{
    if (may_go_on(conn_of(tcp)))
        tcp_resume(tcp);
}

// The client sends nothing more, but may wait for what it asked.
static void on_ended(struct tcp *tcp)
{
    if (conn_of(tcp)->tickets.count == 0)
        tcp_finish(tcp);
}

static void drop_tickets(struct conn *conn)
{
    struct clients *clients = conn->clients;
    struct event event = {.kind = EVENT_CLIENT_GONE};

    while ((event.ticket = tickets_first(&clients->tickets, &conn->tickets))) {
        tickets_remove(&clients->tickets, &conn->tickets,
                       tickets_find(&clients->tickets, event.ticket));
        loop_step(clients->loop, &event);
    }
}

static void on_closed(struct tcp *tcp)
{
    struct conn *conn = conn_of(tcp);
    struct clients *clients = conn->clients;

    drop_tickets(conn);
    calm_forget(conn);
    if (tcp->why == UV_ETIMEDOUT)
        clients->counts.stalled++;
    if (conn->is_refused)
        clients->refusing--;
    else
        clients->connections--;
    DL_DELETE(clients->all, conn);
    free(conn);
}

static const struct tcp_calls conn_calls = {
    .take = take, .sent = on_sent, .ended = on_ended, .closed = on_closed};

static void tell_full(struct conn *conn)
{
    struct clients *clients = conn->clients;

    clients->counts.refused++;
    refuse(conn, 0, ERR_OVERLOADED, "this node has as many connections as it takes: try another");
    if (log_limit_pass(&clients->log, loop_now_us()))
        log_warning(
            "a client was refused: %u connections are open, as many as connections-max or the "
            "limit of descriptors allow",
            clients->connections);
    if (clients->refusing > REFUSING_MAX || clients->refusing > 1 + clients->connections / 16)
        tcp_close(&conn->tcp, 0);
    else
        tcp_finish(&conn->tcp);
}

static void on_accept(struct listener *listener)
{
    struct clients *clients = listener->data;
    const struct clients_limits *limits = &clients->limits;
    struct conn *conn = memory_new(sizeof *conn);

    conn->clients = clients;
    conn->is_refused = clients->connections >= limits->connections_max;
    conn->tcp.budget = &clients->budget;
    conn->tcp.keep = KEEP;
    conn->tcp.unread_max = UNREAD_MAX;
    conn->tcp.stall_ms = limits->stall_ms;
    rpc_scan_init(&conn->scan, limits->value_max + REQUEST_FRAME_EXTRA, REQUEST_VALUES_MAX);
    DL_APPEND(clients->all, conn);
    if (conn->is_refused)
        clients->refusing++;
    else
        clients->connections++;
    tcp_init(&conn->tcp, &clients->loop->hub, &conn_calls);
    if (tcp_accept(&conn->tcp, (uv_stream_t *)&listener->tcp))
        return;
    if (conn->is_refused)
        tell_full(conn);
    else
        clients->counts.accepted++;
}

int clients_open(struct clients *clients, struct loop *loop, const struct clients_limits *limits,
                 const struct sockaddr *address, struct buffer *why)
{
    memset(clients, 0, sizeof *clients);
    clients->loop = loop;
    clients->limits = *limits;
    clients->budget.max = limits->buffers_max;
    tickets_init(&clients->tickets, limits->tickets_max);
    uv_timer_init(&loop->uv, &clients->calm_timer);
    clients->calm_timer.data = clients;
    clients->listener.what = "clients";
    clients->listener.accept = on_accept;
    clients->listener.data = clients;
    return listener_open(&clients->listener, &loop->uv, address, why);
}

bool clients_are_idle(const struct clients *clients)
{
    const struct conn *conn;

    DL_FOREACH(clients->all, conn) {
        if (conn->tickets.count > 0 || tcp_unsent(&conn->tcp) > 0)
            return false;
    }
    return true;
}

void clients_stop(struct clients *clients)
{
    listener_stop(&clients->listener);
}

void clients_close(struct clients *clients)
{
    struct conn *conn;

    clients_stop(clients);
    DL_FOREACH(clients->all, conn) {
        tcp_close(&conn->tcp, 0);
    }
    if (clients->calm_timer.data && !uv_is_closing((uv_handle_t *)&clients->calm_timer))
        uv_close((uv_handle_t *)&clients->calm_timer, NULL);
}

void clients_done(struct clients *clients)
{
    tickets_done(&clients->tickets);
}
