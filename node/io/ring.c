// SPDX-License-Identifier: Apache-2.0
// Each event to the machine is followed by all of its actions, in order. Carrying one out never
// makes another event at once: connecting, closing and looking up names answer from the loop.
#include "node/io/ring.h"

#include "base/check.h"
#include "base/err.h"
#include "gossip/swim.h"
#include "node/io/keys.h"
#include "node/io/told.h"

#include <errno.h>
#include <stdlib.h>

enum {
    CALLS_MAX = 8,   // at a time
    CALL_MS = 10000, // between two while others are here; lan
    ALONE_MIN_MS = 200,
    ALONE_MAX_MS = 5000,
    UDP_BUFFER = 1 << 20,
    STREAM_STALL_MS = 30000, // of what is still to be sent when the machine is done with one
    USER_STATE_MS = 1000,    // age of the user state after which it is made again
};

// What Serf agents announce (2 to 5, 4 now): memberlist lets no ring mix these with others.
static const uint8_t serf_versions[3] = {2, 5, 4};

struct ring_stream {
    struct tcp tcp;
    struct ring *ring;
    uint64_t number; // 0: the machine knows it no more
};

static void perform(struct ring *ring);

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

// --- Members -------------------------------------------------------------------------------------

static bool is_here(const struct swim_member *member)
{
    return member->state == MEMBER_ALIVE || member->state == MEMBER_SUSPECT;
}

static const struct {
    enum ring_state state;
    bool fresh;
    bool tell;
} notices[] = {
    [SWIM_JOINED] = {RING_ALIVE, true, true},         [SWIM_UPDATED] = {RING_ALIVE, false, true},
    [SWIM_SUSPECT] = {RING_SUSPECT, false, true},     [SWIM_ALIVE] = {RING_ALIVE, true, true},
    [SWIM_DEAD] = {RING_DEAD, false, true},           [SWIM_LEFT] = {RING_LEFT, false, true},
    [SWIM_FORGOTTEN] = {RING_FORGOTTEN, false, true}, [SWIM_CONFLICT] = {RING_ALIVE, false, false},
    [SWIM_REFUTED] = {RING_ALIVE, false, false},
};

static void remember(struct ring *ring, const struct swim_member *member, enum ring_state state,
                     const char *address)
{
    struct known_member *known;

    if (state == RING_ALIVE)
        known_set(ring->known, member->node_id, address);
    known = known_find(ring->known, member->node_id);
    if (!known)
        return;
    known->is_here = state == RING_ALIVE || state == RING_SUSPECT;
    if (state == RING_LEFT || known->is_here)
        known->has_left = state == RING_LEFT;
}

static void take_notice(struct ring *ring, const struct swim_action *action)
{
    const struct swim_member *member = action->member;
    char address[SWIM_ADDRESS_TEXT];
    struct ring_member out = {.state = notices[action->notice].state,
                              .fresh = notices[action->notice].fresh,
                              .address = address};

    if (action->notice == SWIM_CONFLICT)
        ring_alarm_conflict(&ring->alarm, member, &action->address, now_ms());
    if (action->notice == SWIM_REFUTED)
        log_info("gossip: somebody took us for gone; answered");
    if (member->local || !notices[action->notice].tell)
        return;
    if (meta_decode_of(member->node_id, member_meta(member), &out.meta)) {
        ring->counts.observers++;
        return;
    }
    swim_address_text(&member->address, address);
    if (out.state == RING_FORGOTTEN)
        ring_alarm_forget(&ring->alarm, member->node_id);
    else
        out.refused = ring_alarm_is_twin(&ring->alarm, &out.meta, address, now_ms());
    remember(ring, member, out.state, address);
    ring->calls->member(ring->data, &out);
}

void ring_tell_all(struct ring *ring)
{
    static const enum swim_notice notice_of[] = {[MEMBER_ALIVE] = SWIM_UPDATED,
                                                 [MEMBER_SUSPECT] = SWIM_SUSPECT,
                                                 [MEMBER_DEAD] = SWIM_DEAD,
                                                 [MEMBER_LEFT] = SWIM_LEFT};
    struct swim_action action = {.kind = SWIM_NOTICE};
    size_t i;

    for (i = 0; i < swim_count(ring->swim); i++) {
        action.member = swim_at(ring->swim, i);
        action.notice = notice_of[action.member->state];
        take_notice(ring, &action);
    }
}

size_t ring_here(const struct ring *ring)
{
    size_t i, count = 0;

    for (i = 0; ring->swim && i < swim_count(ring->swim); i++)
        count += is_here(swim_at(ring->swim, i));
    return count;
}

