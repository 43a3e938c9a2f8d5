// SPDX-License-Identifier: Apache-2.0
// Traces: distinct keys, how often each stands in the file, and what is refused in which words.
#include "sim/workload/trace.h"

#include "base/err.h"
#include "node/data/key.h"
#include "sim/workload/workload.h"
#include "tests/lib/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

// A file with this content in a folder of its own.
struct trace_file {
    char folder[FILES_PATH_SIZE];
    char path[FILES_PATH_SIZE + 8];
};

static void write_trace(struct trace_file *file, struct slice content)
{
    files_make_folder(file->folder);
    snprintf(file->path, sizeof file->path, "%s/keys", file->folder);
    assert_true(files_write(file->path, content));
}

static struct trace *trace_of(struct slice content)
{
    struct trace_file file;
    struct trace *trace = NULL;
    struct buffer why = {0};

    write_trace(&file, content);
    if (trace_read(file.path, &trace, &why))
        fail_msg("%.*s", (int)why.size, (const char *)why.data);
    files_remove_folder(file.folder);
    return trace;
}

static void refused(const char *path, const char *sentence)
{
    struct workload_setup setup = {.kind = WORKLOAD_TRACE, .trace_path = path};
    struct workload *workload = NULL;
    struct buffer why = {0};

    assert_int_equal(workload_new(&setup, &workload, &why), ERR_INVALID);
    buffer_add_u8(&why, 0);
    assert_string_equal((const char *)why.data, sentence);
    assert_null(workload);
    buffer_done(&why);
}

static void content_refused(struct slice content, const char *sentence)
{
    char expected[2 * FILES_PATH_SIZE];
    struct trace_file file;

    write_trace(&file, content);
    snprintf(expected, sizeof expected, "%s: %s", file.path, sentence);
    refused(file.path, expected);
    files_remove_folder(file.folder);
}

// LF, CR LF, empty lines, bytes that are no text, a last line without its end.
static void keys_and_counts(void **state)
{
    struct trace *trace = trace_of(slice_of("pear\r\napple\n\n\r\npear\nno\0text\n \npear", 34));

    (void)state;
    assert_true(trace->keys == 4 && trace->lines == 6);
    assert_true(slice_is(trace_key(trace, 0), "pear") && trace->counts[0] == 3);
    assert_true(slice_is(trace_key(trace, 1), "apple") && trace->counts[1] == 1);
    assert_true(slice_equal(trace_key(trace, 2), slice_of("no\0text", 7)));
    assert_true(slice_is(trace_key(trace, 3), " ") && trace->counts[3] == 1);
    trace_free(trace);
    trace_free(NULL);
}

// So many keys that the table grows and the file is read in pieces; each stands twice, far apart.
static void long_traces(void **state)
{
    enum { KEYS = 30000 };
    static const char dashes[] = "-------------------------------------------------";
    struct buffer content = {0};
    struct trace *trace;

    (void)state;
    for (int i = 0; i < 2 * KEYS; i++)
        buffer_add_format(&content, "%.*s%d\n", i % 50, dashes, i % KEYS);
    trace = trace_of(buffer_slice(&content));
    assert_true(trace->keys == KEYS && trace->lines == 2 * KEYS);
    for (int i = 0; i < KEYS; i++) {
        char text[64];

        snprintf(text, sizeof text, "%.*s%d", i % 50, dashes, i);
        assert_true(slice_is(trace_key(trace, (uint64_t)i), text) && trace->counts[i] == 2);
    }
    buffer_done(&content);
    trace_free(trace);
}

// Every line of every count of keys around the stride of the sums.
static void lines_lead_to_their_keys(void **state)
{
    (void)state;
    for (uint32_t keys = 1; keys <= 200; keys += keys < 60 ? 20 : 1) {
        struct buffer content = {0};
        struct trace *trace;
        uint64_t line = 0;

        for (uint32_t key = 0; key < keys; key++) {
            for (uint32_t i = 0; i <= key * 7 % 5; i++)
                buffer_add_format(&content, "%u\n", key);
        }
        trace = trace_of(buffer_slice(&content));
        for (uint32_t key = 0; key < keys; key++) {
            for (uint32_t i = 0; i <= key * 7 % 5; i++)
                assert_int_equal(trace_key_of_line(trace, line++), key);
        }
        assert_int_equal(line, trace->lines);
        buffer_done(&content);
        trace_free(trace);
    }
}

