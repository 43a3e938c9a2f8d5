// SPDX-License-Identifier: Apache-2.0
// load: the records of a file, many puts under way at once.
//
// Standard input may be a slow pipe: while it has nothing and puts are under way, the loop runs and
// waits for those instead.
//
// A cluster that is written to faster than its disks take it refuses. That is no failure of a
// record: no more are taken, those refused are put again after pauses like those of the library,
// which grow until one succeeds.
#include "base/check.h"
#include "base/err.h"
#include "base/histogram.h"
#include "client/cli_command.h"
#include "client/cli_json.h"
#include "client/cli_record.h"
#include "client/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

enum {
    LOAD_WINDOW = 64,
    LOAD_BYTES = 8 << 20, // of values under way; one may be larger
    LOAD_READ_SIZE = 256 << 10,
    LOAD_LINE_MAX = 192 << 20,
    LOAD_COMPLAINTS_MAX = 20, // bad lines told one by one
    LOAD_PROGRESS_US = 200000,
    LOAD_REFUSED_MS_MAX = 60000 // without any success: then it is told, and fails
};

// A put under way, with what it needs to be put again.
struct loading {
    struct load *load;
    struct loading *next; // of those that were refused
    uint64_t line;
    uint64_t expires_ms;
    struct quorate_put_options options;
    struct quorate_key key;     // in `bytes`
    struct quorate_bytes value; // the same
    uint8_t bytes[];
};

struct load {
    struct cli *cli;
    struct quorate_client *client;
    uv_loop_t loop;
    // the file
    int file;
    const char *name;
    struct buffer in;
    size_t at; // in `in`
    bool ended;
    bool is_known; // what the lines are
    bool is_json;
    uint64_t line;      // number of the last one
    uint64_t file_size; // 0: not known
    uint64_t bytes_read;
    // what became of it
    struct record record;
    bool stop;
    int code; // of the first failure
    uint64_t written;
    uint64_t failed;
    uint64_t complaints;
    struct histogram latency_us;
    uint64_t started_us;
    uint64_t shown_us;
    uint64_t last_us; // when the last answer came
    size_t bytes;     // under way
    // refused for want of room, to be put again
    struct loading *refused;
    uint64_t refused_us; // since when nothing but refusals came; 0: not so
    uint32_t pauses;     // since the last success
    struct rng rng;      // for their length
    uv_timer_t pause;
};

static uint64_t now_us(void)
{
    return uv_hrtime() / 1000;
}

// ---- telling ------------------------------------------------------------------------------------

static void progress_clear(const struct load *load)
{
    if (load->shown_us)
        (void)fprintf(stderr, "\r\33[K");
}

static void load_failed(struct load *load, uint64_t line, int code, const char *why)
{
    load->failed++;
    if (!load->code)
        load->code = code;
    if (!load->cli->go_on)
        load->stop = true;
    if (++load->complaints > LOAD_COMPLAINTS_MAX)
        return;
    progress_clear(load);
    complain("%s:%" PRIu64 ": %s", load->name, line, why);
    if (load->complaints == LOAD_COMPLAINTS_MAX)
        complain("%s: further failures are only counted", load->name);
}

static uint64_t rate_of(const struct load *load, uint64_t until_us)
{
    uint64_t us = until_us - load->started_us;

    return us > 0 ? load->written * 1000000 / us : 0;
}

static void progress(struct load *load)
{
    uint64_t now = now_us();
    uint64_t done = load->bytes_read - (load->in.size - load->at);
    unsigned percent;
    uint64_t left_s;

    if (!load->cli->output.error_terminal || now - load->started_us < LOAD_PROGRESS_US ||
        now - load->shown_us < LOAD_PROGRESS_US)
        return;
    load->shown_us = now;
    (void)fprintf(stderr, "\r\33[K%" PRIu64 " records, %" PRIu64 "/s", load->written,
                  rate_of(load, now));
    if (load->file_size == 0 || done == 0 || done > load->file_size)
        return;
    percent = (unsigned)(done * 100 / load->file_size);
    left_s = (now - load->started_us) / 1000 * (load->file_size - done) / done / 1000;
    (void)fprintf(stderr, "  [%-25.*s] %u %%, %" PRIu64 ":%02" PRIu64 " left", (int)(percent / 4),
                  "#########################", percent, left_s / 60, left_s % 60);
}

static void summary(struct load *load)
{
    uint64_t us = load->last_us > load->started_us ? load->last_us - load->started_us : 0;
    uint64_t rate = rate_of(load, load->last_us);
    uint64_t p50 = histogram_quantile(&load->latency_us, 5000);
    uint64_t p99 = histogram_quantile(&load->latency_us, 9900);
    struct buffer json = {0};

    if (load->cli->format != FORMAT_JSON) {
        output_format(&load->cli->output,
                      "%" PRIu64 " written, %" PRIu64 " failed, %" PRIu64 ".%02u s, %" PRIu64
                      "/s, p50 %" PRIu64 ".%02u ms, p99 %" PRIu64 ".%02u ms\n",
                      load->written, load->failed, us / 1000000, (unsigned)(us % 1000000 / 10000),
                      rate, p50 / 1000, (unsigned)(p50 % 1000 / 10), p99 / 1000,
                      (unsigned)(p99 % 1000 / 10));
        return;
    }
    json_open(&json, '{');
    json_number(&json, "written", load->written);
    json_number(&json, "failed", load->failed);
    json_number(&json, "elapsed_us", us);
    json_number(&json, "rate", rate);
    json_number(&json, "p50_us", p50);
    json_number(&json, "p99_us", p99);
    json_close(&json, '}');
    buffer_add_u8(&json, '\n');
    output_slice(&load->cli->output, buffer_slice(&json));
    buffer_done(&json);
}

