// SPDX-License-Identifier: Apache-2.0
#include "node/io/inbound.h"

#include "base/check.h"
#include "base/err.h"
#include "node/io/handshake.h"
#include "node/wire/rpc.h"

#include <stdlib.h>
#include <utlist.h>

enum {
    HELLO_MAX = 64 << 10, // bytes of a first frame
    KEEP = 64 << 10,      // bytes of an empty buffer that are kept
    REFUSALS_SECONDS = 60 // in which ten are told
};

struct talker {
    struct tcp tcp;
    struct inbound *inbound;
    struct rpc_scan scan; // of the hello
    uint64_t from;        // node id; 0: has not greeted
    uint64_t actor;
    uint64_t since_ms;
    char name[NAME_SIZE_MAX + 1];
    struct talker *prev, *next;
};

static struct talker *talker_of(struct tcp *tcp)
{
    return (struct talker *)tcp;
}

static void cut(struct talker *talker, int err, const char *what)
{
    struct inbound *inbound = talker->inbound;
    char peer[ADDRESS_TEXT];

    if (err == ERR_DAMAGED)
        inbound->counts.damaged++;
    else
        inbound->counts.malformed++;
    if (log_limit_pass(&inbound->log, loop_now_us())) {
        tcp_peer_text(&talker->tcp, peer);
        log_warning("from %s (%s): %s: closed; it will connect again",
                    talker->from ? talker->name : "a stranger on the peer port", peer, what);
    }
    tcp_close(&talker->tcp, 0);
}

// --- Hello ---------------------------------------------------------------------------------------

static void refuse(struct talker *talker, struct hello_answer *answer, struct buffer *why)
{
    struct inbound *inbound = talker->inbound;
    char peer[ADDRESS_TEXT];

    inbound->counts.refused++;
    answer->text = buffer_slice(why);
    hello_answer_encode(answer, tcp_output(&talker->tcp));
    if (log_limit_pass(&inbound->refusals, loop_now_us())) {
        tcp_peer_text(&talker->tcp, peer);
        log_warning("a node at %s is refused: %.*s", peer, (int)why->size, (char *)why->data);
    }
    tcp_finish(&talker->tcp);
}

// Another process with the id is connected, and is the one that gossip tells of.
static bool is_impostor(const struct inbound *inbound, const struct hello *hello)
{
    const struct talker *other;

    DL_FOREACH(inbound->all, other) {
        if (other->from == hello->node && other->actor != hello->actor && !other->tcp.closing &&
            other->actor == links_actor(inbound->links, hello->node))
            return true;
    }
    return false;
}

static int judge(const struct inbound *inbound, const struct hello *hello, struct buffer *why)
{
    if (hello->node != inbound->self->node && is_impostor(inbound, hello)) {
        buffer_add_format(why,
                          "another process with the id %016llx is connected: is a data "
                          "directory a copy?",
                          (unsigned long long)hello->node);
        return ERR_CONFLICT;
    }
    return handshake_judge(inbound->self, hello, why);
}

// One connection a node: the newer one stands.
static void replace_older(struct talker *talker)
{
    struct talker *other;

    DL_FOREACH(talker->inbound->all, other) {
        if (other != talker && other->from == talker->from)
            tcp_close(&other->tcp, 0);
    }
}

static void take_hello(struct talker *talker, struct slice frame)
{
    struct inbound *inbound = talker->inbound;
    struct hello_answer answer = {.hello = *inbound->self};
    struct buffer why = {0};
    struct hello hello;
    size_t size;

    if (hello_decode(frame, &inbound->loop->decoder, &answer.id, &hello)) {
        cut(talker, ERR_PROTOCOL, "no hello of a node");
        return;
    }
    answer.err = judge(inbound, &hello, &why);
    if (answer.err) {
        refuse(talker, &answer, &why);
        buffer_done(&why);
        return;
    }
    size = hello.name.size < NAME_SIZE_MAX ? hello.name.size : NAME_SIZE_MAX;
    if (size)
        memcpy(talker->name, hello.name.data, size);
    talker->from = hello.node;
    talker->actor = hello.actor;
    replace_older(talker);
    hello_answer_encode(&answer, tcp_output(&talker->tcp));
}

