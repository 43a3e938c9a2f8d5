// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/fake_node.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

static void guest_closed(uv_handle_t *handle)
{
    struct guest *guest = handle->data;

    buffer_done(&guest->in);
    free(guest);
}

void guest_close(struct guest *guest)
{
    struct fake *fake = guest->fake;

    for (uint32_t i = 0; i < fake->guest_count; i++) {
        if (fake->guests[i] == guest)
            fake->guests[i] = fake->guests[--fake->guest_count];
    }
    if (!uv_is_closing((uv_handle_t *)&guest->tcp))
        uv_close((uv_handle_t *)&guest->tcp, guest_closed);
}

void guest_say(struct guest *guest, const void *data, size_t size)
{
    uv_buf_t bytes = uv_buf_init((char *)data, (unsigned)size);

    check(uv_try_write((uv_stream_t *)&guest->tcp, &bytes, 1) == (int)size);
}

void guest_reply(struct guest *guest, uint32_t id, const struct reply *reply)
{
    struct buffer out = {0};

    reply_encode(id, reply, &out);
    guest_say(guest, out.data, out.size);
    buffer_done(&out);
}

static void guest_asks(struct guest *guest)
{
    struct wire_request request;
    size_t size;

    while (!uv_is_closing((uv_handle_t *)&guest->tcp) && guest->in.size > 0 &&
           rpc_scan_more(&guest->scan, buffer_slice(&guest->in), &size) == 0) {
        check(request_decode(slice_of(guest->in.data, size), &guest->fake->decoder, &request) == 0);
        check(request.refused == 0);
        guest->fake->requests++;
        guest->fake->answer(guest, &request);
        buffer_drop(&guest->in, size);
    }
}

static void guest_room(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct guest *guest = handle->data;

    *out = uv_buf_init((char *)buffer_reserve(&guest->in, size), (unsigned)size);
}

static void guest_heard(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct guest *guest = stream->data;

    (void)buffer;
    if (size < 0) {
        guest_close(guest);
        return;
    }
    guest->in.size += (size_t)size;
    guest_asks(guest);
}

static void guest_comes(uv_stream_t *listener, int status)
{
    struct fake *fake = listener->data;
    struct guest *guest = memory_new(sizeof *guest);

    check(status == 0);
    guest->fake = fake;
    guest->number = ++fake->guests_come;
    guest->tcp.data = guest;
    rpc_scan_init(&guest->scan, 1 << 24, REQUEST_VALUES_MAX);
    check(uv_tcp_init(fake->loop, &guest->tcp) == 0);
    guest->tcp.data = guest;
    check(uv_accept(listener, (uv_stream_t *)&guest->tcp) == 0);
    check(uv_read_start((uv_stream_t *)&guest->tcp, guest_room, guest_heard) == 0);
    fake->guests[fake->guest_count++] = guest;
}

void fake_open(struct fake *fake, uv_loop_t *loop, answer_fn *answer)
{
    struct sockaddr_in address;
    int size = sizeof address;

    *fake = (struct fake){.loop = loop, .answer = answer};
    check(uv_ip4_addr("127.0.0.1", 0, &address) == 0);
    check(uv_tcp_init(loop, &fake->listener) == 0);
    fake->listener.data = fake;
    check(uv_tcp_bind(&fake->listener, (struct sockaddr *)&address, 0) == 0);
    check(uv_listen((uv_stream_t *)&fake->listener, 16, guest_comes) == 0);
    check(uv_tcp_getsockname(&fake->listener, (struct sockaddr *)&address, &size) == 0);
    (void)snprintf(fake->address, sizeof fake->address, "127.0.0.1:%u", ntohs(address.sin_port));
}

void fake_close(struct fake *fake)
{
    while (fake->guest_count > 0)
        guest_close(fake->guests[0]);
    if (!uv_is_closing((uv_handle_t *)&fake->listener))
        uv_close((uv_handle_t *)&fake->listener, NULL);
    wire_decoder_done(&fake->decoder);
    topology_free(fake->topology);
    free(fake->views);
    fake->topology = NULL;
    fake->views = NULL;
}
