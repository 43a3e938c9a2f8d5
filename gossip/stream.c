// SPDX-License-Identifier: Apache-2.0
// Streams: one request, one answer, then it is closed.
//
//      we accepted     exchange -> our state, then merge;  ping -> ack;  user message -> action
//      join, exchange  our state is out -> their state comes, merge
//      ping            the ping is out -> its ack comes
//      user message    it is out -> the other side closes
//
// The acceptor answers before it merges, so that both sides merge what the other knew before.
#include "base/check.h"
#include "base/err.h"
#include "gossip/intake.h"
#include "gossip/machine.h"

#include <stdlib.h>

// All streams together hold at most what so many of full size would.
enum { BYTES_MAX_STREAMS = 4 };

enum stream_purpose { STREAM_ACCEPTED, STREAM_JOIN, STREAM_EXCHANGE, STREAM_PING, STREAM_USER };

struct stream {
    uint64_t number;
    enum stream_purpose purpose;
    struct swim_address address;
    uint32_t sequence; // of a ping
    struct buffer in;
    struct intake intake;
    struct heap_item timer;
};

static struct stream *stream_of_timer(struct heap_item *item)
{
    return (struct stream *)((char *)item - offsetof(struct stream, timer));
}

static struct stream *stream_new(struct swim *swim, enum stream_purpose purpose,
                                 const struct swim_address *address, uint64_t timeout_ms)
{
    struct stream *stream = memory_new(sizeof *stream);

    stream->number = ++swim->last_stream;
    stream->purpose = purpose;
    stream->address = *address;
    stream->intake.dialled = purpose != STREAM_ACCEPTED;
    table_set(&swim->streams, stream->number, stream);
    heap_add(&swim->stream_timers, &stream->timer, swim->now_ms + timeout_ms);
    swim->streams_accepted += purpose == STREAM_ACCEPTED;
    swim->streams_joining += purpose == STREAM_JOIN;
    return stream;
}

static void stream_free(struct swim *swim, struct stream *stream)
{
    swim->streams_accepted -= stream->purpose == STREAM_ACCEPTED;
    swim->streams_joining -= stream->purpose == STREAM_JOIN;
    heap_remove(&swim->stream_timers, &stream->timer);
    table_remove(&swim->streams, stream->number);
    swim->stream_bytes -= stream->in.size;
    buffer_done(&stream->in);
    intake_done(&stream->intake);
    free(stream);
}

void stream_free_all(struct swim *swim)
{
    while (heap_first(&swim->stream_timers))
        stream_free(swim, stream_of_timer(heap_first(&swim->stream_timers)));
    heap_done(&swim->stream_timers);
    table_done(&swim->streams);
}

static void act(struct swim *swim, const struct stream *stream, enum swim_action_kind kind,
                struct slice bytes)
{
    struct swim_action *action = machine_act(swim, kind);

    action->stream = stream->number;
    action->address = stream->address;
    action->bytes = bytes;
}

// One whole message, in the wrappers that streams have.
static void say(struct swim *swim, const struct stream *stream, enum swim_action_kind kind,
                struct slice message)
{
    uint8_t nonce[KEYRING_NONCE];
    struct buffer packed = {0};
    struct buffer out = {0};

    if (swim->settings.compress) {
        packet_compress(message, &packed);
        message = buffer_slice(&packed);
    }
    machine_nonce(swim, nonce);
    guard_seal_stream(&swim->settings.guard, stream->purpose != STREAM_ACCEPTED, nonce, message,
                      &out);
    act(swim, stream, kind, arena_copy(&swim->arena, buffer_slice(&out)));
    buffer_done(&packed);
    buffer_done(&out);
}

static void report_join(struct swim *swim, const struct swim_address *address, int err)
{
    struct swim_action *action = machine_act(swim, SWIM_JOIN_RESULT);

    action->address = *address;
    action->err = err;
}

// The end of a stream: done with (0), or why not.
static void end(struct swim *swim, struct stream *stream, int err, bool close)
{
    if (err)
        swim->counts.streams_failed++;
    if (close)
        act(swim, stream, SWIM_CLOSE, (struct slice){0});
    if (stream->purpose == STREAM_JOIN)
        report_join(swim, &stream->address, err);
    stream_free(swim, stream);
}

// --- Our state -----------------------------------------------------------------------------------

static struct slice encode_state(struct swim *swim, bool join)
{
    struct buffer out = {0};
    struct slice bytes;

    exchange_encode_header(join, (uint32_t)swim->members.count, swim->user_state.size, &out);
    for (size_t i = 0; i < swim->members.count; i++) {
        const struct swim_member *member = swim->members.list[i];
        struct message record = machine_about(member, MESSAGE_ALIVE);

        message_encode_record(&record, &out);
    }
    buffer_add_slice(&out, buffer_slice(&swim->user_state));
    bytes = arena_copy(&swim->arena, buffer_slice(&out));
    buffer_done(&out);
    return bytes;
}

