// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/asker.h"

#include "base/check.h"
#include "base/err.h"

#include <stdio.h>

// ---- ways to answer -----------------------------------------------------------------------------

// Of nothing but topologies; true when that was asked.
static bool answer_topology(struct guest *guest, const struct wire_request *request)
{
    struct fake *fake = guest->fake;
    struct reply reply = {.method = METHOD_TOPOLOGY, .topology = fake->topology};

    if (request->request.method != METHOD_TOPOLOGY)
        return false;
    reply.members = fake->views;
    reply.member_count = fake->topology ? fake->topology->member_count : 0;
    if (!fake->topology)
        reply.err = ERR_NO_CLUSTER;
    guest_reply(guest, request->id, &reply);
    return true;
}

void answer_well(struct guest *guest, const struct wire_request *request)
{
    struct version version = {.dot = {1, 1}, .stamp = 77 << 16, .value = request->request.key};
    struct reply reply = {.method = request->request.method, .found = true, .acks = 2, .w = 2};

    if (answer_topology(guest, request))
        return;
    reply.dot = version.dot;
    if (reply.method == METHOD_GET) {
        reply.versions = &version;
        reply.version_count = 1;
    }
    guest_reply(guest, request->id, &reply);
}

void answer_refusing(struct guest *guest, const struct wire_request *request)
{
    struct reply reply = {.method = request->request.method,
                          .err = ERR_OVERLOADED,
                          .text = slice_of_text("put k: too much to do: retry")};

    if (!answer_topology(guest, request))
        guest_reply(guest, request->id, &reply);
}

void answer_third(struct guest *guest, const struct wire_request *request)
{
    if (guest->fake->requests < 3)
        answer_refusing(guest, request);
    else
        answer_well(guest, request);
}

void answer_hanging_up(struct guest *guest, const struct wire_request *request)
{
    if (!answer_topology(guest, request))
        guest_close(guest);
}

void answer_never(struct guest *guest, const struct wire_request *request)
{
    (void)answer_topology(guest, request);
}

void answer_later_guests(struct guest *guest, const struct wire_request *request)
{
    if (guest->number > 1)
        answer_well(guest, request);
}

void answer_nonsense(struct guest *guest, const struct wire_request *request)
{
    (void)request;
    guest_say(guest, "HTTP/1.1 400 Bad Request\r\n", 26);
}

// ---- asking -------------------------------------------------------------------------------------

void asker_done(void *data, const struct quorate_result *result)
{
    struct asker *asker = data;
    struct quorate_bytes value = {0};

    asker->done++;
    asker->failed += result->err != 0;
    asker->err = result->err;
    asker->unknown = result->unknown;
    asker->attempts = result->attempts;
    asker->acks = result->acks;
    (void)quorate_result_value(result, &value);
    (void)snprintf(asker->value, sizeof asker->value, "%.*s", (int)value.size,
                   value.size ? (const char *)value.data : "");
    (void)snprintf(asker->message, sizeof asker->message, "%s", result->message);
    (void)snprintf(asker->address, sizeof asker->address, "%s", result->address);
}

void asker_wait(struct asker *asker, uint32_t done)
{
    while (asker->done < done)
        (void)uv_run(&asker->loop, UV_RUN_ONCE);
}

void asker_open(struct asker *asker, answer_fn *answer)
{
    *asker = (struct asker){0};
    check(uv_loop_init(&asker->loop) == 0);
    fake_open(&asker->fakes[0], &asker->loop, answer);
    check(quorate_attach(&asker->loop, asker->fakes[0].address, NULL, &asker->client) == 0);
}

void asker_reopen(struct asker *asker, const char *endpoints,
                  const struct quorate_client_options *options)
{
    quorate_close(asker->client);
    check(quorate_attach(&asker->loop, endpoints, options, &asker->client) == 0);
}

void asker_close(struct asker *asker)
{
    quorate_close(asker->client);
    for (int i = 0; i < 3; i++) {
        if (asker->fakes[i].loop)
            fake_close(&asker->fakes[i]);
    }
    (void)uv_run(&asker->loop, UV_RUN_DEFAULT);
    check(uv_loop_close(&asker->loop) == 0);
}

void asker_get(struct asker *asker, const char *key)
{
    quorate_get_start(asker->client, quorate_key("b", key), NULL, quorate_done(asker_done, asker));
}

void asker_put(struct asker *asker, const char *key, uint32_t timeout_ms)
{
    struct quorate_put_options options = {.timeout_ms = timeout_ms};

    quorate_put_start(asker->client, quorate_key("b", key), quorate_text("v"), &options,
                      quorate_done(asker_done, asker));
}
