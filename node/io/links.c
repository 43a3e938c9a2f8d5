// SPDX-License-Identifier: Apache-2.0
// A link outlives its connections: a dial is one attempt, closes in its own time, and knows its
// link only while it is the current one.
#include "node/io/links.h"

#include "base/check.h"
#include "base/err.h"
#include "node/io/address.h"
#include "node/io/handshake.h"
#include "node/wire/rpc.h"

#include <stdlib.h>
#include <utlist.h>

enum {
    BACKOFF_MIN_MS = 50,
    BACKOFF_MAX_MS = 2000,
    KEEP = 256 << 10, // bytes of an empty buffer that are kept
    ANSWER_MAX = 64 << 10,
    HELLO_ID = 1
};

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_GREETING, LINK_UP };

struct dial;

struct link {
    uint64_t id;
    uint64_t actor;    // as gossip tells it
    uint64_t answered; // as the other side told in its hello, while the link is up
    char name[META_NAME_MAX + 1];
    char address[META_ADDRESS_MAX + 1];
    struct links *links;
    enum link_state state;
    struct dial *dial; // NULL when down
    struct backoff backoff;
    uint64_t retry_ms; // when to try again; 0: not waiting
    uint64_t up_since_ms;
    bool wanted;
    bool is_forgotten;
    bool was_told; // that it cannot be reached: once for each time it is down
    struct link *prev, *next;
};

struct dial {
    struct tcp tcp;
    struct link *link; // NULL: given up
    struct rpc_scan scan;
    uint64_t since_ms;
};

static struct dial *dial_of(struct tcp *tcp)
{
    return (struct dial *)tcp;
}

// --- Going up and down ---------------------------------------------------------------------------

static void tell(struct link *link, bool up)
{
    struct event event = {.kind = EVENT_LINK, .from = link->id, .up = up};

    loop_step(link->links->loop, &event);
}

static void link_free(struct link *link)
{
    table_remove(&link->links->by_id, link->id);
    DL_DELETE(link->links->all, link);
    free(link);
}

// Whatever the link was doing is over.
static void go_down(struct link *link)
{
    bool was_up = link->state == LINK_UP;

    if (link->dial)
        link->dial->link = NULL;
    link->dial = NULL;
    link->state = LINK_DOWN;
    if (was_up)
        tell(link, false);
}

static void arm_timer(struct links *links);

static void retry_later(struct link *link)
{
    link->retry_ms =
        link->links->loop->hub.now_ms + backoff_next_ms(&link->backoff, &link->links->rng);
    arm_timer(link->links);
}

static void go_up(struct link *link, uint64_t actor)
{
    link->state = LINK_UP;
    link->answered = actor;
    link->up_since_ms = link->links->loop->hub.now_ms;
    link->links->counts.connected++;
    log_info("link to %s (%s) is up", link->name, link->address);
    link->was_told = false;
    tell(link, true);
}

static void say_why(struct link *link, const char *why)
{
    struct links *links = link->links;

    links->counts.failed++;
    if (link->was_told || links->stopped || !link->wanted)
        return;
    link->was_told = true;
    if (log_limit_pass(&links->log, loop_now_us()))
        log_warning("link to %s (%s): %s: trying again until it answers", link->name, link->address,
                    why);
}

// --- One attempt ---------------------------------------------------------------------------------

static void on_closed(struct tcp *tcp)
{
    struct dial *dial = dial_of(tcp);
    struct link *link = dial->link;

    if (link) {
        if (link->state == LINK_UP &&
            link->links->loop->hub.now_ms - link->up_since_ms > BACKOFF_MAX_MS)
            link->backoff.failures = 0; // it had stood for a while: no need to wait long
        say_why(link, tcp->why == UV_EOF ? "closed by the other side"
                      : tcp->why         ? uv_strerror(tcp->why)
                                         : "refused");
        go_down(link);
        if (link->is_forgotten)
            link_free(link);
        else if (link->wanted && !link->links->stopped)
            retry_later(link);
    }
    free(dial);
}

static void on_connected(struct tcp *tcp)
{
    struct dial *dial = dial_of(tcp);
    struct link *link = dial->link;

    if (!link) {
        tcp_close(tcp, 0);
        return;
    }
    tcp_keep_alive(tcp, link->links->stall_ms);
    link->state = LINK_GREETING;
    dial->since_ms = tcp->hub->now_ms;
    arm_timer(link->links);
    hello_encode(HELLO_ID, link->links->self, tcp_output(tcp));
}

