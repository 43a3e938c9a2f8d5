// SPDX-License-Identifier: Apache-2.0
// A loop looks at its timers before it looks at its sockets. When it has not run for a while (the
// application was busy, or made no blocking call), answers may lie in the sockets whose deadlines
// seem to have passed. So the timer only wakes the loop, and alarms ring after the poll of that
// turn.
#include "client/turn.h"

#include "base/check.h"

#include <stddef.h>

static void timer_rings(uv_timer_t *timer);

static void timer_arm(struct turn *turn)
{
    const struct heap_item *first = heap_first(&turn->alarms);
    uint64_t now_ms = turn_now_ms();
    uint64_t wait_ms;

    if (!first) {
        uv_timer_stop(&turn->timer);
        return;
    }
    wait_ms = first->key > now_ms ? first->key - now_ms : 0;
    // The loop counts from its cached time, which may lag: alarms_ring looks again and arms again.
    check(uv_timer_start(&turn->timer, timer_rings, wait_ms, 0) == 0);
}

static void no_hurry(uv_idle_t *idle)
{
    (void)idle;
}

static void alarms_ring(uv_check_t *handle)
{
    struct turn *turn = handle->data;
    uint64_t now_ms = turn_now_ms();
    size_t left = turn->alarms.count; // what is set while they ring waits for the next turn
    struct heap_item *first;

    uv_check_stop(&turn->check);
    uv_idle_stop(&turn->hurry);
    while (left-- > 0 && (first = heap_first(&turn->alarms)) && first->key <= now_ms) {
        struct alarm *alarm = (struct alarm *)((char *)first - offsetof(struct alarm, item));

        heap_remove(&turn->alarms, first);
        alarm->ring(alarm);
    }
    if (!uv_is_closing((uv_handle_t *)&turn->timer))
        timer_arm(turn);
}

static void timer_rings(uv_timer_t *timer)
{
    struct turn *turn = timer->data;

    check(uv_idle_start(&turn->hurry, no_hurry) == 0);
    check(uv_check_start(&turn->check, alarms_ring) == 0);
}

static void chores_run(uv_prepare_t *prepare)
{
    struct turn *turn = prepare->data;
    struct chore *chore;

    while ((chore = TAILQ_FIRST(&turn->chores))) {
        chore_clear(turn, chore);
        chore->run(chore);
    }
    uv_prepare_stop(prepare);
}

static void handle_closed(uv_handle_t *handle)
{
    turn_release(handle->data);
}

void turn_init(struct turn *turn, uv_loop_t *loop, void (*ended)(struct turn *))
{
    *turn = (struct turn){.loop = loop, .ended = ended, .handles = 4};
    TAILQ_INIT(&turn->chores);
    check(uv_timer_init(loop, &turn->timer) == 0);
    check(uv_idle_init(loop, &turn->hurry) == 0);
    check(uv_check_init(loop, &turn->check) == 0);
    check(uv_prepare_init(loop, &turn->prepare) == 0);
    turn->timer.data = turn;
    turn->hurry.data = turn;
    turn->check.data = turn;
    turn->prepare.data = turn;
}

void turn_close(struct turn *turn)
{
    struct heap_item *item;

    while ((item = heap_first(&turn->alarms)))
        heap_remove(&turn->alarms, item);
    uv_close((uv_handle_t *)&turn->timer, handle_closed);
    uv_close((uv_handle_t *)&turn->hurry, handle_closed);
    uv_close((uv_handle_t *)&turn->check, handle_closed);
    uv_close((uv_handle_t *)&turn->prepare, handle_closed);
}

void turn_hold(struct turn *turn)
{
    turn->handles++;
}

void turn_release(struct turn *turn)
{
    check(turn->handles > 0);
    if (--turn->handles > 0)
        return;
    heap_done(&turn->alarms);
    turn->ended(turn);
}

uint64_t turn_now_us(void)
{
    return uv_hrtime() / 1000;
}

uint64_t turn_now_ms(void)
{
    return uv_hrtime() / 1000000;
}

void alarm_set(struct turn *turn, struct alarm *alarm, uint64_t due_ms)
{
    heap_remove(&turn->alarms, &alarm->item);
    heap_add(&turn->alarms, &alarm->item, due_ms);
    if (heap_first(&turn->alarms) == &alarm->item)
        timer_arm(turn);
}

void alarm_clear(struct turn *turn, struct alarm *alarm)
{
    heap_remove(&turn->alarms, &alarm->item);
    if (!heap_first(&turn->alarms))
        uv_timer_stop(&turn->timer);
}

void chore_set(struct turn *turn, struct chore *chore)
{
    if (chore->due)
        return;
    chore->due = true;
    TAILQ_INSERT_TAIL(&turn->chores, chore, entry);
    check(uv_prepare_start(&turn->prepare, chores_run) == 0);
}

void chore_clear(struct turn *turn, struct chore *chore)
{
    if (!chore->due)
        return;
    chore->due = false;
    TAILQ_REMOVE(&turn->chores, chore, entry);
}
