// SPDX-License-Identifier: Apache-2.0
// The driver of the machine: the one place that calls node_step and carries out what it decides. It
// owns the event loop, its turn and the machine's timer.
//
//      poll ─▶ reads, datagrams, log completions ─▶ loop_step ─▶ actions ─▶ output buffers
//        ▲                                                                       │
//        └── timers ◀── flush: one write a connection ◀── store_turn_end ◀───────┘
//
// The turn ends before the loop waits and after it has waited, so that nothing sits in a buffer
// while the loop sleeps.
#ifndef NODE_IO_LOOP_H
#define NODE_IO_LOOP_H

#include "node/core/node.h"
#include "node/io/log_text.h"
#include "node/io/tcp.h"
#include "node/store/engine.h"
#include "node/wire/decoder.h"

// Where actions go. None of these may call loop_step: what they cause comes as an event later.
struct loop_calls {
    void (*reply)(void *data, uint64_t ticket, const struct reply *reply);
    void (*send)(void *data, uint64_t to, const struct message *message);
};

struct loop {
    uv_loop_t uv;
    struct hub hub;
    struct store *store;
    struct node *node;
    uint64_t self; // node id
    const struct loop_calls *calls;
    void *data;
    // The machine's topology changed: told between steps, and then steps are allowed.
    void (*on_topology)(void *data, const struct topology *topology);
    // Some times a second.
    void (*on_sweep)(void *data);
    struct wire_decoder decoder; // for whatever is decoded right before a step
    struct buffer to_self;       // encoded messages to ourselves
    uint64_t durable;            // the position the machine knows of
    uint64_t timer_due_us;       // UINT64_MAX: not set
    uint64_t now_us;             // of the steps: looked at once for what one read brought
    uint64_t now_wall_ms;
    bool topology_changed;
    bool disk_full; // as told
    bool stepping;
    uv_timer_t timer;
    uv_timer_t sweep;
    uv_async_t wake;
    uv_prepare_t before_wait;
    uv_check_t after_wait;
};

// Sets up the event loop; store and node come later, with loop_run. Sweeps every `sweep_ms`.
void loop_init(struct loop *loop, uint64_t sweep_ms);

// Lets the store's threads wake the loop; for engine_place.wake, data is the loop.
void loop_wake(void *loop);

// Runs until loop_stop. `store`, `node`, `self`, `calls` and `data` are set.
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

// Closes what is left and runs until all handles are gone. ERR_INTERNAL when some are not.
int loop_done(struct loop *loop);

// Hands one event to the machine and carries out its actions. Sets the event's times.
void loop_step(struct loop *loop, struct event *event);

static inline uint64_t loop_now_us(void)
{
    return uv_hrtime() / 1000;
}

#endif