static void refuse(struct link *link, struct slice text)
{
    struct links *links = link->links;

    links->counts.refused++;
    link->backoff.failures = 16; // a person must act: no hurry
    if (!link->was_told)
        log_warning("link to %s (%s) is refused: %.*s", link->name, link->address, (int)text.size,
                    (const char *)text.data);
    link->was_told = true;
}

static void take_answer(struct dial *dial, struct slice frame)
{
    struct link *link = dial->link;
    struct hello_answer answer;
    struct buffer why = {0};
    int err = hello_answer_decode(frame, &link->links->loop->decoder, &answer);

    if (err) {
        tcp_close(&dial->tcp, UV_EPROTO);
        return;
    }
    if (answer.err) {
        refuse(link, answer.text);
        tcp_close(&dial->tcp, 0);
        return;
    }
    err = handshake_judge(link->links->self, &answer.hello, &why);
    if (err == 0 && answer.hello.node != link->id) {
        buffer_add_format(&why, "another node, %016llx, answers there",
                          (unsigned long long)answer.hello.node);
        err = ERR_CONFLICT;
    }
    if (err) {
        refuse(link, buffer_slice(&why));
        tcp_close(&dial->tcp, 0);
    } else {
        go_up(link, answer.hello.actor);
    }
    buffer_done(&why);
}

static size_t take(struct tcp *tcp, struct slice bytes)
{
    struct dial *dial = dial_of(tcp);
    size_t size;
    int err;

    if (!dial->link || dial->link->state != LINK_GREETING) {
        tcp_close(tcp, UV_EPROTO); // the acceptor says nothing but its answer
        return bytes.size;
    }
    err = rpc_scan_more(&dial->scan, bytes, &size);
    if (err == ERR_AGAIN)
        return 0;
    if (err) {
        tcp_close(tcp, UV_EPROTO);
        return bytes.size;
    }
    take_answer(dial, slice_of(bytes.data, size));
    return size;
}

static const struct tcp_calls dial_calls = {
    .take = take, .connected = on_connected, .closed = on_closed};

static void try_now(struct link *link)
{
    struct links *links = link->links;
    struct sockaddr_storage address;
    struct dial *dial;

    link->retry_ms = 0;
    if (links->stopped || !link->wanted || link->dial)
        return;
    if (address_read(link->address, &address)) {
        say_why(link, "this is no address");
        return;
    }
    dial = memory_new(sizeof *dial);
    dial->link = link;
    dial->since_ms = links->loop->hub.now_ms;
    dial->tcp.keep = KEEP;
    dial->tcp.stall_ms = links->stall_ms;
    rpc_scan_init(&dial->scan, ANSWER_MAX, PEER_VALUES_MAX);
    link->dial = dial;
    link->state = LINK_CONNECTING;
    tcp_init(&dial->tcp, &links->loop->hub, &dial_calls);
    tcp_connect(&dial->tcp, (struct sockaddr *)&address);
}

// --- All links -----------------------------------------------------------------------------------

static void on_timer(uv_timer_t *timer)
{
    struct links *links = timer->data;
    struct link *link;

    links->loop->hub.now_ms = loop_now_us() / 1000;
    DL_FOREACH(links->all, link) {
        if (link->retry_ms && link->retry_ms <= links->loop->hub.now_ms)
            try_now(link);
        if (link->state == LINK_GREETING &&
            links->loop->hub.now_ms - link->dial->since_ms > links->stall_ms)
            tcp_close(&link->dial->tcp, UV_ETIMEDOUT);
    }
    arm_timer(links);
}

static uint64_t due_ms(const struct link *link)
{
    if (link->state == LINK_GREETING && !link->dial->tcp.closing)
        return link->dial->since_ms + link->links->stall_ms + 1;
    return link->retry_ms ? link->retry_ms : UINT64_MAX;
}

static void arm_timer(struct links *links)
{
    uint64_t least = UINT64_MAX, now = loop_now_us() / 1000;
    struct link *link;

    if (links->stopped)
        return;
    DL_FOREACH(links->all, link) {
        if (due_ms(link) < least)
            least = due_ms(link);
    }
    if (least == UINT64_MAX)
        return;
    uv_update_time(&links->loop->uv);
    uv_timer_start(&links->timer, on_timer, least > now ? least - now : 1, 0);
}