// ---- reading ------------------------------------------------------------------------------------

static bool would_wait(const struct load *load)
{
    struct pollfd poll_file = {.fd = load->file, .events = POLLIN};

    return poll(&poll_file, 1, 0) == 0;
}

// More bytes. False when the puts under way should be looked after first.
static bool file_read(struct load *load)
{
    ssize_t size;

    if (quorate_in_flight(load->client) > 0 && would_wait(load))
        return false;
    buffer_drop(&load->in, load->at);
    load->at = 0;
    size = read(load->file, buffer_reserve(&load->in, LOAD_READ_SIZE), LOAD_READ_SIZE);
    if (size < 0 && errno == EINTR)
        return true;
    if (size < 0)
        load_failed(load, load->line + 1, err_exit(ERR_IO), strerror(errno));
    if (size <= 0) {
        load->ended = true;
        return true;
    }
    load->in.size += (size_t)size;
    load->bytes_read += (uint64_t)size;
    return true;
}

// The next line without its end. False when there is none (yet).
static bool line_take(struct load *load, struct slice *out)
{
    size_t left = load->in.size - load->at;
    const uint8_t *from = load->in.data + load->at;
    const uint8_t *end = left > 0 ? memchr(from, '\n', left) : NULL;

    if (!end && left > LOAD_LINE_MAX) {
        load_failed(load, load->line + 1, err_exit(ERR_TOO_LARGE), "the line is too long");
        load->stop = true;
    }
    if (!end && !(load->ended && left > 0))
        return false;
    *out = slice_of(from, end ? (size_t)(end - from) : left);
    load->at += out->size + (end ? 1 : 0);
    load->line++;
    return true;
}

// Lines may end as on Windows: in a field a carriage return is written \r. The first may begin
// with a byte order mark.
static struct slice line_trimmed(const struct load *load, struct slice line)
{
    if (line.size > 0 && line.data[line.size - 1] == '\r')
        line.size--;
    if (load->line == 1 && line.size >= 3 && memcmp(line.data, "\xEF\xBB\xBF", 3) == 0)
        line = slice_of(line.data + 3, line.size - 3);
    return line;
}

// The first line that is not empty tells.
static void lines_learn(struct load *load, struct slice line)
{
    size_t at = 0;

    while (at < line.size && line.data[at] == ' ')
        at++;
    load->is_json = load->cli->format != FORMAT_TSV && at < line.size && line.data[at] == '{';
    load->is_known = true;
}

// ---- writing ------------------------------------------------------------------------------------

