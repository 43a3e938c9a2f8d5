// SPDX-License-Identifier: Apache-2.0
#include "client/bench/flow.h"

#include "base/check.h"
#include "base/err.h"
#include "client/retry.h"

#include <sys/timerfd.h>

#define NS_PER_S UINT64_C(1000000000)
#define LATE_NS  UINT64_C(20000000)

// ---- which connection ---------------------------------------------------------------------------

static void lane_enter(struct driver *driver, struct connection *connection)
{
    struct lane *lane = &driver->lanes[connection->server];

    if (connection->is_ready)
        return;
    connection->is_ready = true;
    TAILQ_INSERT_TAIL(&lane->ready, connection, entry);
}

static void lane_leave(struct driver *driver, struct connection *connection)
{
    struct lane *lane = &driver->lanes[connection->server];

    if (!connection->is_ready)
        return;
    connection->is_ready = false;
    TAILQ_REMOVE(&lane->ready, connection, entry);
}

// A connection with a free slot to one of these servers, which take turns.
static struct connection *choose_among(struct driver *driver, const uint32_t *servers,
                                       uint32_t count)
{
    uint32_t turn = driver->turn++;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t which = (turn + i) % count;
        struct connection *connection =
            TAILQ_FIRST(&driver->lanes[servers ? servers[which] : which].ready);

        if (connection)
            return connection;
    }
    return NULL;
}

// Where an operation goes; NULL: it must wait. Whose owners have no connection goes to anybody, who
// forwards it.
static struct connection *choose(struct driver *driver, const struct aside *what)
{
    struct connection *connection = choose_among(driver, what->owners, what->owner_count);

    for (uint32_t i = 0; i < what->owner_count && !connection; i++) {
        if (driver->lanes[what->owners[i]].up > 0)
            return NULL;
    }
    return connection ? connection : choose_among(driver, NULL, driver->job->servers->count);
}

static uint32_t slot_take(struct driver *driver, struct connection *connection)
{
    uint32_t slot = connection_take(connection);

    driver->free--;
    driver->in_flight++;
    lane_leave(driver, connection);
    if (connection->free_count > 0)
        lane_enter(driver, connection); // at the end: they take turns
    return slot;
}

static struct task *task_at(struct driver *driver, const struct connection *connection,
                            uint32_t slot)
{
    size_t which = (size_t)(connection - driver->connections);

    return &driver->tasks[which * driver->job->depth + slot];
}

// ---- asking -------------------------------------------------------------------------------------

static void ask(struct driver *driver, struct connection *connection, uint32_t slot,
                struct ask *question)
{
    connection_ask(connection, slot, question);
    if (connection->is_dirty)
        return;
    connection->is_dirty = true;
    driver->dirty[driver->dirty_count++] = connection;
}

static void ask_read(struct driver *driver, struct connection *connection, uint32_t slot)
{
    struct task *task = task_at(driver, connection, slot);
    uint8_t name[KEY_NAME_SIZE];
    struct ask question = {.key = task->what.op.key, .name = slice_of(name, sizeof name)};

    key_name(task->what.op.key, name);
    if (driver->job->ledger)
        task->oldest = ledger_oldest(driver->job->ledger, task->what.op.key);
    ask(driver, connection, slot, &question);
}

static void ask_write(struct driver *driver, struct connection *connection, uint32_t slot,
                      struct slice token)
{
    const struct job *job = driver->job;
    struct task *task = task_at(driver, connection, slot);
    uint8_t name[KEY_NAME_SIZE];
    struct ask question = {.write = true,
                           .key = task->what.op.key,
                           .name = slice_of(name, sizeof name),
                           .value =
                               slice_of(driver->value, values_size(job->values, task->what.op.key)),
                           .token = token};
    uint64_t number = ++driver->number;