static void traces_refused(void **state)
{
    static uint8_t line[2 * KEY_SIZE_MAX];
    struct trace *trace;

    (void)state;
    memset(line, 'k', sizeof line);
    content_refused(slice_of_text(""), "no key stands in it; a trace must have one key a line");
    content_refused(slice_of_text("\n\r\n\n"),
                    "no key stands in it; a trace must have one key a line");
    content_refused(slice_of(line, KEY_SIZE_MAX + 1), "line 1 is longer than 2048 bytes");
    line[2] = '\n';
    content_refused(slice_of(line, sizeof line), "line 2 is longer than 2048 bytes");
    line[2] = 'k';
    line[KEY_SIZE_MAX] = '\r';
    line[KEY_SIZE_MAX + 1] = '\n';
    trace = trace_of(slice_of(line, KEY_SIZE_MAX + 3));
    assert_true(trace->keys == 2 && trace_key(trace, 0).size == KEY_SIZE_MAX);
    trace_free(trace);
    refused("/nowhere/at/all", "/nowhere/at/all: cannot be read: No such file or directory");
    refused("/", "/: cannot be read: Is a directory");
    refused(NULL, "a trace must have a path, or - for standard input");
    refused("", "a trace must have a path, or - for standard input");
}

// Files are read in pieces of 64 KiB. Here one ends between the CR and the LF of the longest line
// that may be; the lines behind it must still be counted rightly.
static void pieces_may_end_anywhere(void **state)
{
    struct buffer content = {0};

    (void)state;
    for (int i = 0; i < 31743; i++)
        buffer_add_format(&content, "x\n");
    buffer_add_u8(&content, '\n');
    memset(buffer_reserve(&content, KEY_SIZE_MAX), 'k', KEY_SIZE_MAX);
    content.size += KEY_SIZE_MAX;
    buffer_add_u8(&content, '\r');
    assert_int_equal(content.size, 64 * 1024);
    buffer_add_u8(&content, '\n');
    memset(buffer_reserve(&content, KEY_SIZE_MAX + 1), 'k', KEY_SIZE_MAX + 1);
    content.size += KEY_SIZE_MAX + 1;
    content_refused(buffer_slice(&content), "line 31746 is longer than 2048 bytes");
    buffer_done(&content);
}

// Nothing is forbidden to root.
static void forbidden_files(void **state)
{
    struct trace_file file;
    char expected[2 * FILES_PATH_SIZE];

    (void)state;
    write_trace(&file, slice_of_text("a\n"));
    snprintf(expected, sizeof expected, "%s: cannot be read: Permission denied", file.path);
    assert_int_equal(chmod(file.path, 0), 0);
    if (geteuid() != 0)
        refused(file.path, expected);
    files_remove_folder(file.folder);
}

static void workloads_of_traces(void **state)
{
    struct workload_setup setup = {.kind = WORKLOAD_TRACE, .read_share = 0.5};
    struct workload_keys *keys = (struct workload_keys *)malloc(sizeof *keys);
    struct workload *workload;
    struct trace_file file;
    struct buffer why = {0};
    struct key key;

    (void)state;
    write_trace(&file, slice_of_text("a\nb\x01\na\na\n"));
    setup.trace_path = file.path;
    assert_int_equal(workload_new(&setup, &workload, &why), 0);
    assert_int_equal(workload_setup(workload)->keys, 2);
    keys->from = 0;
    keys->count = 2;
    workload_expect(workload, keys);
    workload_hash(workload, 5, keys);
    assert_true(keys->reads[0] == 0.75 && keys->reads[1] == 0.25);
    assert_true(keys->writes[0] == 0.75 && keys->writes[1] == 0.25);
    assert_int_equal(key_make(5, 4, slice_of_text("sim"), slice_of_text("b\x01"), &key), 0);
    assert_true(keys->hash[1] == key.low && workload_key_hash(workload, 5, 1) == key.low);
    workload_free(workload);
    files_remove_folder(file.folder);
    free(keys);
}

static void traces_from_standard_input(void **state)
{
    int kept = dup(STDIN_FILENO);
    struct trace *trace = NULL;
    struct buffer why = {0};
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "a\nb\na\n", 6), 6);
    close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    assert_int_equal(trace_read("-", &trace, &why), 0);
    assert_true(trace->keys == 2 && trace->lines == 3);
    trace_free(trace);
    refused("-", "standard input: no key stands in it; a trace must have one key a line");
    assert_int_equal(dup2(kept, STDIN_FILENO), STDIN_FILENO);
    close(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_counts),          cmocka_unit_test(long_traces),
        cmocka_unit_test(lines_lead_to_their_keys), cmocka_unit_test(traces_refused),
        cmocka_unit_test(pieces_may_end_anywhere),  cmocka_unit_test(forbidden_files),
        cmocka_unit_test(workloads_of_traces),      cmocka_unit_test(traces_from_standard_input),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
