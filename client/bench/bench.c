// SPDX-License-Identifier: Apache-2.0
// The command: options become a job, the job is run, what came out of it is told.
#include "client/bench/bench.h"

#include "base/check.h"
#include "base/err.h"
#include "client/bench/report.h"
#include "client/result.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    EXIT_INTERRUPTED = 130,
    GRACE_MS = 1000, // beyond a request's time, until an answer is given up
    WAIT_MS_DEFAULT = TIMEOUT_MS_DEFAULT
};

#define NS_PER_MS UINT64_C(1000000)

struct bench {
    struct cli *cli;
    struct bench_options *options;
    struct servers servers;
    struct floor *floor;
    struct workload *workload;
    struct values values;
    struct ledger *ledger;
    struct phrases phrases;
    struct job job;
    struct run_outcome outcome, loaded;
    struct watched watched[2 * WATCH_MAX];
    uint32_t watched_count;
    struct usage client_from, client;
    struct report report;
    char against[32];
    struct buffer why;
    // progress
    const char *doing;
    uint64_t expected; // operations; 0: not known
    uint64_t shown_ns, shown_done;
};

// ---- what is measured beside --------------------------------------------------------------------

static struct usage usage_own(void)
{
    struct rusage from;
    struct usage own = {0};

    (void)usage_read(getpid(), &own);
    check(getrusage(RUSAGE_SELF, &from) == 0);
    own.user_us = (uint64_t)from.ru_utime.tv_sec * 1000000 + (uint64_t)from.ru_utime.tv_usec;
    // Those of threads that have ended are in here only.
    own.switches_voluntary = (uint64_t)from.ru_nvcsw;
    own.switches_involuntary = (uint64_t)from.ru_nivcsw;
    own.system_us = (uint64_t)from.ru_stime.tv_sec * 1000000 + (uint64_t)from.ru_stime.tv_usec;
    return own;
}

static void measure(void *data, bool ends)
{
    struct bench *bench = data;
    struct usage own;

    for (uint32_t i = 0; i < bench->watched_count; i++) {
        struct watched *watched = &bench->watched[i];

        if (usage_read(watched->pid, ends ? &watched->until : &watched->from)) {
            watched->gone = true;
            watched->until = watched->from;
        }
    }
    own = usage_own();
    if (ends)
        bench->client = usage_between(&bench->client_from, &own);
    else
        bench->client_from = own;
}

static void watch_add(struct bench *bench, pid_t pid)
{
    struct watched *watched = &bench->watched[bench->watched_count++];

    check(bench->watched_count <= 2 * WATCH_MAX);
    *watched = (struct watched){.pid = pid};
    (void)process_name(pid, watched->name);
}

static void nothing(void *data, bool ends)
{
    (void)data;
    (void)ends;
}

// ---- progress -----------------------------------------------------------------------------------

static void progress_clear(const struct bench *bench)
{
    if (bench->shown_ns)
        (void)fprintf(stderr, "\r\33[K");
}

static void progress(void *data, const struct progress *progress)
{
    struct bench *bench = data;
    uint64_t ns = progress->elapsed_ns - bench->shown_ns;
    uint64_t done = progress->done - bench->shown_done;

    if (ns == 0)
        return;
    (void)fprintf(stderr, "\r\33[K%s %.1f s  %" PRIu64,
                  progress->measuring ? bench->doing : "warm-up",
                  (double)progress->elapsed_ns / 1e9, progress->done);
    if (bench->expected)
        (void)fprintf(stderr, " of %" PRIu64, bench->expected);
    (void)fprintf(stderr, " done, %.0f/s now", (double)done * 1e9 / (double)ns);
    if (progress->failed)
        (void)fprintf(stderr, ", %" PRIu64 " failed", progress->failed);
    bench->shown_ns = progress->elapsed_ns;
    bench->shown_done = progress->done;
}

// ---- against what -------------------------------------------------------------------------------

static int complain_why(struct bench *bench, int err)
{
    complain("%.*s", (int)bench->why.size, (const char *)bench->why.data);
    return err_exit(err);
}