    key_name(task->what.op.key, name);
    if (job->ledger) {
        task->claim = ledger_begin(job->ledger, task->what.op.key);
        number = task->claim.number;
    }
    if (job->speaker != &speaker_floor)
        values_write(job->values, task->what.op.key, number, driver->value);
    ask(driver, connection, slot, &question);
}

static void begin(struct driver *driver, struct connection *connection, const struct aside *what)
{
    uint32_t slot = slot_take(driver, connection);
    struct task *task = task_at(driver, connection, slot);
    uint64_t late_ns;

    *task = (struct task){.what = *what};
    if (what->intended_ns) {
        late_ns = uv_hrtime() - what->intended_ns;
        if (late_ns > driver->tally.late_ns_max)
            driver->tally.late_ns_max = late_ns;
    }
    if (what->op.kind == OP_READ || what->op.kind == OP_RMW)
        ask_read(driver, connection, slot);
    else
        ask_write(driver, connection, slot, slice_of(NULL, 0));
}

// False when it must wait.
static bool try_begin(struct driver *driver, const struct aside *what)
{
    struct connection *connection = choose(driver, what);

    if (connection)
        begin(driver, connection, what);
    return connection;
}

// ---- what is due --------------------------------------------------------------------------------

// What was meant to begin just before the end is still sent just after it.
bool flow_goes_on(const struct driver *driver, uint64_t now_ns)
{
    if (!driver->running || driver->left == 0)
        return false;
    if (now_ns < driver->until_ns)
        return true;
    return driver->job->arrivals != ARRIVALS_CLOSED &&
           driver->schedule.next_ns < driver->until_ns && now_ns < driver->until_ns + LATE_NS;
}

static struct aside draw(struct driver *driver, uint64_t now_ns)
{
    struct aside what = {.intended_ns = schedule_take(&driver->schedule)};
    const struct job *job = driver->job;
    uint8_t name[KEY_NAME_SIZE];

    what.measured = (what.intended_ns ? what.intended_ns : now_ns) >= driver->from_ns;
    if (driver->left != UINT64_MAX && what.measured)
        driver->left--;
    if (!job->filling)
        what.op = mixer_draw(&driver->mixer);
    else
        what.op = (struct op){OP_WRITE, driver->filled++ * job->threads + driver->thread};
    key_name(what.op.key, name);
    what.owner_count = servers_owners(job->servers, job->phrases->put.bucket,
                                      slice_of(name, sizeof name), what.owners);
    return what;
}

static void aside_retry(struct driver *driver)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < driver->aside_count; i++) {
        if (driver->free == 0 || !try_begin(driver, &driver->aside[i]))
            driver->aside[kept++] = driver->aside[i];
    }
    driver->aside_count = kept;
}

static void fill_slots(struct driver *driver, uint64_t now_ns)
{
    while (driver->free > 0 && driver->aside_count < ASIDE_MAX && flow_goes_on(driver, now_ns) &&
           driver->schedule.next_ns < driver->until_ns &&
           schedule_is_due(&driver->schedule, now_ns)) {
        struct aside what = draw(driver, now_ns);

        if (!try_begin(driver, &what))
            driver->aside[driver->aside_count++] = what;
    }
}

// Wakes the loop when the next request is due; while there is no free slot, answers do.
static void alarm_set(struct driver *driver, uint64_t now_ns)
{
    uint64_t next_ns = driver->schedule.next_ns;
    struct itimerspec when = {0};

    if (driver->job->arrivals == ARRIVALS_CLOSED || driver->free == 0 ||
        driver->aside_count == ASIDE_MAX || !flow_goes_on(driver, now_ns))
        return;
    if (next_ns >= driver->until_ns)
        next_ns = driver->until_ns;
    when.it_value.tv_sec = (time_t)(next_ns / NS_PER_S);
    when.it_value.tv_nsec = (long)(next_ns % NS_PER_S);
    check(timerfd_settime(driver->alarm_file, TFD_TIMER_ABSTIME, &when, NULL) == 0);
}

