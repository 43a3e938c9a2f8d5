// SPDX-License-Identifier: Apache-2.0
// The rules that keep this simple: `closed` comes from libuv's close callback only, so no call into
// a connection ever frees it; a connection that is closing makes no further calls to its owner.
#include "node/io/tcp.h"

#include "base/check.h"
#include "node/io/address.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utlist.h>

enum {
    FINISH_MS = 1000, // to wait for the other side's end
    FRAME_RATE = 64,  // bytes a millisecond (64 KiB a second) that a long frame must keep up
    KEEP_ALIVE_PROBES = 3
};

void hub_init(struct hub *hub, uv_loop_t *uv)
{
    memset(hub, 0, sizeof *hub);
    hub->uv = uv;
    hub->now_ms = uv_hrtime() / 1000000;
}

static void account(struct tcp *tcp)
{
    size_t now = tcp->input.capacity + tcp->output.capacity + tcp->flying.capacity;

    if (!tcp->budget)
        return;
    tcp->budget->used += now;
    tcp->budget->used -= tcp->accounted;
    tcp->accounted = now;
}

static void touch(struct tcp *tcp)
{
    if (tcp->is_touched)
        return;
    tcp->is_touched = true;
    tcp->hub->dirty = true;
    LL_PREPEND2(tcp->hub->touched, tcp, next_touched);
}

void tcp_init(struct tcp *tcp, struct hub *hub, const struct tcp_calls *calls)
{
    int err;

    tcp->hub = hub;
    tcp->calls = calls;
    err = uv_tcp_init(hub->uv, &tcp->handle);
    check(err == 0);
    tcp->handle.data = tcp;
    DL_APPEND(hub->all, tcp);
    hub->count++;
}

// --- Closing -------------------------------------------------------------------------------------

static void on_close(uv_handle_t *handle)
{
    struct tcp *tcp = handle->data;
    struct hub *hub = tcp->hub;

    if (tcp->is_touched)
        LL_DELETE2(hub->touched, tcp, next_touched);
    if (tcp->is_again)
        LL_DELETE2(hub->again, tcp, next_again);
    DL_DELETE(hub->all, tcp);
    hub->count--;
    hub->dirty = true;
    buffer_done(&tcp->input);
    buffer_done(&tcp->output);
    buffer_done(&tcp->flying);
    account(tcp);
    tcp->calls->closed(tcp);
}

void tcp_close(struct tcp *tcp, int why)
{
    if (tcp->closing)
        return;
    tcp->closing = true;
    tcp->why = why;
    uv_close((uv_handle_t *)&tcp->handle, on_close);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct tcp *tcp = request->handle->data;

    if (status || tcp->over)
        tcp_close(tcp, 0);
}

// When all is out: says that nothing follows.
static void finish_now(struct tcp *tcp)
{
    if (tcp->shut || tcp->closing)
        return;
    tcp->shut = true;
    tcp->output_since_ms = tcp->hub->now_ms;
    if (uv_shutdown(&tcp->shutdown, (uv_stream_t *)&tcp->handle, on_shutdown))
        tcp_close(tcp, 0);
}

void tcp_finish(struct tcp *tcp)
{
    if (tcp->connecting) {
        tcp_close(tcp, 0);
        return;
    }
    tcp->finishing = true;
    tcp->input_since_ms = 0;
    tcp_resume(tcp);
    touch(tcp);
}

// --- Reading -------------------------------------------------------------------------------------

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct tcp *tcp = handle->data;

    (void)suggested;
    if (tcp->input.size == 0 || tcp->finishing) {
        *out = uv_buf_init((char *)tcp->hub->shared, TCP_READ_SIZE);
        return;
    }
    buffer_reserve(&tcp->input, TCP_READ_SIZE);
    *out = uv_buf_init((char *)tcp->input.data + tcp->input.size, TCP_READ_SIZE);
}

// Notes since when the other side owes the rest of a frame.
static void note_rest(struct tcp *tcp, bool progress)
{
    if (tcp->input.size == 0 || tcp->paused)
        tcp->input_since_ms = 0;
    else if (progress || tcp->input_since_ms == 0)
        tcp->input_since_ms = tcp->hub->now_ms;
}

static void offer(struct tcp *tcp, struct slice bytes)
{
    bool shared = bytes.data == tcp->hub->shared;
    size_t taken = tcp->calls->take(tcp, bytes);

    check(taken <= bytes.size);
    if (tcp->closing || tcp->finishing)
        taken = bytes.size;
    if (shared)
        buffer_add(&tcp->input, bytes.data + taken, bytes.size - taken);
    else
        buffer_drop(&tcp->input, taken);
    if (tcp->input.size == 0)
        buffer_reset(&tcp->input, tcp->keep);
    note_rest(tcp, taken > 0);
    account(tcp);
}

