// SPDX-License-Identifier: Apache-2.0
#include "node/io/loop.h"

#include "base/check.h"
#include "base/err.h"
#include "node/wire/peer.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    ROUNDS_MAX = 64,       // of one turn; what is left waits for the next
    TO_SELF_KEEP = 1 << 20 // bytes
};

// --- Steps ---------------------------------------------------------------------------------------

static uint64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec < 0)
        return 0;
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void perform(struct loop *loop, const struct action *action)
{
    switch (action->kind) {
    case ACTION_REPLY:
        loop->calls->reply(loop->data, action->ticket, action->reply);
        break;
    case ACTION_SEND:
        if (action->to == loop->self)
            peer_message_encode(&action->message, &loop->to_self);
        else
            loop->calls->send(loop->data, action->to, &action->message);
        break;
    case ACTION_TOPOLOGY:
        loop->topology_changed = true;
        break;
    case ACTION_LOG:
        if (action->level == LOG_INFO)
            log_info("%s", action->text);
        else if (action->level == LOG_WARNING)
            log_warning("%s", action->text);
        else
            log_alarm("%s", action->text);
        break;
    }
}

void loop_step(struct loop *loop, struct event *event)
{
    const struct actions *actions;
    uint32_t i;

    if (!loop->node)
        return; // the end: connections are closing
    check(!loop->stepping);
    loop->stepping = true;
    loop->hub.dirty = true;
    if (loop->hub.is_late) {
        loop->hub.is_late = false;
        loop->now_us = loop_now_us();
        loop->now_wall_ms = wall_ms();
    }
    event->now_us = loop->now_us;
    event->wall_ms = loop->now_wall_ms;
    actions = node_step(loop->node, event);
    for (i = 0; i < actions->count; i++)
        perform(loop, &actions->items[i]);
    loop->stepping = false;
}

// --- The turn ------------------------------------------------------------------------------------

// A message to ourselves comes back as an event, as from anybody else.
static bool step_to_self(struct loop *loop)
{
    struct event event = {.kind = EVENT_MESSAGE, .from = loop->self};
    struct buffer batch = loop->to_self;
    struct message message;
    size_t at = 0, size;
    int err;

    if (batch.size == 0)
        return false;
    loop->to_self = (struct buffer){0};
    event.message = &message;
    while (at < batch.size) {
        err = peer_message_size(slice_of(batch.data + at, batch.size - at), &size);
        check(err == 0);
        err = peer_message_decode(slice_of(batch.data + at, size), &loop->decoder, &message);
        check(err == 0);
        loop_step(loop, &event);
        at += size;
    }
    if (loop->to_self.data == NULL && batch.capacity <= TO_SELF_KEEP) {
        batch.size = 0;
        loop->to_self = batch;
    } else {
        buffer_done(&batch);
    }
    return true;
}

// The disk failed under the log, or the tree is gone. What was not acknowledged must not be:
// nothing more leaves.
static void poll_store(struct loop *loop)
{
    if (store_poll(loop->store) == 0)
        return;
    log_alarm("writing the log or the tree failed and nobody knows what the disk holds: stopping "
              "at once, nothing more is acknowledged: mend the disk, then start again");
    _exit(err_exit(ERR_IO));
}

static bool step_durable(struct loop *loop)
{
    struct event event = {.kind = EVENT_DURABLE};
    uint64_t durable = store_durable(loop->store);

    if (durable == loop->durable)
        return false;
    loop->durable = durable;
    loop_step(loop, &event);
    return true;
}

static bool tell_topology(struct loop *loop)
{
    if (!loop->topology_changed)
        return false;
    loop->topology_changed = false;
    loop->on_topology(loop->data, node_topology(loop->node));
    return true;
}

static void arm_timer(struct loop *loop);

static void on_timer(uv_timer_t *timer)
{
    struct event event = {.kind = EVENT_TICK};
    struct loop *loop = timer->data;

    loop->timer_due_us = UINT64_MAX;
    loop->hub.dirty = loop->hub.is_late = true;
    if (node_deadline(loop->node) <= loop_now_us())
        loop_step(loop, &event);
}

// The earliest of what the machine and the store wait for.
static uint64_t next_due_us(const struct loop *loop)
{
    uint64_t due_us = node_deadline(loop->node);
    uint64_t store_ms = store_deadline(loop->store);

    if (store_ms < UINT64_MAX / 1000 && store_ms * 1000 < due_us)
        return store_ms * 1000;
    return due_us;
}

