// SPDX-License-Identifier: Apache-2.0

#include "tests/lib/load.h"

#include "base/check.h"
#include "node/data/key.h"
#include "tests/lib/wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY_BYTES_MAX = 64, HEAD_BYTES_MAX = 96, VALUES_READ_MAX = 256 };

void load_init(struct load *load, uint32_t era, uint64_t values_max)
{
    memset(load, 0, sizeof(*load));
    load->era = era;
    load->values_max = values_max;
    history_init(&load->history, LOAD_KEYS);
    pthread_mutex_init(&load->lock, NULL);
}

void load_done(struct load *load)
{
    history_done(&load->history);
    pthread_mutex_destroy(&load->lock);
}

static void load_note(struct load *load, const struct history_op *op)
{
    pthread_mutex_lock(&load->lock);
    history_add(&load->history, op);
    pthread_mutex_unlock(&load->lock);
}

void load_judge(struct load *load, struct verdict *verdict)
{
    struct judge_settings settings = {.replicas = 3, .from = load->judged};

    judge_history(&load->history, &settings, verdict);
    load->judged = load->history.op_count;
}

// ---- values -------------------------------------------------------------------------------------

// A value is "era 0 key 17 value 4711 size 93 " and that many bytes that follow from the number.
static void value_make(const struct load *load, uint32_t key, uint64_t number, struct buffer *out)
{
    uint64_t mixed = rng_mix(number);
    uint32_t size = (uint32_t)(mixed % 16 == 0 ? mixed >> 16 & 0x1fff : mixed >> 16 & 0xff);

    buffer_add_format(out, "era %" PRIu32 " key %" PRIu32 " value %" PRIu64 " size %" PRIu32 " ",
                      load->era, key, number, size);
    for (uint32_t i = 0; i < size; i++)
        buffer_add_u8(out, (uint8_t)(mixed >> (i % 8 * 8)) ^ (uint8_t)i);
}

// The number of a value, VALUE_GARBAGE when the bytes are none that was made for the key.
static uint64_t value_number(const struct load *load, uint32_t key, struct quorate_bytes bytes)
{
    char head[HEAD_BYTES_MAX] = "";
    struct buffer made = {0};
    uint32_t era;
    uint32_t of_key;
    uint64_t number;

    memcpy(head, bytes.data, bytes.size < sizeof(head) ? bytes.size : sizeof(head) - 1);
    if (sscanf(head, "era %" SCNu32 " key %" SCNu32 " value %" SCNu64 " ", &era, &of_key,
               &number) != 3)
        return VALUE_GARBAGE;
    value_make(load, of_key, number, &made);
    bool same = slice_equal(buffer_slice(&made), slice_of(bytes.data, bytes.size));
    buffer_done(&made);
    return same && of_key == key && number > 0 ? number : VALUE_GARBAGE;
}

// ---- one request --------------------------------------------------------------------------------

struct load_key {
    char text[KEY_BYTES_MAX];
    struct quorate_key key;
};

static void key_make_text(const struct load *load, uint32_t key, struct load_key *out)
{
    snprintf(out->text, sizeof(out->text), "era-%" PRIu32 "-key-%" PRIu32, load->era, key);
    out->key = quorate_key("load", out->text);
}

static struct dot dot_of(struct quorate_dot dot)
{
    return (struct dot){dot.actor, dot.counter};
}

// The dots of a token, which to applications is opaque. False: there is none.
static bool token_read(const struct load_key *key, struct quorate_bytes token, struct clock *out)
{
    if (!token.size)
        return false;
    int err = token_decode(slice_of(token.data, token.size),
                           slice_of(key->key.bucket.data, key->key.bucket.size),
                           slice_of(key->key.key.data, key->key.key.size), out);
    check(!err);
    return true;
}

// What is asked of a get and by whom.
struct load_get {
    uint32_t session;
    uint32_t key;
    int r;
    uint64_t began;
};

// Enters what a get showed in the history; returns how many values.
static uint32_t read_note(struct load *load, const struct load_get *get,
                          const struct load_key *name, const struct quorate_result *result)
{
    struct history_sibling siblings[VALUES_READ_MAX];
    struct clock received = {0};
    uint32_t count = 0;

    for (size_t i = 0; i < result->value_count && count < VALUES_READ_MAX; i++) {
        siblings[count].value = value_number(load, get->key, result->values[i].value);
        siblings[count].dot = dot_of(result->values[i].dot);
        count++;
    }
    bool told = token_read(name, result->context, &received);
    load_note(load, &(struct history_op){.method = HISTORY_GET,
                                         .session = get->session,
                                         .client = get->session,
                                         .key = get->key,
                                         .began = get->began,
                                         .ended = wait_now_us(),
                                         .asked = (uint8_t)get->r,
                                         .strict = true,
                                         .received = told ? &received : NULL,
                                         .siblings = siblings,
                                         .sibling_count = count});
    clock_done(&received);
    atomic_fetch_add(&load->reads, 1);
    return count;
}