static void take_end(struct tcp *tcp, int err)
{
    if (err != UV_EOF) {
        tcp_close(tcp, err);
        return;
    }
    tcp->over = true;
    tcp->reading = false;
    uv_read_stop((uv_stream_t *)&tcp->handle);
    buffer_reset(&tcp->input, 0);
    tcp->input_since_ms = 0;
    if (tcp->finishing && tcp->shut)
        tcp_close(tcp, 0);
    else if (!tcp->finishing && tcp->calls->ended)
        tcp->calls->ended(tcp);
    else if (!tcp->finishing)
        tcp_close(tcp, UV_EOF);
}

static void on_read(uv_stream_t *handle, ssize_t size, const uv_buf_t *buffer)
{
    struct tcp *tcp = handle->data;
    struct hub *hub = tcp->hub;

    if (size == 0)
        return;
    hub->dirty = hub->is_late = true;
    if (size < 0) {
        take_end(tcp, (int)size);
        return;
    }
    if (tcp->finishing)
        return;
    if ((uint8_t *)buffer->base == hub->shared) {
        offer(tcp, slice_of(hub->shared, (size_t)size));
        return;
    }
    tcp->input.size += (size_t)size;
    offer(tcp, buffer_slice(&tcp->input));
}

static void start_reading(struct tcp *tcp)
{
    int err;

    if (tcp->reading || tcp->paused || tcp->over || tcp->closing || tcp->connecting)
        return;
    tcp->reading = true;
    err = uv_read_start((uv_stream_t *)&tcp->handle, on_alloc, on_read);
    if (err)
        tcp_close(tcp, err);
}

void tcp_pause(struct tcp *tcp)
{
    tcp->paused = true;
    tcp->input_since_ms = 0;
    if (tcp->reading)
        uv_read_stop((uv_stream_t *)&tcp->handle);
    tcp->reading = false;
}

void tcp_resume(struct tcp *tcp)
{
    if (!tcp->paused || tcp->closing)
        return;
    tcp->paused = false;
    tcp->hub->dirty = true;
    if (!tcp->is_again)
        LL_PREPEND2(tcp->hub->again, tcp, next_again);
    tcp->is_again = true;
}

bool hub_resume(struct hub *hub)
{
    struct tcp *tcp;
    bool any = hub->again;

    while ((tcp = hub->again)) {
        LL_DELETE2(hub->again, tcp, next_again);
        tcp->is_again = false;
        if (tcp->closing)
            continue;
        if (tcp->input.size && !tcp->paused && !tcp->finishing)
            offer(tcp, buffer_slice(&tcp->input));
        start_reading(tcp);
    }
    return any;
}

// --- Writing -------------------------------------------------------------------------------------

static size_t queued(const struct tcp *tcp)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&tcp->handle);
}

struct buffer *tcp_output(struct tcp *tcp)
{
    touch(tcp);
    return &tcp->output;
}

size_t tcp_unsent(const struct tcp *tcp)
{
    return tcp->output.size + queued(tcp);
}

static void on_written(uv_write_t *request, int status)
{
    struct tcp *tcp = request->handle->data;

    tcp->writing = false;
    buffer_reset(&tcp->flying, 0);
    account(tcp);
    if (tcp->closing)
        return;
    if (status) {
        tcp_close(tcp, status);
        return;
    }
    tcp->output_since_ms = tcp->hub->now_ms;
    touch(tcp);
}

// What the socket did not take now is written by libuv when it can; new output collects meanwhile.
static void write_later(struct tcp *tcp, size_t sent)
{
    uv_buf_t rest;
    int err;

    buffer_done(&tcp->flying);
    tcp->flying = tcp->output;
    tcp->output = (struct buffer){0};
    rest = uv_buf_init((char *)tcp->flying.data + sent, (unsigned)(tcp->flying.size - sent));
    err = uv_write(&tcp->write, (uv_stream_t *)&tcp->handle, &rest, 1, on_written);
    if (err) {
        tcp_close(tcp, err);
        return;
    }
    tcp->writing = true;
    tcp->flying_left = queued(tcp);
    if (tcp->output_since_ms == 0 || sent > 0)
        tcp->output_since_ms = tcp->hub->now_ms;
}

