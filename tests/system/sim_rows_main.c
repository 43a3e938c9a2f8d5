// SPDX-License-Identifier: Apache-2.0
//
// sim_rows_main FORMAT [SIZE]: made-up results as table, csv, json, html or svg (the charts, each
// behind a line with its name) on stdout. SIZE: one, plain (default), nodes, theta, both, large or
// hard (texts and values that are hard to show).
#include "base/check.h"
#include "sim/output/output.h"
#include "tests/lib/sim_rows.h"

#include <stdio.h>
#include <string.h>

static const char *const few_nodes[] = {"5", "10", "20", NULL};
static const char *const many_nodes[] = {"3", "5", "10", "20", "50", "100", NULL};
static const char *const large_nodes[] = {"10", "30", "1000", NULL};
static const char *const few_thetas[] = {"0", "0.8", "0.99", NULL};
static const char *const many_thetas[] = {"0", "0.5", "0.8", "0.99", "1.2", NULL};
static const char *const one_load[] = {"0.7", NULL};

static struct sim_rows_setup setup_of(const char *size)
{
    struct sim_rows_setup setup = sim_rows_plain;

    if (strcmp(size, "one") == 0) {
        setup.schemes = 1;
        setup.repetitions = 1;
        setup.loads = one_load;
    } else if (strcmp(size, "nodes") == 0) {
        setup.schemes = 8;
        setup.nodes = many_nodes;
    } else if (strcmp(size, "theta") == 0) {
        setup.schemes = 9;
        setup.thetas = many_thetas;
    } else if (strcmp(size, "both") == 0) {
        setup.schemes = 6;
        setup.nodes = few_nodes;
        setup.thetas = few_thetas;
    } else if (strcmp(size, "large") == 0) {
        setup.schemes = SIM_ROWS_SCHEMES;
        setup.nodes = large_nodes;
        setup.thetas = many_thetas;
    }
    return setup;
}

static void print_chart(void *context, const char *name, struct slice svg)
{
    (void)context;
    printf("%s\n%.*s", name, (int)svg.size, (const char *)svg.data);
}

int main(int argc, char **argv)
{
    const char *format = argc > 1 ? argv[1] : "table";
    struct sim_rows_setup setup = setup_of(argc > 2 ? argv[2] : "plain");
    struct sim_rows rows = {0};
    struct buffer out = {0};

    if (argc > 2 && strcmp(argv[2], "hard") == 0)
        sim_rows_hard(&rows);
    else
        sim_rows_all(&rows, &setup);
    if (strcmp(format, "table") == 0)
        output_tables(&rows.result, &(struct table_setup){.columns = 100}, &out);
    else if (strcmp(format, "csv") == 0)
        output_csv(&rows.result, &out);
    else if (strcmp(format, "json") == 0)
        output_json(&rows.result, &out);
    else if (strcmp(format, "html") == 0)
        output_report(&rows.result, &out);
    else if (strcmp(format, "svg") == 0)
        output_charts(&rows.result, print_chart, NULL);
    if (out.size > 0)
        fwrite(out.data, 1, out.size, stdout);
    buffer_done(&out);
    sim_rows_done(&rows);
    return 0;
}