int load_read(struct load *load, struct quorate_client *client, uint32_t key, int r,
              bool *out_unanimous)
{
    struct quorate_get_options options = {.r = r, .strict = true};
    struct quorate_result *result;
    struct load_key name;
    struct load_get get = {(uint32_t)atomic_fetch_add(&load->sessions, 1) + 1, key, r,
                           wait_now_us()};

    key_make_text(load, key, &name);
    int err = quorate_get(client, name.key, &options, &result);
    if (err == 0) {
        read_note(load, &get, &name, result);
        if (out_unanimous)
            *out_unanimous = result->unanimous;
    }
    quorate_result_free(result);
    return err;
}

// Reads a key and keeps context and values for the write that follows.
static bool writer_read(struct load_writer *writer, uint32_t key)
{
    struct quorate_get_options options = {.r = 2, .strict = true};
    struct quorate_result *result;
    struct load_key name;
    struct load_get get = {writer->session, key, 2, wait_now_us()};

    key_make_text(writer->load, key, &name);
    bool done = quorate_get(writer->client, name.key, &options, &result) == 0;
    if (done) {
        writer->shown = read_note(writer->load, &get, &name, result);
        writer->key = key;
        writer->context.size = 0;
        buffer_add(&writer->context, result->context.data, result->context.size);
    } else {
        atomic_fetch_add(&writer->load->reads_failed, 1);
        wait_ms(writer->pause_ms);
    }
    quorate_result_free(result);
    return done;
}

static enum history_outcome outcome_of(struct load *load, const struct quorate_result *result)
{
    if (result->err == 0) {
        atomic_fetch_add(&load->acknowledged, 1);
        return HISTORY_ACKNOWLEDGED;
    }
    atomic_fetch_add(result->unknown ? &load->unknown : &load->refused, 1);
    return result->unknown ? HISTORY_UNKNOWN : HISTORY_REFUSED;
}

// After a put: what a next one may build on.
static void writer_keep(struct load_writer *writer, const struct history_op *write,
                        const struct quorate_result *result)
{
    writer->context.size = 0;
    writer->shown = 0;
    if (write->outcome != HISTORY_ACKNOWLEDGED || !write->value)
        return;
    writer->key = write->key;
    writer->shown = 1;
    buffer_add(&writer->context, result->context.data, result->context.size);
}

// One put or delete, with the kept context or with none.
static void writer_write(struct load_writer *writer, uint32_t key, bool delete, bool blind)
{
    struct load *load = writer->load;
    struct quorate_put_options options = {.w = 2, .strict = true};
    struct clock sent = {0};
    struct history_op write = {.method = delete ? HISTORY_DELETE : HISTORY_PUT,
                               .session = writer->session,
                               .client = writer->session,
                               .key = key,
                               .asked = 2,
                               .strict = true,
                               .sent = &sent,
                               .began = wait_now_us()};
    struct quorate_result *result;
    struct buffer value = {0};
    struct load_key name;

    key_make_text(load, key, &name);
    if (!blind) {
        options.context = quorate_bytes(writer->context.data, writer->context.size);
        token_read(&name, options.context, &sent);
    }
    if (delete) {
        quorate_delete(writer->client, name.key, &options, &result);
    } else {
        write.value = atomic_fetch_add(&load->values, 1) + 1;
        value_make(load, key, write.value, &value);
        quorate_put(writer->client, name.key, quorate_bytes(value.data, value.size), &options,
                    &result);
    }
    write.ended = wait_now_us();
    write.outcome = outcome_of(load, result);
    if (write.outcome != HISTORY_REFUSED)
        write.dot = dot_of(result->dot);
    load_note(load, &write);
    if (write.outcome != HISTORY_ACKNOWLEDGED)
        wait_ms(writer->pause_ms);
    writer_keep(writer, &write, result);
    quorate_result_free(result);
    clock_done(&sent);
    buffer_done(&value);
}

// ---- the threads --------------------------------------------------------------------------------

static void writer_turn(struct load_writer *writer)
{
    uint32_t key = (uint32_t)rng_below(&writer->rng, LOAD_KEYS);
    uint32_t chance = (uint32_t)rng_below(&writer->rng, 100);

    if (chance < 20)
        writer_write(writer, key, false, true);
    else if (chance < 40 && writer->context.size)
        writer_write(writer, writer->key, false, false);
    else if (!writer_read(writer, key) || chance >= 85)
        return;
    else
        writer_write(writer, key, chance < 55 && writer->shown, false);
}

static void *writer_run(void *context)
{
    struct load_writer *writer = context;
    struct load *load = writer->load;

    while (!atomic_load(&load->stop) &&
           atomic_load(&load->values) + LOAD_WRITERS < load->values_max)
        writer_turn(writer);
    return NULL;
}

void load_writer_begin(struct load_writer *writer, struct load *load, struct quorate_client *client,
                       uint64_t seed)
{
    memset(writer, 0, sizeof(*writer));
    writer->load = load;
    writer->client = client;
    writer->session = (uint32_t)atomic_fetch_add(&load->sessions, 1) + 1;
    writer->pause_ms = 5;
    rng_init(&writer->rng, seed);
    int failed = pthread_create(&writer->thread, NULL, writer_run, writer);
    check(!failed);
}

void load_writer_end(struct load_writer *writer)
{
    pthread_join(writer->thread, NULL);
    quorate_close(writer->client);
    buffer_done(&writer->context);
}
