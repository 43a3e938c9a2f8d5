// SPDX-License-Identifier: Apache-2.0
// The three kinds are one server; what differs is what happens to a frame of a client.
//
//     client ──frame──▶ wait ──frame, id of the wait──▶ both peers      at the end of the turn
//                        │ ▲──────────16 bytes───────── peer            has it (durable)
//                        │ ▲─────────────────────────── own log         has it durable
//     client ◀──answer───┘ when two of three have it
//
// A wait is given back when all three have said so. The id of a wait is its place in the table, and
// a place is not used again before all answers to it have come.
#include "client/bench/floor_server.h"

#include "base/check.h"
#include "client/bench/floor_log.h"
#include "client/bench/floor_stream.h"

#include <stdio.h>
#include <unistd.h>

enum { BACKLOG = 511 };

struct wait {
    struct stream *client;
    uint64_t id; // the client's
    uint32_t reply_size;
    uint32_t next_free; // place of another free one, plus 1
    uint8_t needed;     // copies until the client is answered; 0: it has been
    uint8_t left;       // copies that have not been heard of
};

struct server {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_check_t turn_end;
    struct hub hub;
    struct stream *peers[FLOOR_PEERS];
    struct floor_log *log; // NULL: nothing is stored
    struct wait *waits;
    uint32_t wait_count;
    uint32_t wait_free; // place of a free one, plus 1; 0: none
    const struct stream_calls *client_calls;
};

static void want(int err, const char *what)
{
    if (err >= 0)
        return;
    fprintf(stderr, "floor: %s: %s\n", what, uv_strerror(err));
    _exit(1);
}

// ---- waits --------------------------------------------------------------------------------------

static void waits_grow(struct server *server)
{
    uint32_t count = server->wait_count ? 2 * server->wait_count : 1024;

    server->waits = memory_grow(server->waits, count * sizeof *server->waits);
    for (uint32_t i = server->wait_count; i < count; i++) {
        server->waits[i] = (struct wait){.next_free = server->wait_free};
        server->wait_free = i + 1;
    }
    server->wait_count = count;
}

// The place of a new wait for a client's frame.
static uint32_t wait_begin(struct server *server, struct stream *client, const uint8_t *frame)
{
    struct wait *wait;
    uint32_t place;

    if (server->wait_free == 0)
        waits_grow(server);
    place = server->wait_free - 1;
    wait = &server->waits[place];
    server->wait_free = wait->next_free;
    wait->client = client;
    wait->id = bytes_u64(frame + 8);
    wait->reply_size = bytes_u32(frame + 4);
    wait->needed = 2;
    wait->left = 3;
    stream_hold(client);
    return place;
}

// One of three copies is there.
static void wait_copy(struct server *server, uint64_t place)
{
    struct wait *wait = &server->waits[place];

    check(place < server->wait_count && wait->left > 0);
    if (wait->needed > 0 && --wait->needed == 0)
        stream_answer(wait->client, wait->reply_size, wait->id);
    if (--wait->left > 0)
        return;
    stream_release(wait->client);
    wait->next_free = server->wait_free;
    server->wait_free = (uint32_t)place + 1;
}

static void log_says_durable(void *context, const struct log_mark *mark)
{
    if (mark->peer)
        stream_answer(mark->peer, FLOOR_HEADER, mark->id);
    else
        wait_copy(context, mark->id);
}

// ---- frames -------------------------------------------------------------------------------------

static bool wants_answer(struct slice frame)
{
    return bytes_u32(frame.data + 4) >= FLOOR_HEADER;
}

static void echo_take(struct stream *stream, struct slice frame)
{
    if (wants_answer(frame))
        stream_answer(stream, bytes_u32(frame.data + 4), bytes_u64(frame.data + 8));
}

// A read is all that an echo has for a connection in a turn: its answers need not wait for the end.
static void echo_taken(struct stream *stream)
{
    hub_flush(stream->hub);
}

static void client_take(struct stream *stream, struct slice frame)
{
    struct server *server = stream->hub->owner;
    uint32_t place;

    if (!wants_answer(frame))
        return;
    place = wait_begin(server, stream, frame.data);
    for (int i = 0; i < FLOOR_PEERS; i++)
        stream_send(server->peers[i], frame, place);
    if (server->log)
        floor_log_add(server->log, frame, (struct log_mark){NULL, place});
    else
        wait_copy(server, place);
}

static void peer_take(struct stream *stream, struct slice frame)
{
    struct server *server = stream->hub->owner;
    uint64_t id = bytes_u64(frame.data + 8);

    if (!wants_answer(frame))
        wait_copy(server, id);
    else if (server->log)
        floor_log_add(server->log, frame, (struct log_mark){stream, id});
    else
        stream_answer(stream, FLOOR_HEADER, id);
}

// A floor ends as a whole.
static void peer_gone(struct stream *stream)
{
    (void)stream;
    _exit(1);
}

static const struct stream_calls echo_calls = {.take = echo_take, .taken = echo_taken};
static const struct stream_calls client_calls = {.take = client_take};
static const struct stream_calls peer_calls = {.take = peer_take, .gone = peer_gone};

// ---- the loop -----------------------------------------------------------------------------------

static void client_comes(uv_stream_t *listener, int status)
{
    struct server *server = listener->data;

    if (status == 0)
        stream_new(&server->hub, server->client_calls, listener, -1);
}

static void turn_ends(uv_check_t *turn_end)
{
    struct server *server = turn_end->data;

    hub_flush(&server->hub);
    if (server->log)
        floor_log_turn(server->log);
}

static void peers_open(struct server *server, const struct floor_site *site)
{
    for (int i = 0; i < FLOOR_PEERS; i++) {
        server->peers[i] = stream_new(&server->hub, &peer_calls, NULL, site->peers[i]);
        want(server->peers[i] ? 0 : UV_EIO, "peer");
    }
}

void floor_serve(enum floor_kind kind, const struct floor_site *site)
{
    struct server *server = memory_new(sizeof *server);

    want(uv_loop_init(&server->loop), "loop");
    server->hub.loop = &server->loop;
    server->hub.owner = server;
    server->client_calls = kind == FLOOR_ECHO ? &echo_calls : &client_calls;
    if (kind != FLOOR_ECHO)
        peers_open(server, site);
    if (kind == FLOOR_FANOUT_LOG)
        server->log = floor_log_new(&server->loop, site->log, log_says_durable, server);
    server->turn_end.data = server;
    want(uv_check_init(&server->loop, &server->turn_end), "loop");
    want(uv_check_start(&server->turn_end, turn_ends), "loop");
    server->listener.data = server;
    want(uv_tcp_init(&server->loop, &server->listener), "listener");
    want(uv_tcp_open(&server->listener, site->listener), "listener");
    want(uv_listen((uv_stream_t *)&server->listener, BACKLOG, client_comes), "listener");
    uv_run(&server->loop, UV_RUN_DEFAULT);
    _exit(1);
}