// For those who exchange full state with us.
static void make_user_state(struct ring *ring, uint64_t now)
{
    struct node_load load = {.node_id = ring->self};
    struct buffer state = {0};

    if (ring->user_state_ms && now - ring->user_state_ms < USER_STATE_MS)
        return;
    ring->user_state_ms = now;
    ring->calls->load(ring->data, &load);
    told_write(ring->swim, &load, now, &state);
    swim_set_user_state(ring->swim, buffer_slice(&state));
    buffer_done(&state);
}

// --- Streams -------------------------------------------------------------------------------------

static struct ring_stream *ring_stream_of(struct tcp *tcp)
{
    return (struct ring_stream *)tcp;
}

static size_t take(struct tcp *tcp, struct slice bytes)
{
    struct ring_stream *one = ring_stream_of(tcp);

    if (one->number) {
        swim_stream_bytes(one->ring->swim, now_ms(), one->number, bytes);
        perform(one->ring);
    }
    return bytes.size;
}

static void on_stream_closed(struct tcp *tcp)
{
    struct ring_stream *one = ring_stream_of(tcp);
    struct ring *ring = one->ring;

    if (one->number && ring->swim) {
        table_remove(&ring->streams, one->number);
        swim_stream_ended(ring->swim, now_ms(), one->number,
                          tcp->why == UV_EOF ? ERR_CLOSED : ERR_CONNECT);
        perform(ring);
    }
    free(one);
}

static const struct tcp_calls ring_stream_calls = {.take = take, .closed = on_stream_closed};

static struct ring_stream *stream_new(struct ring *ring)
{
    struct ring_stream *one = memory_new(sizeof *one);

    one->ring = ring;
    one->tcp.stall_ms = STREAM_STALL_MS;
    tcp_init(&one->tcp, ring->hub, &ring_stream_calls);
    return one;
}

static void set_number(struct ring_stream *one, uint64_t number)
{
    one->number = number;
    table_set(&one->ring->streams, number, one);
}

static void open_stream(struct ring *ring, const struct swim_action *action)
{
    struct ring_stream *one = stream_new(ring);
    int family = ring->listener.address.ss_family;
    struct sockaddr_storage address;

    set_number(one, action->stream);
    if (address_of_swim(&action->address, family, &address)) {
        tcp_close(&one->tcp, UV_EAFNOSUPPORT);
        return;
    }
    buffer_add_slice(tcp_output(&one->tcp), action->bytes);
    tcp_connect(&one->tcp, (struct sockaddr *)&address);
}

static void close_stream(struct ring *ring, uint64_t number)
{
    struct ring_stream *one = table_remove(&ring->streams, number);

    if (!one)
        return;
    one->number = 0;
    tcp_finish(&one->tcp);
}

static void on_accept(struct listener *listener)
{
    struct ring *ring = listener->data;
    struct ring_stream *one = stream_new(ring);
    struct sockaddr_storage from;
    struct swim_address address;
    int size = sizeof from;
    uint64_t number;

    if (tcp_accept(&one->tcp, (uv_stream_t *)&listener->tcp))
        return;
    if (!ring->swim || uv_tcp_getpeername(&one->tcp.handle, (struct sockaddr *)&from, &size)) {
        tcp_close(&one->tcp, 0);
        return;
    }
    address = address_to_swim((struct sockaddr *)&from);
    make_user_state(ring, now_ms());
    number = swim_accept(ring->swim, now_ms(), &address);
    if (number)
        set_number(one, number);
    else
        tcp_close(&one->tcp, 0);
    perform(ring);
}

// --- Datagrams -----------------------------------------------------------------------------------

static void send_datagram(struct ring *ring, const struct swim_action *action)
{
    struct sockaddr_storage address;
    uv_buf_t bytes =
        uv_buf_init((char *)(uintptr_t)action->bytes.data, (unsigned)action->bytes.size);

    if (address_of_swim(&action->address, ring->listener.address.ss_family, &address) ||
        uv_udp_try_send(&ring->udp, &bytes, 1, (struct sockaddr *)&address) < 0)
        ring->counts.datagrams_unsent++;
}

static void on_datagram_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct ring *ring = handle->data;

    (void)suggested;
    *out = uv_buf_init((char *)ring->datagram, sizeof ring->datagram);
}

static void on_datagram(uv_udp_t *udp, ssize_t size, const uv_buf_t *buffer,
                        const struct sockaddr *from, unsigned flags)
{
    struct ring *ring = udp->data;
    struct swim_address address;

    if (size <= 0 || !from || !ring->swim || (flags & UV_UDP_PARTIAL))
        return;
    address = address_to_swim(from);
    swim_datagram(ring->swim, now_ms(), &address, slice_of(buffer->base, (size_t)size));
    perform(ring);
}

