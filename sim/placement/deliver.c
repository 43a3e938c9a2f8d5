// SPDX-License-Identifier: Apache-2.0
#include "sim/placement/deliver.h"

#include "base/err.h"
#include "sim/output/output.h"
#include "sim/placement/save.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COLUMNS = 100 };

static int complain(const char *program, const char *what, const char *path, int error)
{
    fprintf(stderr, "%s: %s %s: %s: name another place\n", program, what, path, strerror(error));
    return err_exit(ERR_IO);
}

int deliver_check(const struct options *options, const char *program)
{
    struct stat is;
    int err = options->report_path ? file_savable(options->report_path) : 0;

    if (err)
        return complain(program, "cannot write the report", options->report_path, err);
    err = options->csv_path ? file_savable(options->csv_path) : 0;
    if (err)
        return complain(program, "cannot write the rows", options->csv_path, err);
    if (!options->charts_path)
        return 0;
    if (mkdir(options->charts_path, 0777) && errno != EEXIST)
        return complain(program, "cannot make the folder", options->charts_path, errno);
    if (stat(options->charts_path, &is) == 0 && !S_ISDIR(is.st_mode))
        return complain(program, "cannot write charts to", options->charts_path, ENOTDIR);
    if (access(options->charts_path, W_OK | X_OK))
        return complain(program, "cannot write charts to", options->charts_path, errno);
    return 0;
}

// ---- output -------------------------------------------------------------------------------------

static int print_result(const struct options *options, const char *program,
                        const struct run_result *result)
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
    return whole ? 0 : complain(program, "cannot write to", "standard output", errno);
}

struct charts {
    const char *program;
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
        charts->code =
            complain(charts->program, "cannot write the chart", (const char *)path.data, err);
    buffer_done(&path);
}

static int save_rows(const struct options *options, const char *program,
                     const struct run_result *result)
{
    struct buffer rows = {0};
    int err;

    if (!options->csv_path)
        return 0;
    output_csv(result, &rows);
    err = file_save(options->csv_path, buffer_slice(&rows));
    buffer_done(&rows);
    return err ? complain(program, "cannot write the rows", options->csv_path, err) : 0;
}

static int save_files(const struct options *options, const char *program,
                      const struct run_result *result)
{
    struct charts charts = {program, options->charts_path, 0};
    struct buffer page = {0};
    int err = 0;

    if (options->report_path) {
        output_report(result, &page);
        err = file_save(options->report_path, buffer_slice(&page));
        buffer_done(&page);
    }
    if (err)
        return complain(program, "cannot write the report", options->report_path, err);
    if (options->charts_path)
        output_charts(result, save_chart, &charts);
    return charts.code;
}

int deliver(const struct options *options, const char *program, const struct run_result *result)
{
    int rows = save_rows(options, program, result); // first: who reads the table may go away
    int files = save_files(options, program, result);
    int printed = print_result(options, program, result);

    return rows ? rows : files ? files : printed;
}
