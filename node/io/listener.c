// SPDX-License-Identifier: Apache-2.0
#include "node/io/listener.h"

#include "base/check.h"
#include "base/err.h"

enum { BACKLOG = 511, RETRY_MIN_MS = 100, RETRY_MAX_MS = 2000 };

static void on_connection(uv_stream_t *handle, int status);

static int open_socket(struct listener *listener)
{
    int err = uv_tcp_init(listener->uv, &listener->tcp);

    check(err == 0);
    listener->is_open = true;
    listener->tcp.data = listener;
    err = uv_tcp_bind(&listener->tcp, (struct sockaddr *)&listener->address, 0);
    if (err == 0)
        err = uv_listen((uv_stream_t *)&listener->tcp, BACKLOG, on_connection);
    return err;
}

static void on_retry(uv_timer_t *timer);

static void on_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;

    listener->is_open = false;
    if (!listener->stopped)
        uv_timer_start(&listener->retry, on_retry,
                       backoff_next_ms(&listener->backoff, &listener->rng), 0);
}

static void open_later(struct listener *listener, int err)
{
    if (uv_is_closing((uv_handle_t *)&listener->tcp))
        return;
    if (log_limit_pass(&listener->limit, uv_hrtime() / 1000))
        log_warning("cannot accept %s on %s now: %s: trying again shortly", listener->what,
                    listener->text, uv_strerror(err));
    uv_close((uv_handle_t *)&listener->tcp, on_closed);
}

static void on_retry(uv_timer_t *timer)
{
    struct listener *listener = timer->data;
    int err = open_socket(listener);

    if (err)
        open_later(listener, err);
}

static void on_connection(uv_stream_t *handle, int status)
{
    struct listener *listener = handle->data;

    if (status) {
        open_later(listener, status);
        return;
    }
    listener->backoff.failures = 0;
    listener->accept(listener);
}

int listener_open(struct listener *listener, uv_loop_t *uv, const struct sockaddr *address,
                  struct buffer *why)
{
    int err, size = sizeof listener->address;

    listener->uv = uv;
    listener->stopped = false;
    listener->backoff = (struct backoff){.min_ms = RETRY_MIN_MS, .max_ms = RETRY_MAX_MS};
    rng_init(&listener->rng, uv_hrtime());
    memset(&listener->address, 0, sizeof listener->address);
    memcpy(&listener->address, address,
           address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in));
    address_text(address, listener->text);
    err = uv_timer_init(uv, &listener->retry);
    check(err == 0);
    listener->retry.data = listener;
    err = open_socket(listener);
    if (err == 0)
        err = uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&listener->address, &size);
    if (err) {
        buffer_add_format(why, "cannot listen for %s on %s: %s", listener->what, listener->text,
                          uv_strerror(err));
        listener_stop(listener);
        return ERR_CONNECT;
    }
    address_text((struct sockaddr *)&listener->address, listener->text);
    return 0;
}

void listener_stop(struct listener *listener)
{
    if (listener->stopped || !listener->uv)
        return;
    listener->stopped = true;
    uv_close((uv_handle_t *)&listener->retry, NULL);
    if (listener->is_open && !uv_is_closing((uv_handle_t *)&listener->tcp))
        uv_close((uv_handle_t *)&listener->tcp, on_closed);
}