// --- The machine ---------------------------------------------------------------------------------

static void on_timer(uv_timer_t *timer);

static void arm_timer(struct ring *ring)
{
    uint64_t due = swim_deadline(ring->swim), now = now_ms();

    if (due == ring->timer_due_ms || ring->stopped)
        return;
    ring->timer_due_ms = due;
    if (due == UINT64_MAX) {
        uv_timer_stop(&ring->timer);
        return;
    }
    uv_update_time(ring->uv);
    uv_timer_start(&ring->timer, on_timer, due > now ? due - now : 0, 0);
}

static void take_join_result(struct ring *ring, const struct swim_action *action)
{
    char address[SWIM_ADDRESS_TEXT];

    swim_address_text(&action->address, address);
    if (action->err == 0) {
        // Told when it brought anything: an address by which nobody announces himself is called
        // again and again.
        if (ring->told_here != ring_here(ring) || ring->was_told)
            log_info("gossip: exchanged members with %s: %zu are here", address, ring_here(ring));
        ring->told_here = ring_here(ring);
        ring->was_told = false;
        ring->backoff.failures = 0;
    } else if (!ring->was_told) {
        log_warning("gossip: %s does not answer (%s): trying again until it does", address,
                    action->err == ERR_PRECONDITION ? "its keys are not ours"
                    : action->err == ERR_CLOSED     ? "it closed: are label and keys the same?"
                                                    : err_text(action->err));
        ring->was_told = true;
    }
}

static void perform_one(struct ring *ring, const struct swim_action *action)
{
    struct ring_stream *one;

    switch (action->kind) {
    case SWIM_DATAGRAM:
        send_datagram(ring, action);
        break;
    case SWIM_OPEN:
        open_stream(ring, action);
        break;
    case SWIM_WRITE:
        one = table_find(&ring->streams, action->stream);
        if (one && !one->tcp.closing)
            buffer_add_slice(tcp_output(&one->tcp), action->bytes);
        break;
    case SWIM_CLOSE:
        close_stream(ring, action->stream);
        break;
    case SWIM_NOTICE:
        take_notice(ring, action);
        break;
    case SWIM_JOIN_RESULT:
        take_join_result(ring, action);
        break;
    case SWIM_LEFT_RING:
        ring->calls->left(ring->data);
        break;
    case SWIM_USER_STATE: // ages: for people who look at a member, not for members
    case SWIM_USER_MESSAGE:
        break;
    }
}

static void perform(struct ring *ring)
{
    const struct swim_action *actions;
    size_t count, i;

    ring->hub->dirty = true;
    actions = swim_actions(ring->swim, &count);
    for (i = 0; i < count; i++)
        perform_one(ring, &actions[i]);
    arm_timer(ring);
}

static void on_timer(uv_timer_t *timer)
{
    struct ring *ring = timer->data;

    ring->timer_due_ms = UINT64_MAX;
    make_user_state(ring, now_ms());
    swim_tick(ring->swim, now_ms());
    perform(ring);
}

void ring_set_meta(struct ring *ring, const struct node_meta *meta)
{
    struct buffer bytes = {0};

    meta_encode(meta, &bytes);
    swim_set_meta(ring->swim, now_ms(), buffer_slice(&bytes));
    buffer_done(&bytes);
    perform(ring);
}

void ring_set_guard(struct ring *ring, const struct guard *guard)
{
    int err = swim_set_guard(ring->swim, guard);

    check(err == 0);
}

void ring_leave(struct ring *ring)
{
    swim_leave(ring->swim, now_ms());
    perform(ring);
}

// --- Joining -------------------------------------------------------------------------------------

static bool is_present(const struct ring *ring, const struct swim_address *address)
{
    const struct swim_member *member;
    size_t i;

    for (i = 0; i < swim_count(ring->swim); i++) {
        member = swim_at(ring->swim, i);
        if (is_here(member) && swim_address_equal(&member->address, address))
            return true;
    }
    return false;
}

// Whoever is known and not here.
static size_t candidates(const struct ring *ring, bool all, struct swim_address *out)
{
    size_t count = seeds_list(&ring->seeds, ring->known, all, out), kept = 0, i;

    for (i = 0; i < count; i++)
        if (!is_present(ring, &out[i]))
            out[kept++] = out[i];
    return kept;
}