static uint64_t wall_ms(void)
{
    struct timespec now;

    check(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void loading_free(struct loading *loading)
{
    loading->load->bytes -= loading->value.size;
    free(loading);
}

static void put_answered(void *data, const struct quorate_result *result);

static void loading_put(struct loading *loading)
{
    struct quorate_put_options options = loading->options;
    uint64_t now_ms = wall_ms();

    if (loading->expires_ms && loading->expires_ms <= now_ms) {
        loading_free(loading); // gone meanwhile
        return;
    }
    if (loading->expires_ms)
        options.ttl_ms = loading->expires_ms - now_ms;
    quorate_put_start(loading->load->client, loading->key, loading->value, &options,
                      quorate_done(put_answered, loading));
}

static void on_pause_over(uv_timer_t *pause)
{
    struct load *load = pause->data;
    struct loading *loading = load->refused;

    load->refused = NULL;
    while (loading) {
        struct loading *next = loading->next;

        loading_put(loading);
        loading = next;
    }
}

// Keeps what was refused for want of room; false when that has lasted too long.
static bool put_again_later(struct load *load, struct loading *loading)
{
    if (load->stop)
        return false;
    if (load->refused_us &&
        load->last_us - load->refused_us >= LOAD_REFUSED_MS_MAX * UINT64_C(1000))
        return false;
    if (!load->refused_us)
        load->refused_us = load->last_us;
    if (!load->refused)
        uv_timer_start(&load->pause, on_pause_over, retry_pause_ms(++load->pauses, &load->rng), 0);
    loading->next = load->refused;
    load->refused = loading;
    return true;
}

static void put_answered(void *data, const struct quorate_result *result)
{
    struct loading *loading = data;
    struct load *load = loading->load;

    load->last_us = now_us();
    if (result->err == QUORATE_OVERLOADED && !result->unknown && put_again_later(load, loading))
        return;
    if (result->err) {
        load_failed(load, loading->line, err_exit(result->unknown ? ERR_TIMEOUT : result->err),
                    result->message);
    } else {
        load->written++;
        load->refused_us = load->pauses = 0;
        histogram_add(&load->latency_us, result->elapsed_us);
    }
    loading_free(loading);
}

static const void *bytes_keep(uint8_t **to, struct quorate_bytes bytes)
{
    void *kept = *to;

    if (bytes.size)
        memcpy(kept, bytes.data, bytes.size);
    *to += bytes.size;
    return kept;
}

static void value_put(struct load *load, uint32_t index)
{
    struct quorate_bytes value = record_value(&load->record, index);
    struct quorate_key key = record_key(&load->record);
    struct loading *loading;
    uint8_t *to;

    if (load->cli->bucket || key.bucket.size == 0)
        key.bucket = quorate_text(load->cli->bucket);
    loading = memory_new(sizeof *loading + key.bucket.size + key.key.size + value.size);
    loading->load = load;
    loading->line = load->line;
    loading->expires_ms = load->record.values[index].expires_ms;
    loading->options = load->cli->put;
    if (load->record.count > 1)
        loading->options.blind = QUORATE_BLIND_SIBLINGS;
    to = loading->bytes;
    loading->key.bucket = quorate_bytes(bytes_keep(&to, key.bucket), key.bucket.size);
    loading->key.key = quorate_bytes(bytes_keep(&to, key.key), key.key.size);
    loading->value = quorate_bytes(bytes_keep(&to, value), value.size);
    load->bytes += value.size;
    loading_put(loading);
}

static void line_load(struct load *load, struct slice line)
{
    char why[160] = "";
    int err;

    line = line_trimmed(load, line);
    if (line.size == 0)
        return;
    if (!load->is_known)
        lines_learn(load, line);
    if (load->is_json)
        err = record_read_json(line, &load->record, why);
    else
        err = record_read_tsv(line, &load->record, why);
    if (err) {
        load_failed(load, load->line, err_exit(err), why);
        return;
    }
    for (uint32_t i = 0; i < load->record.count; i++)
        value_put(load, i);
}

static bool window_is_full(const struct load *load)
{
    uint32_t window = load->cli->window ? load->cli->window : LOAD_WINDOW;

    return quorate_in_flight(load->client) >= window || load->bytes >= LOAD_BYTES || load->refused;
}

static void load_run(struct load *load)
{
    struct slice line;

    while (!load->stop) {
        bool starved = false;

        if (!window_is_full(load)) {
            if (line_take(load, &line))
                line_load(load, line);
            else if (load->ended)
                break;
            else
                starved = !file_read(load);
        }
        if (starved || window_is_full(load))
            (void)uv_run(&load->loop, UV_RUN_ONCE);
        progress(load);
    }
    while (quorate_in_flight(load->client) > 0 || (load->refused && !load->stop)) {
        (void)uv_run(&load->loop, UV_RUN_ONCE);
        progress(load);
    }
    progress_clear(load);
}

// Those that were still to be put again when another failure ended it all.
static void refused_give_up(struct load *load)
{
    struct loading *loading = load->refused;

    load->refused = NULL;
    while (loading) {
        struct loading *next = loading->next;

        load->failed++;
        loading_free(loading);
        loading = next;
    }
}

static int load_open(struct load *load)
{
    struct stat about;

    load->name = load->cli->arguments[0];
    load->file = STDIN_FILENO;
    if (strcmp(load->name, "-") == 0)
        load->name = "standard input";
    else
        load->file = open(load->name, O_RDONLY | O_CLOEXEC);
    if (load->file < 0 || fstat(load->file, &about)) {
        complain("%s: %s", load->name, strerror(errno));
        return err_exit(ERR_INVALID);
    }
    if (S_ISDIR(about.st_mode)) {
        complain("%s: %s", load->name, strerror(EISDIR));
        return err_exit(ERR_INVALID);
    }
    if (S_ISREG(about.st_mode))
        load->file_size = (uint64_t)about.st_size;
    return 0;
}

int command_load(struct cli *cli)
{
    struct load *load = memory_new(sizeof *load);
    int code;

    load->cli = cli;
    code = load_open(load);
    if (!code) {
        check(uv_loop_init(&load->loop) == 0);
        check(uv_timer_init(&load->loop, &load->pause) == 0);
        load->pause.data = load;
        rng_init(&load->rng, uv_hrtime());
        load->client = cli_attach(cli, &load->loop);
        load->started_us = now_us();
        load->last_us = load->started_us;
        load_run(load);
        refused_give_up(load);
        quorate_close(load->client);
        uv_close((uv_handle_t *)&load->pause, NULL);
        (void)uv_run(&load->loop, UV_RUN_DEFAULT);
        check(uv_loop_close(&load->loop) == 0);
        summary(load);
        code = load->code;
    }
    if (load->file > STDIN_FILENO)
        (void)close(load->file);
    buffer_done(&load->in);
    record_done(&load->record);
    free(load);
    return code;
}
