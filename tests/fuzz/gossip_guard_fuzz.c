// SPDX-License-Identifier: Apache-2.0
// What comes over the gossip port of a ring with a label and keys, before anybody is trusted; and,
// sealed by us, what a member with the key could send. The first byte says which ring.
#include "base/check.h"
#include "base/err.h"
#include "gossip/observer.h"
#include "gossip/packet.h"
#include "gossip/swim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LABEL = 1, KEYS = 2, TAKES_PLAIN = 4, PADDED = 8, SEALED = 16, DIALLED = 32 };

static void fill(void *unused, uint8_t *out, size_t size)
{
    (void)unused;
    memset(out, 7, size);
}

// The key is that of the captured packets, so that mutations of those are opened too.
static struct guard guard_of(uint8_t flags)
{
    struct guard guard = {.takes_plain = flags & TAKES_PLAIN, .padded = flags & PADDED};
    uint8_t key[16];

    for (uint8_t i = 0; i < sizeof key; i++)
        key[i] = i;
    if (flags & LABEL)
        check(guard_set_label(&guard, slice_of_text("quorate-test")) == 0);
    if (flags & KEYS)
        check(keyring_add(&guard.keys, slice_of(key, sizeof key)) == 0);
    return guard;
}

static struct swim *start(const struct guard *guard, const struct swim_address *address)
{
    struct swim_settings settings;
    struct swim *swim;

    swim_settings_init(&settings, SWIM_LAN);
    settings.node_id = 1;
    settings.seed = 1;
    settings.address = *address;
    settings.members_max = 64;
    settings.guard = *guard;
    settings.entropy.fill = fill;
    settings.compress = true;
    check(swim_new(&settings, 1000, &swim) == 0);
    return swim;
}

static void give(const struct guard *guard, struct slice datagram, struct slice stream)
{
    const uint8_t ip[4] = {127, 0, 0, 1};
    struct swim_address address = swim_address_of(slice_of(ip, sizeof ip), 7946);
    struct swim *swim = start(guard, &address);
    uint64_t number = swim_accept(swim, 1000, &address);
    size_t half = stream.size / 2;

    swim_datagram(swim, 1000, &address, datagram);
    swim_stream_bytes(swim, 1000, number, slice_of(stream.data, half));
    swim_stream_bytes(swim, 1000, number, slice_of(stream.data + half, stream.size - half));
    for (uint64_t now_ms = 1000; now_ms < 20000; now_ms = swim_deadline(swim))
        swim_tick(swim, now_ms);
    check(swim_count(swim) <= 64);
    swim_free(swim);
}

static void observe(const struct guard *guard, bool dialled, struct slice bytes)
{
    struct intake intake = {.dialled = dialled};
    struct observation observation = {0};
    struct buffer user_state = {0};
    struct slice message;

    if (intake_take(&intake, guard, bytes, OBSERVER_ANSWER_MAX, &message) == 0)
        (void)observation_take(&observation, message, &user_state);
    observation_finish(&observation);
    observation_done(&observation);
    buffer_done(&user_state);
    intake_done(&intake);
}

// What was compressed is read again.
static void compress(struct slice bytes)
{
    struct buffer packed = {0};
    struct buffer plain = {0};

    packet_compress(bytes, &packed);
    check(packet_decompress(buffer_slice(&packed), bytes.size, &plain) == 0);
    check(slice_equal(buffer_slice(&plain), bytes));
    buffer_done(&packed);
    buffer_done(&plain);
}

static void read_keys(struct slice text)
{
    struct keyring keys = {0};
    struct buffer why = {0};

    (void)keyring_read(&keys, text, &why);
    check(keys.count <= KEYRING_KEYS_MAX);
    buffer_done(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t nonce[KEYRING_NONCE] = {1};
    struct buffer datagram = {0};
    struct buffer stream = {0};
    struct slice bytes;
    struct guard guard;

    if (size < 2)
        return 0;
    guard = guard_of(data[0]);
    bytes = slice_of(data + 1, size - 1);
    if (data[0] & SEALED) {
        guard_seal_datagram(&guard, nonce, bytes, &datagram);
        guard_seal_stream(&guard, true, nonce, bytes, &stream);
    } else {
        buffer_add_slice(&datagram, bytes);
        buffer_add_slice(&stream, bytes);
    }
    give(&guard, buffer_slice(&datagram), buffer_slice(&stream));
    observe(&guard, data[0] & DIALLED, buffer_slice(&stream));
    compress(bytes);
    read_keys(bytes);
    guard_done(&guard);
    buffer_done(&datagram);
    buffer_done(&stream);
    return 0;
}