static void arm_timer(struct loop *loop)
{
    uint64_t due_us = next_due_us(loop), now_us;

    if (due_us == loop->timer_due_us)
        return;
    loop->timer_due_us = due_us;
    if (due_us == UINT64_MAX) {
        uv_timer_stop(&loop->timer);
        return;
    }
    uv_update_time(&loop->uv);
    now_us = loop_now_us();
    uv_timer_start(&loop->timer, on_timer, due_us > now_us ? (due_us - now_us + 999) / 1000 : 0, 0);
}

static void end_turn(struct loop *loop)
{
    bool more = true;
    int round;

    loop->hub.now_ms = uv_hrtime() / 1000000;
    loop->hub.is_late = true;
    if (!loop->hub.dirty || !loop->node)
        return;
    for (round = 0; more && round < ROUNDS_MAX; round++) {
        loop->hub.is_late = true;
        poll_store(loop);
        more = step_to_self(loop);
        more |= hub_resume(&loop->hub);
        more |= tell_topology(loop);
        more |= step_durable(loop);
        store_turn_end(loop->store, loop->hub.now_ms);
        more |= store_durable(loop->store) != loop->durable;
    }
    loop->hub.dirty = more;
    hub_flush(&loop->hub);
    arm_timer(loop);
    loop->hub.is_late = true; // it may wait now
    if (loop->hub.dirty)      // what the flush let go on
        uv_async_send(&loop->wake);
}

static void on_prepare(uv_prepare_t *handle)
{
    end_turn(handle->data);
}

static void on_check(uv_check_t *handle)
{
    end_turn(handle->data);
}

static void on_wake(uv_async_t *handle)
{
    struct loop *loop = handle->data;

    loop->hub.dirty = true;
}

// A person learns of a full disk here, not only from clients that are refused.
static void tell_disk_full(struct loop *loop)
{
    bool disk_full;

    if (!loop->node)
        return;
    disk_full = store_refusal(loop->store) == ERR_DISK_FULL;
    if (disk_full == loop->disk_full)
        return;
    loop->disk_full = disk_full;
    if (disk_full)
        log_alarm("the disk is full: puts are refused, reads and deletes go on: make room on it");
    else
        log_info("there is room on the disk again: puts are taken");
}

static void on_sweep(uv_timer_t *timer)
{
    struct loop *loop = timer->data;

    tell_disk_full(loop);
    loop->hub.now_ms = uv_hrtime() / 1000000;
    hub_sweep(&loop->hub);
    if (loop->on_sweep)
        loop->on_sweep(loop->data);
}

// --- Beginning and end ---------------------------------------------------------------------------

void loop_init(struct loop *loop, uint64_t sweep_ms)
{
    int err;

    memset(loop, 0, sizeof *loop);
    loop->timer_due_us = UINT64_MAX;
    err = uv_loop_init(&loop->uv);
    check(err == 0);
    hub_init(&loop->hub, &loop->uv);
    uv_timer_init(&loop->uv, &loop->timer);
    uv_timer_init(&loop->uv, &loop->sweep);
    uv_prepare_init(&loop->uv, &loop->before_wait);
    uv_check_init(&loop->uv, &loop->after_wait);
    err = uv_async_init(&loop->uv, &loop->wake, on_wake);
    check(err == 0);
    loop->timer.data = loop->sweep.data = loop;
    loop->before_wait.data = loop->after_wait.data = loop->wake.data = loop;
    uv_timer_start(&loop->sweep, on_sweep, sweep_ms, sweep_ms);
    uv_prepare_start(&loop->before_wait, on_prepare);
    uv_check_start(&loop->after_wait, on_check);
}

void loop_wake(void *data)
{
    struct loop *loop = data;

    uv_async_send(&loop->wake);
}

void loop_run(struct loop *loop)
{
    loop->hub.dirty = true;
    loop->durable = store_durable(loop->store);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

int loop_done(struct loop *loop)
{
    int err;

    loop->node = NULL; // no further turns
    uv_close((uv_handle_t *)&loop->timer, NULL);
    uv_close((uv_handle_t *)&loop->sweep, NULL);
    uv_close((uv_handle_t *)&loop->before_wait, NULL);
    uv_close((uv_handle_t *)&loop->after_wait, NULL);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    err = uv_loop_close(&loop->uv);
    wire_decoder_done(&loop->decoder);
    buffer_done(&loop->to_self);
    return err ? ERR_INTERNAL : 0;
}
