// SPDX-License-Identifier: Apache-2.0
#include "sim/cluster/cluster.h"

#include "base/err.h"
#include "sim/cluster/grid.h"
#include "sim/placement/deliver.h"
#include "sim/placement/progress.h"
#include "sim/placement/run.h"

#include <stdio.h>
#include <string.h>

#define PROGRAM "quorate-sim cluster"

static int run_cluster_grid(const struct options *options, const struct grid *grid)
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
    int code;

    progress_begin(&progress);
    run = run_new(grid, &setup);
    progress_end(&progress);
    result.rows = run_rows(run, &result.count);
    code = deliver(options, PROGRAM, &result);
    run_free(run);
    return code;
}

int cluster_main(int argc, char **argv)
{
    static struct cluster_options options;
    struct grid grid = {0};
    struct buffer why = {0};
    int code;
    int err;

    cluster_options_read(&options, argc, argv);
    code = deliver_check(&options.shared, PROGRAM);
    err = code ? 0 : cluster_grid_make(&grid, &options, &why);
    if (err) {
        fprintf(stderr, "%s: %.*s\n", PROGRAM, (int)why.size, (const char *)why.data);
        code = err_exit(ERR_INVALID);
    }
    if (!code) {
        if (grid.left_out.size > 0)
            fwrite(grid.left_out.data, 1, grid.left_out.size, stderr);
        code = run_cluster_grid(&options.shared, &grid);
    }
    grid_done(&grid);
    cluster_options_done(&options);
    buffer_done(&why);
    return code;
}