// One at a time while others are here, a few at random while we are alone.
static void call_somebody(struct ring *ring, bool alone)
{
    struct swim_address found[SEEDS_LIST_MAX], swap;
    size_t count = candidates(ring, alone, found), wanted = alone ? CALLS_MAX : 1, i, pick;

    if (wanted > count)
        wanted = count;
    for (i = 0; i < wanted; i++) {
        pick = i + (size_t)rng_below(&ring->rng, count - i);
        swap = found[i];
        found[i] = found[pick];
        found[pick] = swap;
    }
    if (wanted == 0)
        return;
    make_user_state(ring, now_ms());
    swim_join(ring->swim, now_ms(), found, wanted);
    perform(ring);
}

void ring_sweep(struct ring *ring)
{
    struct backoff steady = {.min_ms = CALL_MS, .max_ms = CALL_MS};
    uint64_t now = now_ms();
    bool alone;

    if (!ring->swim || ring->stopped)
        return;
    ring_alarm_refused(&ring->alarm, swim_counts(ring->swim), now);
    if (seeds_take_news(&ring->seeds))
        ring->call_ms = 0;
    if (now < ring->call_ms)
        return;
    alone = ring_here(ring) <= 1;
    ring->call_ms = now + backoff_next_ms(alone ? &ring->backoff : &steady, &ring->rng);
    call_somebody(ring, alone);
    seeds_look_up(&ring->seeds, alone);
}

// --- Beginning and end ---------------------------------------------------------------------------

static int open_udp(struct ring *ring, const struct sockaddr *address, struct buffer *why)
{
    struct sockaddr_storage bound;
    char text[ADDRESS_TEXT];
    int err, fd, size = UDP_BUFFER;

    fd = address_bind_udp(address, &bound);
    if (fd < 0) {
        err = -errno;
        address_text(address, text);
        buffer_add_format(why, "cannot listen for gossip on %s: %s", text, uv_strerror(err));
        return ERR_CONNECT;
    }
    uv_timer_init(ring->uv, &ring->timer);
    uv_udp_init(ring->uv, &ring->udp);
    ring->timer.data = ring->udp.data = ring;
    ring->is_bound = true;
    err = uv_udp_open(&ring->udp, fd);
    check(err == 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return listener_open(&ring->listener, ring->uv, (struct sockaddr *)&bound, why);
}

int ring_bind(struct ring *ring, const struct sockaddr *address, struct buffer *why)
{
    ring->listener.what = "gossip";
    ring->listener.accept = on_accept;
    ring->listener.data = ring;
    return open_udp(ring, address, why);
}

int ring_start(struct ring *ring, const struct ring_start *start)
{
    struct swim_settings settings;
    struct buffer meta = {0};
    int err;

    ring->self = start->self;
    ring_alarm_set_self(&ring->alarm, start->self, start->meta->actor);
    ring->timer_due_ms = UINT64_MAX;
    ring->backoff = (struct backoff){.min_ms = ALONE_MIN_MS, .max_ms = ALONE_MAX_MS};
    rng_init(&ring->rng, rng_mix(start->seed));
    seeds_init(&ring->seeds, ring->uv, start->join, start->join_count);
    ring->seeds.family = ring->listener.address.ss_family;
    ring->seeds.self = start->self;
    swim_settings_init(&settings, SWIM_LAN);
    settings.timing = *start->timing;
    settings.guard = *start->guard;
    settings.entropy.fill = keys_fill;
    settings.compress = start->compress;
    if (start->serf)
        memcpy(settings.delegate_version, serf_versions, sizeof serf_versions);
    settings.streams_max = ring->streams_max;
    settings.node_id = start->self;
    settings.address = start->announced;
    settings.seed = start->seed;
    meta_encode(start->meta, &meta);
    settings.meta = buffer_slice(&meta);
    err = swim_new(&settings, now_ms(), &ring->swim);
    guard_done(&settings.guard);
    buffer_done(&meta);
    if (err)
        return err;
    if (uv_udp_recv_start(&ring->udp, on_datagram_alloc, on_datagram))
        return ERR_IO;
    arm_timer(ring);
    ring_sweep(ring); // calls whom we know at once
    return 0;
}

void ring_close(struct ring *ring)
{
    struct ring_stream *one;
    size_t at = 0;

    if (!ring->is_bound || ring->stopped)
        return;
    ring->stopped = true;
    ring->is_stuck = !seeds_close(&ring->seeds);
    listener_stop(&ring->listener);
    uv_close((uv_handle_t *)&ring->timer, NULL);
    uv_close((uv_handle_t *)&ring->udp, NULL);
    while ((one = table_next(&ring->streams, &at))) {
        one->number = 0;
        tcp_close(&one->tcp, 0);
    }
}

void ring_done(struct ring *ring)
{
    swim_free(ring->swim);
    ring->swim = NULL;
    table_done(&ring->streams);
    ring_alarm_done(&ring->alarm);
}
