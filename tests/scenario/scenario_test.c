// SPDX-License-Identifier: Apache-2.0
// Runs every tests/scenario/*.txt: one test a file. Names as arguments run only those files;
// QUORATE_REWRITE=1 writes what comes out into the files.
#include "tests/lib/scenario.h"

#include "base/check.h"
#include "base/plant.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { FILES_MAX = 200 };

static const char folder[] = "tests/scenario";

static bool read_file(const char *path, struct buffer *out)
{
    FILE *file = fopen(path, "r");
    uint8_t part[4096];
    size_t size;

    if (!file)
        return false;
    while ((size = fread(part, 1, sizeof part, file)))
        buffer_add(out, part, size);
    fclose(file);
    return true;
}

static void write_file(const char *path, struct slice text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text.data, 1, text.size, file), text.size);
    assert_int_equal(fclose(file), 0);
}

static void report(const char *path, bool right, struct slice expected, struct slice came)
{
    struct buffer diff = {0};

    if (right)
        scenario_diff(expected, came, &diff);
    else
        buffer_add_slice(&diff, came);
    print_error("%s\n%.*s\n", path, (int)diff.size, (const char *)diff.data);
    buffer_done(&diff);
}

static void story_is_true(void **state)
{
    const char *path = *state;
    struct buffer text = {0};
    struct buffer came = {0};
    bool right;
    bool same;

    assert_true(read_file(path, &text));
    right = scenario_run(buffer_slice(&text), &came);
    same = right && slice_equal(buffer_slice(&text), buffer_slice(&came));
    if (right && !same && getenv("QUORATE_REWRITE")) {
        write_file(path, buffer_slice(&came));
        print_message("%s: rewritten\n", path);
        same = true;
    }
    if (!same)
        report(path, right, buffer_slice(&text), buffer_slice(&came));
    buffer_done(&text);
    buffer_done(&came);
    assert_true(same);
}

// A runner that finds no difference would call every story true.
static void diffs_are_found(void **state)
{
    struct buffer out = {0};

    (void)state;
    scenario_diff(slice_of_text("a\nb\nc\n"), slice_of_text("a\nc\nd\n"), &out);
    buffer_add_u8(&out, 0);
    assert_string_equal(out.data, "  a\n- b\n  c\n+ d\n");
    out.size = 0;
    scenario_diff(slice_of_text("1\n2\n3\n4\n5\n6\n7\nx\n"),
                  slice_of_text("1\n2\n3\n4\n5\n6\n7\ny\n"), &out);
    buffer_add_u8(&out, 0);
    assert_string_equal(out.data, "  5\n  6\n  7\n- x\n+ y\n");
    buffer_done(&out);
}

// What stands under the commands is renewed; what is wrong with a script is told with its line.
static void scripts_are_run(void **state)
{
    struct buffer out = {0};

    (void)state;
    assert_true(scenario_run(slice_of_text("# prose\n\ncluster\n----\nold\n\n# end\n"), &out));
    buffer_add_u8(&out, 0);
    assert_string_equal(out.data, "# prose\n\ncluster\n----\nown the shard: n1 n2 n3\n\n# end\n");
    out.size = 0;
    assert_false(scenario_run(slice_of_text("cluster\n----\n\nput colour=red\n----\n"), &out));
    buffer_add_u8(&out, 0);
    assert_string_equal(out.data, "line 4: put does not know what to do with colour=red");
    out.size = 0;
    assert_false(scenario_run(slice_of_text("put key=k\n----\n"), &out));
    out.size = 0;
    assert_false(scenario_run(slice_of_text("cluster\n----\n\nstop n4\n----\n"), &out));
    buffer_done(&out);
}

static int is_story(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot && strcmp(dot, ".txt") == 0;
}

static bool is_wanted(const char *name, char **wanted)
{
    if (!*wanted)
        return true;
    for (; *wanted; wanted++) {
        if (strstr(name, *wanted))
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[FILES_MAX + 2];
    struct dirent **entries;
    int found = scandir(folder, &entries, is_story, alphasort);
    size_t count = 0;
    int failed;

    (void)argc;
#ifdef QUORATE_PLANTS
    plant_choose(getenv("QUORATE_PLANT")); // do the stories notice?
#endif
    check(found > 0 && found <= FILES_MAX); // to be run from the top of the tree
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(diffs_are_found);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(scripts_are_run);
    for (int i = 0; i < found; i++) {
        char path[512];

        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (is_wanted(entries[i]->d_name, argv + 1))
            tests[count++] = (struct CMUnitTest){.name = memory_text(entries[i]->d_name),
                                                 .test_func = story_is_true,
                                                 .initial_state = memory_text(path)};
        free(entries[i]);
    }
    free(entries);
    failed = _cmocka_run_group_tests("scenario", tests, count, NULL, NULL);
    for (size_t i = 2; i < count; i++) {
        free((void *)(uintptr_t)tests[i].name);
        free(tests[i].initial_state);
    }
    return failed;
}
