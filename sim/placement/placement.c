// SPDX-License-Identifier: Apache-2.0
#include "sim/placement/placement.h"

#include "base/err.h"
#include "sim/output/output.h"
#include "sim/placement/progress.h"
#include "sim/placement/run.h"
#include "sim/placement/save.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COLUMNS = 100 };

static int complain(const char *what, const char *path, int error)
{
    fprintf(stderr, "quorate-sim placement: %s %s: %s: name another place\n", what, path,
            strerror(error));
    return err_exit(ERR_IO);
}

// Looked at before the work, so that it is not done in vain.
static int places_check(const struct options *options)
{
    struct stat is;
    int err = options->report_path ? file_savable(options->report_path) : 0;

    if (err)
        return complain("cannot write the report", options->report_path, err);
    if (!options->charts_path)
        return 0;
    if (mkdir(options->charts_path, 0777) && errno != EEXIST)
        return complain("cannot make the folder", options->charts_path, errno);
    if (stat(options->charts_path, &is) == 0 && !S_ISDIR(is.st_mode))
        return complain("cannot write charts to", options->charts_path, ENOTDIR);
    if (access(options->charts_path, W_OK | X_OK))
        return complain("cannot write charts to", options->charts_path, errno);
    return 0;
}

// ---- output -------------------------------------------------------------------------------------

static int print_result(const struct options *options, const struct run_result *result)
{
    const struct table_setup table = {.columns = COLUMNS, .color = options->color};
    struct buffer out = {0};
    bool whole;

    if (options->format == OUTPUT_CSV)
        output_csv(result, &out);
    else if (options->format == OUTPUT_JSON)
        output_json(result, &out);
    else
        output_tables(result, &table, &out);
    whole = fwrite(out.data, 1, out.size, stdout) == out.size;
    whole = fflush(stdout) == 0 && whole;
    buffer_done(&out);
    return whole ? 0 : complain("cannot write to", "standard output", errno);
}

struct charts {
    const char *folder;
    int code;
};

static void save_chart(void *context, const char *name, struct slice svg)
{
    struct charts *charts = context;
    struct buffer path = {0};
    int err;

    buffer_add_format(&path, "%s/%s", charts->folder, name);
    buffer_add_u8(&path, 0);
    err = charts->code ? 0 : file_save((const char *)path.data, svg);
    if (err)
        charts->code = complain("cannot write the chart", (const char *)path.data, err);
    buffer_done(&path);
}

static int save_files(const struct options *options, const struct run_result *result)
{
    struct charts charts = {options->charts_path, 0};
    struct buffer page = {0};
    int err = 0;

    if (options->report_path) {
        output_report(result, &page);
        err = file_save(options->report_path, buffer_slice(&page));
        buffer_done(&page);
    }
    if (err)
        return complain("cannot write the report", options->report_path, err);
    if (options->charts_path)
        output_charts(result, save_chart, &charts);
    return charts.code;
}

// ---- all of it ----------------------------------------------------------------------------------

static int run_grid(const struct options *options, const struct grid *grid)
{
    struct progress progress;
    struct run_setup setup = {.seed = options->seed,
                              .repetitions = options->repetitions,
                              .threads = options->threads,
                              .progress = options->progress ? progress_show : NULL,
                              .context = &progress};
    struct run_result result = {.command = (const char *)options->command.data,
                                .seed = options->seed};
    struct run *run;
    int printed;
    int code;

    progress_begin(&progress);
    run = run_new(grid, &setup);
    progress_end(&progress);
    result.rows = run_rows(run, &result.count);
    code = save_files(options, &result); // first: who reads the table may go away
    printed = print_result(options, &result);
    run_free(run);
    return code ? code : printed;
}

int placement_main(int argc, char **argv)
{
    static struct options options;
    struct grid grid = {0};
    struct buffer why = {0};
    int code;
    int err;

    sim_options_read(&options, argc, argv);
    code = places_check(&options);
    err = code ? 0 : grid_make(&grid, &options, progress_clock_ns, &why);
    if (err) {
        fprintf(stderr, "quorate-sim placement: %.*s\n", (int)why.size, (const char *)why.data);
        code = err_exit(ERR_INVALID);
    }
    if (!code) {
        if (grid.left_out.size > 0)
            fwrite(grid.left_out.data, 1, grid.left_out.size, stderr);
        code = run_grid(&options, &grid);
    }
    grid_done(&grid);
    sim_options_done(&options);
    buffer_done(&why);
    return code;
}