static int floor_take(struct bench *bench)
{
    const char *folder = getenv("TMPDIR");
    struct servers *servers = &bench->servers;
    int err = floor_start(bench->options->floor, folder && *folder ? folder : "/tmp", &bench->floor,
                          &bench->why);

    if (err)
        return err;
    *servers = (struct servers){.spread = bench->options->spread,
                                .count = floor_count(bench->floor),
                                .properties = bucket_properties_default};
    servers->addresses = memory_new(servers->count * sizeof *servers->addresses);
    for (uint32_t i = 0; i < servers->count; i++) {
        struct address *address = &servers->addresses[i];

        (void)memcpy(&address->socket, floor_address(bench->floor, i), sizeof(struct sockaddr_in));
        (void)snprintf(address->text, sizeof address->text, "floor %u", i + 1);
        watch_add(bench, floor_pid(bench->floor, i));
    }
    if (servers->spread == SPREAD_FIRST)
        servers->count = 1;
    (void)snprintf(bench->against, sizeof bench->against, "floor %s",
                   floor_word(bench->options->floor));
    return 0;
}

static struct slice bucket_of(const struct bench *bench)
{
    return slice_of_text(bench->cli->bucket ? bench->cli->bucket : "bench");
}

static int servers_take(struct bench *bench)
{
    bool redis = bench->options->protocol == PROTOCOL_REDIS;
    uint32_t timeout_ms = bench->cli->timeout_ms ? bench->cli->timeout_ms : TIMEOUT_MS_DEFAULT;
    int err;

    (void)snprintf(bench->against, sizeof bench->against, "%s", redis ? "redis" : "quorate");
    if (bench->options->has_floor)
        return floor_take(bench);
    err = servers_read((const char *)bench->cli->endpoints.data, bench->options->spread,
                       &bench->servers, &bench->why);
    if (!err && !redis)
        err = servers_learn(&bench->servers, bucket_of(bench), timeout_ms, &bench->why);
    return err;
}

// ---- the job ------------------------------------------------------------------------------------

static void phrases_make(struct bench *bench)
{
    const struct cli *cli = bench->cli;
    struct phrases *phrases = &bench->phrases;

    request_init(&phrases->get, METHOD_GET);
    request_init(&phrases->put, METHOD_PUT);
    phrases->get.bucket = phrases->put.bucket = bucket_of(bench);
    phrases->get.timeout_ms = phrases->put.timeout_ms = cli->timeout_ms;
    phrases->get.r = level_of_public(cli->get.r);
    phrases->get.pr = level_of_public(cli->get.pr);
    phrases->get.strict = cli->get.strict;
    phrases->put.w = level_of_public(cli->put.w);
    phrases->put.pw = level_of_public(cli->put.pw);
    phrases->put.strict = cli->put.strict;
    phrases->put.blind =
        cli->put.blind == QUORATE_BLIND_SIBLINGS ? BLIND_SIBLINGS : BLIND_OVERWRITE;
    phrases->values = &bench->values;
    phrases->wait = bench->options->wait;
    phrases->wait_ms = cli->timeout_ms ? cli->timeout_ms : WAIT_MS_DEFAULT;
    phrases->echo = bench->options->has_floor && bench->options->floor == FLOOR_ECHO &&
                    strcmp(bench->options->workload, "read") != 0;
    floor_measure(phrases);
}

static int workload_make(struct bench *bench)
{
    const struct bench_options *options = bench->options;
    struct workload_setup setup = {.kind = options->distribution,
                                   .keys = options->keys,
                                   .theta = options->theta,
                                   .hot_operations = options->hot_operations,
                                   .hot_keys = options->hot_keys,
                                   .read_share = options->mix.read_share,
                                   .bytes_min = options->size_min,
                                   .bytes_max = options->size_max};

    return workload_new(&setup, &bench->workload, &bench->why);
}