static void open_exchange(struct swim *swim, const struct swim_address *address,
                          enum stream_purpose purpose)
{
    struct stream *stream =
        stream_new(swim, purpose, address, swim->settings.timing.stream_timeout_ms);

    swim->counts.streams_out++;
    say(swim, stream, SWIM_OPEN, encode_state(swim, purpose == STREAM_JOIN));
}

void stream_join(struct swim *swim, const struct swim_address *address)
{
    if (swim->streams_joining >= MACHINE_JOINS_MAX)
        report_join(swim, address, ERR_OVERLOADED);
    else
        open_exchange(swim, address, STREAM_JOIN);
}

// Above 32 members exchanges grow rarer: interval * (ceil(log2 n) - 5 + 1).
void stream_schedule_exchange(struct swim *swim, bool first)
{
    uint64_t interval_ms = swim->settings.timing.push_pull_ms;

    for (size_t reach = 32; reach < swim->members.count; reach *= 2)
        interval_ms += swim->settings.timing.push_pull_ms;
    if (interval_ms == 0)
        swim->exchange_due_ms = UINT64_MAX;
    else
        swim->exchange_due_ms =
            swim->now_ms + (first ? 1 + rng_below(&swim->rng, interval_ms) : interval_ms);
}

static bool is_alive(const struct swim_member *member, uint64_t now_ms, uint64_t limit_ms)
{
    (void)now_ms;
    (void)limit_ms;
    return member->state == MEMBER_ALIVE;
}

void stream_exchange_due(struct swim *swim)
{
    struct members_choice choice = {.fits = is_alive};
    struct swim_member *member;

    stream_schedule_exchange(swim, false);
    if (members_pick(&swim->members, &choice, &swim->rng, &member, 1) == 1)
        open_exchange(swim, &member->address, STREAM_EXCHANGE);
}

void stream_send_user(struct swim *swim, const struct swim_address *to, struct slice bytes)
{
    struct stream *stream =
        stream_new(swim, STREAM_USER, to, swim->settings.timing.stream_timeout_ms);
    struct buffer out = {0};

    exchange_encode_user(bytes, &out);
    swim->counts.streams_out++;
    say(swim, stream, SWIM_OPEN, buffer_slice(&out));
    buffer_done(&out);
}

void stream_ping(struct swim *swim, const struct swim_member *member, uint32_t sequence)
{
    struct message ping = {
        .type = MESSAGE_PING,
        .sequence = sequence,
        .node = member_name(member),
        .source = swim->self->address,
        .source_node = member_name(swim->self),
    };
    struct stream *stream =
        stream_new(swim, STREAM_PING, &member->address, swim->probe.end_ms - swim->now_ms);

    stream->sequence = sequence;
    swim->counts.streams_out++;
    say(swim, stream, SWIM_OPEN, spread_encode(swim, &ping));
}

// --- Their state ---------------------------------------------------------------------------------

// Looks through all records. ERR_PROTOCOL when one is malformed, or when there are alive members
// and we understand none of them: that is another kind of ring. One among others that we do not
// understand is left out; memberlist refuses them all, and so one forged announcement would keep a
// whole ring from ever exchanging again.
static int judge(struct swim *swim, struct exchange theirs)
{
    size_t understood = 0;
    size_t foreign = 0;
    struct message record;
    int err;

    while ((err = exchange_next(&theirs, &record)) == 0) {
        if (record.state != MEMBER_ALIVE)
            continue;
        if (rules_understands(swim, &record))
            understood++;
        else
            foreign++;
    }
    if (err != ERR_NOT_FOUND)
        return err;
    if (foreign == 0 || understood > 0)
        return 0;
    swim->counts.incompatible++;
    return ERR_PROTOCOL;
}

static void merge_record(struct swim *swim, const struct message *record)
{
    struct message claim = {.node = record->node, .incarnation = record->incarnation};

    if (record->state != MEMBER_ALIVE && record->incarnation > MESSAGE_ACCUSED_MAX)
        return;
    switch (record->state) {
    case MEMBER_ALIVE:
        rules_alive(swim, record);
        break;
    case MEMBER_LEFT:
        claim.type = MESSAGE_DEAD;
        claim.from = record->node;
        rules_dead(swim, &claim);
        break;
    case MEMBER_SUSPECT:
    case MEMBER_DEAD: // never believed at once: the member may refute it
        claim.type = MESSAGE_SUSPECT;
        claim.from = member_name(swim->self);
        rules_suspect(swim, &claim);
        break;
    }
}

// All or nothing: a malformed record refuses the whole exchange.
static int merge(struct swim *swim, const struct stream *stream, struct exchange theirs)
{
    struct message record;
    int err = judge(swim, theirs);

    if (err)
        return err;
    if (theirs.user_state.size) {
        struct slice state = arena_copy(&swim->arena, theirs.user_state);

        act(swim, stream, SWIM_USER_STATE, state);
    }
    while (exchange_next(&theirs, &record) == 0)
        merge_record(swim, &record);
    return 0;
}

// --- A complete message --------------------------------------------------------------------------