static void flush_dirty(struct driver *driver)
{
    for (uint32_t i = 0; i < driver->dirty_count; i++) {
        driver->dirty[i]->is_dirty = false;
        connection_flush(driver->dirty[i]);
    }
    driver->dirty_count = 0;
}

void flow_fill(struct driver *driver)
{
    uint64_t now_ns = uv_hrtime();

    if (driver->aside_count > 0 && driver->running && now_ns < driver->until_ns)
        aside_retry(driver);
    fill_slots(driver, now_ns);
    flush_dirty(driver);
    alarm_set(driver, now_ns);
}

// ---- answers ------------------------------------------------------------------------------------

// True when an operation counts. Of a fixed number: what was to begin in the measured time. Closed:
// what ends in it, which gives the rate without an error of its edges. Open: the same, and what was
// begun in it and ends later; when the rate is too high, what was to begin in the measured time may
// never have its turn.
static bool counts(const struct driver *driver, const struct task *task, uint64_t now_ns)
{
    const struct job *job = driver->job;

    if (job->operations)
        return task->what.measured;
    return now_ns >= driver->from_ns &&
           (now_ns < driver->until_ns || job->arrivals != ARRIVALS_CLOSED);
}

static struct second *second_of(struct driver *driver, uint64_t now_ns)
{
    return now_ns < driver->from_ns ? NULL : tally_second(&driver->tally, now_ns - driver->from_ns);
}

static void record(struct driver *driver, enum op_kind kind, uint64_t began_ns, uint64_t now_ns)
{
    latency_add(&driver->tally.of[kind], now_ns - began_ns);
    driver->ended_ns = now_ns;
}