static void job_make(struct bench *bench)
{
    const struct bench_options *options = bench->options;
    uint32_t timeout_ms = bench->cli->timeout_ms ? bench->cli->timeout_ms : TIMEOUT_MS_DEFAULT;
    uint32_t run;

    check(getrandom(&run, sizeof run, 0) == sizeof run);
    values_init(&bench->values, options->size_min, options->size_max, run);
    if (options->check)
        bench->ledger = ledger_new(options->keys);
    phrases_make(bench);
    bench->job = (struct job){
        .servers = &bench->servers,
        .speaker = options->has_floor                    ? &speaker_floor
                   : options->protocol == PROTOCOL_REDIS ? &speaker_redis
                                                         : &speaker_quorate,
        .phrases = &bench->phrases,
        .values = &bench->values,
        .ledger = bench->ledger,
        .mix = &options->mix,
        .workload = bench->workload,
        .connections = options->connections,
        .depth = options->depth,
        .threads = options->threads,
        .arrivals = options->arrivals,
        .rate = options->rate,
        .operations = options->operations,
        .operation_ns = (timeout_ms + GRACE_MS) * NS_PER_MS,
        .warm_up_ns = options->warm_up_ms * NS_PER_MS,
        .measure_ns = options->operations ? UINT64_MAX : options->duration_ms * NS_PER_MS,
        .seed = options->seed,
    };
}

// ---- telling ------------------------------------------------------------------------------------

static int level_number(int level, int of_bucket, int otherwise, uint32_t replicas)
{
    if (level == LEVEL_DEFAULT)
        level = of_bucket;
    return level_resolve(level == LEVEL_DEFAULT ? otherwise : level, replicas);
}

static void report_make(struct bench *bench)
{
    const struct servers *servers = &bench->servers;
    const struct phrases *phrases = &bench->phrases;
    struct report *report;
    uint32_t replicas;

    bench->report = (struct report){.options = bench->options,
                                    .against = bench->against,
                                    .servers = servers->count,
                                    .outcome = &bench->outcome,
                                    .loaded = bench->options->load ? &bench->loaded : NULL,
                                    .watched = bench->watched,
                                    .watched_count = bench->watched_count,
                                    .client = bench->client};
    bench->report.one_server = bench->options->protocol == PROTOCOL_REDIS && servers->count == 1;
    if (!servers->topology)
        return;
    replicas = servers->topology->replicas;
    report = &bench->report;
    report->replicas = replicas;
    report->r = level_number(phrases->get.r, servers->properties.r, LEVEL_QUORUM, replicas);
    report->w = level_number(phrases->put.w, servers->properties.w, LEVEL_QUORUM, replicas);
    report->pr = level_number(phrases->get.pr, servers->properties.pr, 0, replicas);
    report->pw = level_number(phrases->put.pw, servers->properties.pw, 0, replicas);
    report->owners_only = bench->cli->get.strict || servers->properties.strict ||
                          servers->topology->member_count <= replicas;
    report->last_write_wins = servers->properties.conflict == CONFLICT_LWW;
}

static void tell(struct bench *bench)
{
    struct output *output = &bench->cli->output;
    struct buffer out = {0};

    report_make(bench);
    if (bench->cli->format == FORMAT_JSON)
        report_json(&bench->report, &out);
    else if (bench->cli->format == FORMAT_CSV)
        report_csv(&bench->report, &out);
    else
        report_text(&bench->report, output);
    output_slice(output, buffer_slice(&out));
    buffer_done(&out);
}

static int histogram_write(const struct bench *bench)
{
    const char *path = bench->options->histogram;
    struct latency *all = memory_new(sizeof *all);
    struct buffer out = {0};
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool is_well = file >= 0;

    tally_all(&bench->outcome.tally, all);
    latency_write(all, &out);
    is_well = is_well && write(file, out.data, out.size) == (ssize_t)out.size;
    if (file >= 0 && close(file))
        is_well = false;
    free(all);
    buffer_done(&out);
    if (is_well)
        return 0;
    complain("%s: %s", path, strerror(errno));
    return err_exit(ERR_IO);
}

