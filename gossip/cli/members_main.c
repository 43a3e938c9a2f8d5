// SPDX-License-Identifier: Apache-2.0
// quorate-members: who is in the ring, and who answers. It asks as an observer, which tells the
// other side nothing and leaves no trace there. Answers are laid side by side and printed once.
#include "base/err.h"
#include "gossip/cli/diff.h"
#include "gossip/cli/json.h"
#include "gossip/cli/options.h"
#include "gossip/cli/terminal.h"
#include "gossip/cli/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <time.h>

enum { EXIT_DEGRADED = 3, PROBLEMS_MAX = 5, WAIT_STEP_MS = 200, ASK_MAX_MS = 3000 };

static void print_problems(const struct survey *survey)
{
    size_t failed = survey->count - survey->answered, told = 0;

    for (size_t i = 0; i < survey->count && told < PROBLEMS_MAX; i++) {
        struct buffer text = {0};

        if (survey->tellers[i].err == 0)
            continue;
        survey_write_problem(survey, &survey->tellers[i], &text);
        fprintf(stderr, "quorate-members: %.*s\n", (int)text.size, (const char *)text.data);
        buffer_done(&text);
        told++;
    }
    if (told < failed)
        fprintf(stderr, "quorate-members: and %zu more\n", failed - told);
}

static void print_report(const struct report *report, const struct options *options)
{
    struct grid_look look = {.width = terminal_size().width, .color = !options->no_color};
    struct buffer out = {0};

    if (options->format == FORMAT_JSON) {
        json_write(report, &out);
    } else if (report->survey->answered && options->format == FORMAT_PLAIN) {
        grid_write_plain(report, &out);
    } else if (report->survey->answered) {
        grid_write_verdict(report, &look, &out);
        grid_write(report, &look, &out);
    }
    fwrite(out.data, 1, out.size, stdout);
    buffer_done(&out);
}

static int exit_code(const struct report *report)
{
    if (report->survey->answered == 0)
        return err_exit(ERR_CONNECT);
    return report->healthy ? 0 : EXIT_DEGRADED;
}

static int run_once(const struct options *options)
{
    struct survey_how how = {.ask = {&options->guard, options->timeout_ms, NULL}};
    struct survey survey = {0};
    struct report report;
    int code;

    survey_ask(&survey, options->addresses, options->count, &how);
    if (options->all)
        survey_ask_rest(&survey, &how);
    survey_finish(&survey);
    report_make(&report, &survey, &options->filter);
    print_problems(&survey);
    print_report(&report, options);
    code = exit_code(&report);
    report_done(&report);
    survey_done(&survey);
    return code;
}

// --- What differs --------------------------------------------------------------------------------

static void take_said(void *data, size_t teller, const struct observation *said)
{
    diff_take(data, teller, said);
}

static void print_diff(const struct diff *diff, const struct report *report,
                       const struct options *options)
{
    struct grid_look look = {.width = terminal_size().width, .color = !options->no_color};
    struct buffer out = {0};

    if (options->format == FORMAT_JSON) {
        diff_write_json(diff, report, &out);
    } else if (report->survey->answered && options->format == FORMAT_PLAIN) {
        diff_write_plain(diff, report, &out);
    } else if (report->survey->answered) {
        grid_write_verdict(report, &look, &out);
        diff_write(diff, report, &look, &out);
    }
    fwrite(out.data, 1, out.size, stdout);
    buffer_done(&out);
}

static int run_diff(const struct options *options)
{
    struct diff diff = {0};
    struct survey_look look = {take_said, &diff};
    struct survey_how how = {.ask = {&options->guard, options->timeout_ms, NULL}, .look = &look};
    struct survey survey = {0};
    struct report report;
    int code;

    survey_ask(&survey, options->addresses, options->count, &how);
    survey_ask_rest(&survey, &how);
    survey_finish(&survey);
    report_make(&report, &survey, &options->filter);
    print_problems(&survey);
    print_diff(&diff, &report, options);
    code = exit_code(&report);
    if (code == 0 && diff_count(&diff, &report))
        code = EXIT_DEGRADED;
    report_done(&report);
    survey_done(&survey);
    diff_done(&diff);
    return code;
}

// --- Waiting -------------------------------------------------------------------------------------

static void sleep_ms(uint64_t ms)
{
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000 * 1000000)};

    while (nanosleep(&left, &left) && errno == EINTR)
        continue;
}

static bool wait_is_over(const struct report *report, const struct options *options)
{
    return report->survey->answered == report->survey->count && report->wanted >= options->wait;
}

// 0 when it is over; else the exit code of now, printed when it is the last try.
static int try_once(const struct options *options, uint64_t timeout_ms, bool last)
{
    struct survey_how how = {.ask = {&options->guard, timeout_ms, NULL}};
    struct survey survey = {0};
    struct report report;
    bool over;
    int code;

    survey_ask(&survey, options->addresses, options->count, &how);
    if (options->all)
        survey_ask_rest(&survey, &how);
    survey_finish(&survey);
    report_make(&report, &survey, &options->filter);
    over = wait_is_over(&report, options);
    code = over ? 0 : survey.answered ? EXIT_DEGRADED : err_exit(ERR_CONNECT);
    if (over || last)
        print_report(&report, options);
    if (!over && last) {
        print_problems(&survey);
        fprintf(stderr,
                "quorate-members: --wait: not so many are alive in time: %zu of %" PRIu64
                " after %" PRIu64 " ms: look at the others, or give it more time with --timeout\n",
                report.wanted, options->wait, options->timeout_ms);
    }
    report_done(&report);
    survey_done(&survey);
    return code;
}

static int run_wait(const struct options *options)
{
    uint64_t deadline_us = ask_now_us() + options->timeout_ms * 1000;

    for (;;) {
        uint64_t now = ask_now_us();
        uint64_t left_ms = now < deadline_us ? (deadline_us - now) / 1000 : 0;
        bool last = left_ms <= WAIT_STEP_MS;
        int code = try_once(options, left_ms > ASK_MAX_MS ? ASK_MAX_MS : left_ms + 1, last);

        if (code == 0 || last)
            return code;
        sleep_ms(WAIT_STEP_MS);
    }
}

static int run(const struct options *options)
{
    if (options->watch)
        return watch_run(options);
    if (options->diff)
        return run_diff(options);
    return options->has_wait ? run_wait(options) : run_once(options);
}

int main(int argc, char **argv)
{
    struct options options;
    int code;

    setlocale(LC_CTYPE, "C.UTF-8");
    members_options_read(argc, argv, &options);
    code = run(&options);
    guard_done(&options.guard);
    return code;
}
