// SPDX-License-Identifier: Apache-2.0
// The turns of a loop as a client needs them: alarms at a time, and work that is done once at the
// end of a turn (everything said to a node within a turn leaves in one system call). Counts the
// open libuv handles, so that the memory around it goes when the last one has closed.
#ifndef CLIENT_TURN_H
#define CLIENT_TURN_H

#include "base/heap.h"

#include <sys/queue.h>
#include <uv.h>

// Rings once when its time has come.
struct alarm {
    struct heap_item item;
    void (*ring)(struct alarm *alarm);
};

// Work for the end of the turn.
struct chore {
    TAILQ_ENTRY(chore) entry;
    bool due;
    void (*run)(struct chore *chore);
};

TAILQ_HEAD(chore_list, chore);

struct turn {
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_idle_t hurry; // keeps the poll short when the timer has rung
    uv_check_t check;
    uv_prepare_t prepare;
    struct heap alarms;
    struct chore_list chores;
    unsigned handles;             // open, these four included
    void (*ended)(struct turn *); // after the last has closed
};

// `turn` must not move or go before `ended` has been called.
void turn_init(struct turn *turn, uv_loop_t *loop, void (*ended)(struct turn *));

// Begins closing; no alarm rings and no chore runs any more.
void turn_close(struct turn *turn);

// One handle more, one less.
void turn_hold(struct turn *turn);
void turn_release(struct turn *turn);

// Milliseconds and microseconds of a clock that only goes forward. Not the loop's cached time: the
// application may have been busy since.
uint64_t turn_now_ms(void);
uint64_t turn_now_us(void);

// Sets, or sets anew.
void alarm_set(struct turn *turn, struct alarm *alarm, uint64_t due_ms);
void alarm_clear(struct turn *turn, struct alarm *alarm);

void chore_set(struct turn *turn, struct chore *chore);
void chore_clear(struct turn *turn, struct chore *chore);

#endif