static void flush(struct tcp *tcp)
{
    uv_buf_t all;
    size_t sent = 0;
    int result;

    if (tcp->closing || tcp->connecting || tcp->writing)
        return;
    if (tcp->output.size) {
        all = uv_buf_init((char *)tcp->output.data, (unsigned)tcp->output.size);
        result = uv_try_write((uv_stream_t *)&tcp->handle, &all, 1);
        if (result < 0 && result != UV_EAGAIN) {
            tcp_close(tcp, result);
            return;
        }
        sent = result > 0 ? (size_t)result : 0;
        if (sent < tcp->output.size) {
            write_later(tcp, sent);
            account(tcp);
            return;
        }
    }
    tcp->output_since_ms = 0;
    buffer_reset(&tcp->output, tcp->keep);
    account(tcp);
    if (tcp->paused && tcp->calls->sent)
        tcp->calls->sent(tcp);
    if (tcp->finishing)
        finish_now(tcp);
}

void hub_flush(struct hub *hub)
{
    struct tcp *tcp, *list = hub->touched, *rest;

    hub->touched = NULL;
    for (tcp = list; tcp; tcp = rest) {
        rest = tcp->next_touched;
        tcp->is_touched = false;
        flush(tcp);
    }
}

// --- Opening -------------------------------------------------------------------------------------

int tcp_accept(struct tcp *tcp, uv_stream_t *listener)
{
    int err = uv_accept(listener, (uv_stream_t *)&tcp->handle);

    if (err == 0 && tcp->hub->count_max && tcp->hub->count > tcp->hub->count_max)
        err = UV_EMFILE;
    if (err) {
        tcp_close(tcp, err);
        return err;
    }
    uv_tcp_nodelay(&tcp->handle, 1);
    start_reading(tcp);
    return 0;
}

static void on_connect(uv_connect_t *request, int status)
{
    struct tcp *tcp = request->handle->data;

    tcp->connecting = false;
    tcp->hub->dirty = true;
    if (tcp->closing)
        return;
    if (status) {
        tcp_close(tcp, status);
        return;
    }
    tcp->output_since_ms = 0;
    uv_tcp_nodelay(&tcp->handle, 1);
    touch(tcp);
    start_reading(tcp);
    if (tcp->calls->connected)
        tcp->calls->connected(tcp);
}

void tcp_connect(struct tcp *tcp, const struct sockaddr *address)
{
    int err;

    tcp->connecting = true;
    tcp->output_since_ms = tcp->hub->now_ms;
    err = uv_tcp_connect(&tcp->connect, &tcp->handle, address, on_connect);
    if (err)
        tcp_close(tcp, err);
}

void tcp_keep_alive(struct tcp *tcp, uint64_t timeout_ms)
{
    unsigned user = (unsigned)timeout_ms;
    unsigned seconds = (unsigned)(timeout_ms / 1000);
    int probes = KEEP_ALIVE_PROBES;
    uv_os_fd_t fd;

    if (uv_fileno((uv_handle_t *)&tcp->handle, &fd))
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user, sizeof user);
    uv_tcp_keepalive(&tcp->handle, 1, seconds ? seconds : 1);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

bool tcp_is_over_budget(const struct tcp *tcp)
{
    return tcp->budget && tcp->budget->used > tcp->budget->max;
}

void tcp_peer_text(const struct tcp *tcp, char out[64])
{
    struct sockaddr_storage address;
    int size = sizeof address;

    if (uv_tcp_getpeername(&tcp->handle, (struct sockaddr *)&address, &size) == 0)
        address_text((struct sockaddr *)&address, out);
    else
        memcpy(out, "?", 2);
}

// --- Stalls --------------------------------------------------------------------------------------

static bool has_stalled(struct tcp *tcp)
{
    uint64_t now = tcp->hub->now_ms;
    size_t left = queued(tcp);

    if (tcp->writing && left < tcp->flying_left)
        tcp->output_since_ms = now;
    tcp->flying_left = left;
    if (tcp->shut)
        return now - tcp->output_since_ms > FINISH_MS;
    if (tcp->stall_ms == 0)
        return false;
    if (tcp->input_since_ms &&
        now - tcp->input_since_ms > tcp->stall_ms + tcp->input.size / FRAME_RATE)
        return true;
    if (!tcp->output_since_ms || now - tcp->output_since_ms <= tcp->stall_ms)
        return false;
    if (tcp->connecting || tcp->finishing || tcp->paused)
        return true;
    return tcp_unsent(tcp) > (tcp_is_over_budget(tcp) ? 0 : tcp->unread_max);
}

void hub_sweep(struct hub *hub)
{
    struct tcp *tcp;

    DL_FOREACH(hub->all, tcp) {
        if (!tcp->closing && has_stalled(tcp))
            tcp_close(tcp, UV_ETIMEDOUT);
    }
}