void links_init(struct links *links, struct loop *loop, const struct hello *self, uint64_t seed)
{
    memset(links, 0, sizeof *links);
    links->loop = loop;
    links->self = self;
    rng_init(&links->rng, seed);
    uv_timer_init(&loop->uv, &links->timer);
    links->timer.data = links;
}

static struct link *link_new(struct links *links, const struct node_meta *meta)
{
    struct link *link = memory_new(sizeof *link);

    link->id = meta->node_id;
    link->links = links;
    link->backoff = (struct backoff){.min_ms = BACKOFF_MIN_MS, .max_ms = BACKOFF_MAX_MS};
    table_set(&links->by_id, link->id, link);
    DL_APPEND(links->all, link);
    return link;
}

// True when the connection cannot be to the process that gossip tells of now. One to the same
// address is, unless its hello said otherwise: we may have met the new life before gossip told.
static bool is_outdated(const struct link *link, const struct node_meta *meta)
{
    if (strcmp(link->address, meta->peer_address) != 0)
        return true;
    return link->actor != meta->actor && link->state == LINK_UP && link->answered != meta->actor;
}

void links_member(struct links *links, const struct node_meta *meta, bool reachable, bool fresh)
{
    struct link *link = table_find(&links->by_id, meta->node_id);
    bool outdated;

    if (links->stopped || (!link && !reachable))
        return;
    if (!link)
        link = link_new(links, meta);
    outdated = is_outdated(link, meta);
    fresh |= outdated || link->actor != meta->actor;
    link->actor = meta->actor;
    memcpy(link->name, meta->name, sizeof link->name);
    memcpy(link->address, meta->peer_address, sizeof link->address);
    link->wanted = reachable;
    link->is_forgotten = false;
    if (outdated && link->dial) {
        tcp_close(&link->dial->tcp, 0);
        go_down(link);
    }
    if (!reachable) {
        link->retry_ms = 0;
        return;
    }
    if (!link->dial && fresh) {
        link->backoff.failures = 0;
        try_now(link);
    } else if (!link->dial && !link->retry_ms) {
        retry_later(link);
    }
}

void links_forget(struct links *links, uint64_t id)
{
    struct link *link = table_find(&links->by_id, id);

    if (!link)
        return;
    link->wanted = false;
    link->is_forgotten = true;
    link->retry_ms = 0;
    if (!link->dial)
        link_free(link);
}

void links_send(struct links *links, uint64_t to, const struct message *message)
{
    struct link *link = table_find(&links->by_id, to);

    if (!link || link->state != LINK_UP || link->dial->tcp.closing) {
        links->counts.unsent++;
        return;
    }
    if (tcp_unsent(&link->dial->tcp) > links->queue_max) {
        links->counts.dropped++;
        if (log_limit_pass(&links->log, loop_now_us()))
            log_warning("link to %s: more than %zu bytes wait: messages are dropped", link->name,
                        links->queue_max);
        return;
    }
    peer_message_encode(message, tcp_output(&link->dial->tcp));
}

bool links_are_idle(const struct links *links)
{
    const struct link *link;

    DL_FOREACH(links->all, link) {
        if (link->state == LINK_UP && tcp_unsent(&link->dial->tcp) > 0)
            return false;
    }
    return true;
}

uint64_t links_actor(const struct links *links, uint64_t id)
{
    const struct link *link = table_find(&links->by_id, id);

    return link ? link->actor : 0;
}

uint32_t links_up(const struct links *links)
{
    const struct link *link;
    uint32_t count = 0;

    DL_FOREACH(links->all, link) {
        count += link->state == LINK_UP;
    }
    return count;
}

void links_close(struct links *links)
{
    struct link *link;

    if (!links->loop || links->stopped)
        return;
    links->stopped = true;
    uv_close((uv_handle_t *)&links->timer, NULL);
    DL_FOREACH(links->all, link) {
        if (link->dial)
            tcp_close(&link->dial->tcp, 0);
    }
}

void links_done(struct links *links)
{
    while (links->all)
        link_free(links->all);
    table_done(&links->by_id);
}