// --- Messages ------------------------------------------------------------------------------------

static void take_message(struct talker *talker, struct slice frame)
{
    struct inbound *inbound = talker->inbound;
    struct message message;
    struct event event = {.kind = EVENT_MESSAGE, .from = talker->from, .message = &message};
    int err = peer_message_decode(frame, &inbound->loop->decoder, &message);

    if (err == ERR_METHOD)
        inbound->counts.unknown++;
    else if (err == ERR_DAMAGED)
        cut(talker, err, "a message was damaged on its way");
    else if (err)
        cut(talker, err, "no message of a node");
    else
        loop_step(inbound->loop, &event);
}

static size_t take(struct tcp *tcp, struct slice bytes)
{
    struct talker *talker = talker_of(tcp);
    struct slice rest = bytes;
    size_t size;
    int err;

    while (rest.size > 0 && !tcp->closing && !tcp->finishing) {
        err = talker->from ? peer_message_size(rest, &size)
                           : rpc_scan_more(&talker->scan, rest, &size);
        if (err == ERR_AGAIN)
            break;
        if (err) {
            cut(talker, err, "bytes that the protocol does not allow");
            break;
        }
        if (talker->from)
            take_message(talker, slice_of(rest.data, size));
        else
            take_hello(talker, slice_of(rest.data, size));
        rest = slice_of(rest.data + size, rest.size - size);
    }
    return bytes.size - rest.size;
}

// --- Connections ---------------------------------------------------------------------------------

static void on_closed(struct tcp *tcp)
{
    struct talker *talker = talker_of(tcp);

    DL_DELETE(talker->inbound->all, talker);
    talker->inbound->count--;
    free(talker);
}

static const struct tcp_calls talker_calls = {.take = take, .closed = on_closed};

// Strangers who say nothing must not keep nodes out: the oldest of them goes, else the newcomer.
static void make_room(struct talker *newcomer)
{
    struct talker *talker;

    DL_FOREACH(newcomer->inbound->all, talker) {
        if (!talker->from && !talker->tcp.closing)
            break;
    }
    cut(talker ? talker : newcomer, ERR_OVERLOADED, "too many connections on the peer port");
}

static void on_accept(struct listener *listener)
{
    struct inbound *inbound = listener->data;
    struct talker *talker = memory_new(sizeof *talker);

    talker->inbound = inbound;
    talker->since_ms = inbound->loop->hub.now_ms;
    talker->tcp.keep = KEEP;
    talker->tcp.stall_ms = inbound->stall_ms;
    rpc_scan_init(&talker->scan, HELLO_MAX, PEER_VALUES_MAX);
    DL_APPEND(inbound->all, talker);
    inbound->count++;
    tcp_init(&talker->tcp, &inbound->loop->hub, &talker_calls);
    if (tcp_accept(&talker->tcp, (uv_stream_t *)&listener->tcp))
        return;
    if (inbound->count > inbound->connections_max)
        make_room(talker);
    inbound->counts.accepted++;
    tcp_keep_alive(&talker->tcp, inbound->link_stall_ms);
}

int inbound_open(struct inbound *inbound, const struct sockaddr *address, struct buffer *why)
{
    inbound->refusals.seconds = REFUSALS_SECONDS;
    inbound->listener.what = "other nodes";
    inbound->listener.accept = on_accept;
    inbound->listener.data = inbound;
    return listener_open(&inbound->listener, &inbound->loop->uv, address, why);
}

void inbound_sweep(struct inbound *inbound)
{
    uint64_t now_ms = inbound->loop->hub.now_ms;
    struct talker *talker;

    DL_FOREACH(inbound->all, talker) {
        if (!talker->from && !talker->tcp.closing && !talker->tcp.finishing &&
            now_ms - talker->since_ms > inbound->stall_ms)
            cut(talker, ERR_TIMEOUT, "no hello came");
    }
}

void inbound_close(struct inbound *inbound)
{
    struct talker *talker;

    listener_stop(&inbound->listener);
    DL_FOREACH(inbound->all, talker) {
        tcp_close(&talker->tcp, 0);
    }
}