// Each connection is an open file, and each thread has a few.
static int files_allow(const struct bench_options *options)
{
    uint64_t wanted = options->connections + (uint64_t)options->threads * 8 + 64;
    struct rlimit limit;

    check(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur < wanted && limit.rlim_max >= wanted) {
        limit.rlim_cur = wanted;
        check(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    }
    if (limit.rlim_cur >= wanted)
        return 0;
    complain("bench: %" PRIu32 " connections need %" PRIu64 " open files, and %" PRIu64
             " are allowed (ulimit -n)",
             options->connections, wanted, (uint64_t)limit.rlim_max);
    return err_exit(ERR_INVALID);
}

// ---- running ------------------------------------------------------------------------------------

static int complain_stuck(const struct run_outcome *outcome)
{
    complain("bench: nothing has succeeded for %d s, so that it was ended after %" PRIu64
             " operations: are the servers there?",
             RUN_STUCK_S, outcome->tally.service.count);
    return err_exit(ERR_TIMEOUT);
}

static int load(struct bench *bench)
{
    struct job job = bench->job;
    struct phrases phrases = bench->phrases;
    struct run_watcher watcher = {.measure = bench->options->load_only ? measure : nothing,
                                  .progress = bench->cli->output.error_terminal ? progress : NULL,
                                  .data = bench};
    const struct tally *tally = &bench->loaded.tally;
    int err;

    phrases.put.blind = BLIND_OVERWRITE; // of what an earlier run has left
    job.phrases = &phrases;
    job.filling = true;
    job.arrivals = ARRIVALS_CLOSED;
    job.rate = 0;
    job.operations = bench->options->keys;
    job.warm_up_ns = 0;
    job.measure_ns = UINT64_MAX;
    bench->doing = "load";
    bench->expected = bench->options->keys;
    err = run_job(&job, &watcher, &bench->loaded, &bench->why);
    progress_clear(bench);
    bench->shown_ns = bench->shown_done = bench->expected = 0;
    if (err)
        return complain_why(bench, err);
    if (bench->loaded.stuck)
        return complain_stuck(&bench->loaded);
    for (int i = 1; i < TALLY_ERRORS; i++) {
        if (tally->errors[i] > 0) {
            complain("bench: %" PRIu64 " keys were not loaded: %s: %s", tally->errors[i],
                     err_code(-i), tally->texts[i]);
            return err_exit(-i);
        }
    }
    return bench->loaded.interrupted ? EXIT_INTERRUPTED : 0;
}

static int run_measured(struct bench *bench)
{
    struct run_watcher watcher = {.measure = measure,
                                  .progress = bench->cli->output.error_terminal ? progress : NULL,
                                  .data = bench};
    int err;

    bench->doing = "measured";
    err = run_job(&bench->job, &watcher, &bench->outcome, &bench->why);
    progress_clear(bench);
    return err ? complain_why(bench, err) : 0;
}

// The exit code of a run that came to its end.
static int verdict(struct bench *bench)
{
    const struct tally *tally = &bench->outcome.tally;
    uint64_t wrong = report_wrong(&bench->report);

    if (wrong > 0) {
        complain("bench: %" PRIu64 " wrong answers to reads; the first: %s", wrong,
                 tally->wrongs.first);
        return err_exit(ERR_INTERNAL);
    }
    if (bench->outcome.stuck)
        return complain_stuck(&bench->outcome);
    if (bench->outcome.interrupted)
        return EXIT_INTERRUPTED;
    if (bench->options->histogram)
        return histogram_write(bench);
    return 0;
}

static int bench_run(struct bench *bench)
{
    int code = 0;

    for (uint32_t i = 0; i < bench->options->watch_count; i++)
        watch_add(bench, bench->options->watch[i]);
    job_make(bench);
    if (bench->options->load)
        code = load(bench);
    if (!code && !bench->options->load_only)
        code = run_measured(bench);
    if (bench->options->load_only)
        bench->outcome = bench->loaded;
    if (code && code != EXIT_INTERRUPTED)
        return code;
    tell(bench);
    return code ? code : verdict(bench);
}

static void bench_done(struct bench *bench)
{
    floor_stop(bench->floor);
    servers_done(&bench->servers);
    workload_free(bench->workload);
    values_done(&bench->values);
    ledger_free(bench->ledger);
    buffer_done(&bench->why);
    free(bench);
}

int command_bench(struct cli *cli)
{
    struct bench *bench = memory_new(sizeof *bench);
    sigset_t interrupts;
    int code;
    int err;

    bench->cli = cli;
    bench->options = cli->more;
    code = bench_options_finish(cli, bench->options);
    if (!code)
        code = files_allow(bench->options);
    if (!code) {
        check(sigemptyset(&interrupts) == 0 && sigaddset(&interrupts, SIGINT) == 0);
        check(pthread_sigmask(SIG_BLOCK, &interrupts, NULL) == 0);
        err = workload_make(bench);
        if (!err)
            err = servers_take(bench);
        code = err ? complain_why(bench, err) : bench_run(bench);
    }
    bench_done(bench);
    free(cli->more);
    cli->more = NULL;
    return code;
}