static int answer_ping(struct swim *swim, const struct stream *stream, struct slice bytes)
{
    struct message message;
    struct message ack = {.type = MESSAGE_ACK};
    int err = message_decode(bytes, &message);

    if (err)
        return err;
    if (message.node.size && !slice_equal(message.node, member_name(swim->self)))
        return ERR_NOT_FOUND;
    ack.sequence = message.sequence;
    say(swim, stream, SWIM_WRITE, spread_encode(swim, &ack));
    return 0;
}

static int answer_exchange(struct swim *swim, const struct stream *stream, struct slice bytes)
{
    struct exchange theirs;
    int err = exchange_open(bytes, &theirs);

    if (err)
        return err;
    if (stream->purpose == STREAM_ACCEPTED)
        say(swim, stream, SWIM_WRITE, encode_state(swim, theirs.join));
    return merge(swim, stream, theirs);
}

static int take_user_message(struct swim *swim, const struct stream *stream, struct slice bytes)
{
    struct slice payload;
    int err = exchange_open_user(bytes, &payload);

    if (!err)
        act(swim, stream, SWIM_USER_MESSAGE, arena_copy(&swim->arena, payload));
    return err;
}

static int take_ack(struct swim *swim, const struct stream *stream, struct slice bytes)
{
    struct message ack;
    int err = message_decode(bytes, &ack);

    if (err || ack.sequence != stream->sequence)
        return ERR_PROTOCOL;
    probe_stream_answered(swim, ack.sequence);
    return 0;
}

// `bytes` is one complete message, plain. Which types fit depends on who opened the stream.
static int take_message(struct swim *swim, const struct stream *stream, struct slice bytes)
{
    bool accepted = stream->purpose == STREAM_ACCEPTED;
    bool asked = stream->purpose == STREAM_JOIN || stream->purpose == STREAM_EXCHANGE;

    if (bytes.data[0] == MESSAGE_EXCHANGE && (accepted || asked))
        return answer_exchange(swim, stream, bytes);
    if (bytes.data[0] == MESSAGE_PING && accepted)
        return answer_ping(swim, stream, bytes);
    if (bytes.data[0] == MESSAGE_USER && accepted)
        return take_user_message(swim, stream, bytes);
    if (bytes.data[0] == MESSAGE_ACK && stream->purpose == STREAM_PING)
        return take_ack(swim, stream, bytes);
    return ERR_PROTOCOL;
}

// Tells the dialer why, as memberlist does.
static void refuse(struct swim *swim, const struct stream *stream, int err)
{
    const char *why = err == ERR_PRECONDITION ? "not encrypted as this ring is" : err_text(err);
    struct message error = {.type = MESSAGE_ERROR, .payload = slice_of_text(why)};

    say(swim, stream, SWIM_WRITE, spread_encode(swim, &error));
}

// --- Events --------------------------------------------------------------------------------------

uint64_t stream_accept(struct swim *swim, const struct swim_address *from)
{
    struct stream *stream;

    if (swim->streams_accepted >= swim->settings.streams_max)
        return 0;
    swim->counts.streams_in++;
    stream = stream_new(swim, STREAM_ACCEPTED, from, swim->settings.timing.stream_timeout_ms);
    return stream->number;
}

// Keeps the bytes, within the limits of one stream and of all together. 0 when the message is
// complete.
static int take_bytes(struct swim *swim, struct stream *stream, struct slice bytes,
                      struct slice *message)
{
    size_t size_max = swim->settings.stream_size_max;

    if (bytes.size > size_max - stream->in.size)
        bytes.size = size_max - stream->in.size;
    if (swim->stream_bytes + bytes.size > BYTES_MAX_STREAMS * size_max)
        return ERR_OVERLOADED;
    swim->stream_bytes += bytes.size;
    buffer_add_slice(&stream->in, bytes);
    return intake_take(&stream->intake, &swim->settings.guard, buffer_slice(&stream->in), size_max,
                       message);
}

void stream_bytes(struct swim *swim, uint64_t number, struct slice bytes)
{
    struct stream *stream = table_find(&swim->streams, number);
    struct slice message;
    int err;

    if (!stream)
        return;
    err = take_bytes(swim, stream, bytes, &message);
    if (err == ERR_AGAIN)
        return;
    machine_refused(swim, err);
    if (!err)
        err = take_message(swim, stream, message);
    // A ring that is not ours gets no answer.
    if (err && err != ERR_WRONG_CLUSTER && stream->purpose == STREAM_ACCEPTED)
        refuse(swim, stream, err);
    end(swim, stream, err, true);
}

void stream_ended(struct swim *swim, uint64_t number, int err)
{
    struct stream *stream = table_find(&swim->streams, number);

    if (!stream)
        return;
    err = err ? err : ERR_CLOSED;
    if (stream->purpose == STREAM_USER && err == ERR_CLOSED)
        err = 0;
    end(swim, stream, err, false);
}

void stream_due(struct swim *swim)
{
    end(swim, stream_of_timer(heap_first(&swim->stream_timers)), ERR_TIMEOUT, true);
}