static void add_one(_Atomic uint64_t *counter)
{
    // One thread writes: no need for a locked addition.
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

// The slot is free again, with whatever became of its operation.
static void task_over(struct driver *driver, const struct task *task)
{
    driver->in_flight--;
    if (task->what.op.kind == OP_INSERT)
        mixer_inserted(&driver->mixer, task->what.op.key);
}

static bool is_write(const struct task *task)
{
    return task->writing || task->what.op.kind == OP_WRITE || task->what.op.kind == OP_INSERT;
}

static void claim_end(struct driver *driver, const struct task *task, int err, bool answered)
{
    struct failure failure = {.method = METHOD_PUT, .err = err, .answered = answered, .sent = true};

    if (!driver->job->ledger || !is_write(task))
        return;
    ledger_end(driver->job->ledger, task->what.op.key, task->claim,
               err == 0                       ? CLAIM_ACKNOWLEDGED
               : failure_is_unknown(&failure) ? CLAIM_UNKNOWN
                                              : CLAIM_REFUSED);
}

static void task_failed(struct driver *driver, const struct task *task, int err, struct slice text)
{
    uint64_t now_ns = uv_hrtime();
    struct second *second;

    if (counts(driver, task, now_ns)) {
        second = second_of(driver, now_ns);
        if (second)
            second->failed++;
        tally_failed(&driver->tally, err, text);
        driver->ended_ns = now_ns;
    }
    add_one(&driver->failed);
    task_over(driver, task);
}

static void give(struct driver *driver, struct connection *connection, uint32_t slot)
{
    connection_give(connection, slot);
    driver->free++;
    lane_enter(driver, connection);
}

// A get has answered.
static void look(struct driver *driver, const struct task *task, const struct answer *answer,
                 bool is_counted)
{
    struct tally *tally = &driver->tally;
    struct reading reading = {.key = task->what.op.key,
                              .run = driver->job->values->run,
                              .oldest = answer->has_more ? 0 : task->oldest,
                              .values = answer->values,
                              .count = answer->found ? answer->value_count : 0};

    if (!answer->found && is_counted)
        tally->missing++;
    if (!driver->job->ledger)
        return;
    if (reading.count > 1 && is_counted)
        tally->siblings++;
    wrongs_look(&tally->wrongs, &reading);
}

static int values_read(struct driver *driver, struct connection *connection,
                       const struct task *task, struct answer *answer)
{
    if (!driver->job->ledger && task->what.op.kind != OP_RMW)
        return 0;
    return driver->job->speaker->read(&connection->speech, answer);
}

// The get of a read-modify-write has its put to follow, in the same slot.
static void go_on(struct driver *driver, struct connection *connection, uint32_t slot,
                  const struct answer *answer)
{
    struct task *task = task_at(driver, connection, slot);

    task->writing = true;
    task->begun_ns = task->what.intended_ns ? task->what.intended_ns : connection->sent_ns[slot];
    ask_write(driver, connection, slot, answer->found ? answer->token : slice_of(NULL, 0));
}

// Filling, a refusal for want of room is no failure: the same again. The node that refused makes it
// wait, by not reading from the connection for a moment.
static bool is_asked_again(const struct driver *driver, const struct answer *answer,
                           uint64_t now_ns)
{
    return answer->err == ERR_OVERLOADED && driver->job->filling && now_ns < driver->until_ns;
}

static enum op_kind kind_of(const struct task *task)
{
    if (task->what.op.kind == OP_RMW)
        return task->writing ? OP_WRITE : OP_READ;
    return task->what.op.kind;
}

static void answered(struct connection *connection, uint32_t slot, struct answer *answer,
                     uint64_t now_ns)
{
    struct driver *driver = connection->setup->data;
    struct task *task = task_at(driver, connection, slot);
    uint64_t sent_ns = connection->sent_ns[slot];
    uint64_t began_ns = task->what.intended_ns && !task->writing ? task->what.intended_ns : sent_ns;
    bool is_counted = counts(driver, task, now_ns);

    if (!answer->err && !is_write(task))
        answer->err = values_read(driver, connection, task, answer);
    claim_end(driver, task, answer->err, true);
    if (is_asked_again(driver, answer, now_ns)) {
        ask_write(driver, connection, slot, slice_of(NULL, 0));
        return;
    }
    if (answer->err) {
        give(driver, connection, slot);
        task_failed(driver, task, answer->err, answer->text);
        return;
    }
    if (!is_write(task))
        look(driver, task, answer, is_counted);
    add_one(&driver->done);
    if (is_counted) {
        record(driver, kind_of(task), began_ns, now_ns);
        latency_add(&driver->tally.service, now_ns - sent_ns);
        if (now_ns >= driver->from_ns)
            tally_ended(&driver->tally, now_ns - driver->from_ns, now_ns - began_ns);
    }
    if (task->what.op.kind == OP_RMW && !task->writing) {
        go_on(driver, connection, slot, answer);
        return;
    }
    if (task->what.op.kind == OP_RMW && is_counted)
        record(driver, OP_RMW, task->begun_ns, now_ns);
    give(driver, connection, slot);
    task_over(driver, task);
}

static void lost(struct connection *connection, uint32_t slot, int err)
{
    struct driver *driver = connection->setup->data;
    struct task *task = task_at(driver, connection, slot);

    driver->free++; // until `changed` takes all of them away
    claim_end(driver, task, err, false);
    task_failed(driver, task, err, slice_of_text(connection->address->text));
}

static void changed(struct connection *connection)
{
    struct driver *driver = connection->setup->data;
    struct lane *lane = &driver->lanes[connection->server];
    bool up = connection->state == CONNECTION_UP;

    if (up) {
        lane->up++;
        driver->free += connection->free_count;
        lane_enter(driver, connection);
    } else if (connection->was_up) {
        lane->up--;
        driver->free -= connection->free_count;
        lane_leave(driver, connection);
    }
    connection->was_up = up;
    if (!connection->is_settled)
        driver->unsettled--;
    connection->is_settled = true;
}

const struct connection_owner flow_owner = {answered, lost, changed};
