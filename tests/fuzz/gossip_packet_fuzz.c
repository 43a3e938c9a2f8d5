// SPDX-License-Identifier: Apache-2.0
// Whatever comes over the gossip port: as a datagram, as one stream in two pieces, and as an answer
// to an observer. A fresh machine each time; its invariants are checked after each event.
#include "base/check.h"
#include "gossip/cli/tags.h"
#include "gossip/observer.h"
#include "gossip/swim.h"
#include "node/wire/meta.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct swim *start(const struct swim_address *address)
{
    struct swim_settings settings;
    struct swim *swim;

    swim_settings_init(&settings, SWIM_LAN);
    settings.node_id = 1;
    settings.seed = 1;
    settings.address = *address;
    settings.members_max = 64;
    check(swim_new(&settings, 1000, &swim) == 0);
    return swim;
}

static void give_stream(struct swim *swim, const struct swim_address *from, struct slice bytes)
{
    uint64_t stream = swim_accept(swim, 1000, from);
    size_t half = bytes.size / 2;

    swim_stream_bytes(swim, 1000, stream, slice_of(bytes.data, half));
    swim_stream_bytes(swim, 1000, stream, slice_of(bytes.data + half, bytes.size - half));
}

static void observe(struct slice bytes)
{
    struct observation observation = {0};
    struct buffer user_state = {0};
    struct node_view views[8];
    struct node_load load;
    struct tags tags;
    struct node_meta meta;
    size_t count;

    (void)observation_take(&observation, bytes, &user_state);
    observation_finish(&observation);
    (void)meta_decode(bytes, &meta);
    (void)tags_read(bytes, &tags);
    (void)meta_decode_told(bytes, &load, views, 8, &count);
    observation_done(&observation);
    buffer_done(&user_state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t ip[4] = {127, 0, 0, 1};
    struct swim_address address = swim_address_of(slice_of(ip, sizeof ip), 7946);
    struct swim *swim = start(&address);
    struct slice bytes = slice_of(data, size);

    swim_datagram(swim, 1000, &address, bytes);
    give_stream(swim, &address, bytes);
    for (uint64_t now_ms = 1000; now_ms < 40000; now_ms = swim_deadline(swim))
        swim_tick(swim, now_ms);
    check(swim_count(swim) <= 64);
    swim_free(swim);
    observe(bytes);
    return 0;
}
