// SPDX-License-Identifier: Apache-2.0
// Both sources end in settings_set. The command line is collected first, because it names the file,
// whose values it then overrides.
#include "node/io/command_line.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"

#include <argp.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    OPTIONS_MAX = 64,     // rows of the table
    GIVEN_MAX = 256,      // options on one command line
    FILE_LINE_MAX = 198,  // what libinih takes, as Debian builds it
    KEY_SETTING = 0x1000, // plus the row
    KEY_SETTINGS = KEY_SETTING - 1,
    EXIT_USAGE = 2
};

struct given {
    const struct setting *setting;
    const char *text;
};

struct command_line {
    struct given given[GIVEN_MAX];
    size_t count;
    const char *config;
};

// --- The configuration file ----------------------------------------------------------------------

struct file {
    FILE *stream;
    struct settings *settings;
    struct buffer *why;
    bool seen[OPTIONS_MAX];
    bool too_long; // a line was
};

void command_line_add_unknown(const char *name, struct buffer *why)
{
    const char *nearest = settings_nearest(name);

    buffer_add_format(why, "no setting is called ");
    text_add_shown(why, slice_of_text(name));
    if (nearest)
        buffer_add_format(why, "; did you mean %s?", nearest);
    else
        buffer_add_format(why, "; --settings lists them");
}

static int set_from_file(struct file *file, const char *section, const char *name,
                         const char *value)
{
    const struct setting *setting = settings_find(name);

    if (section[0]) {
        buffer_add_format(file->why, "there are no sections");
        return ERR_INVALID;
    }
    if (!setting || setting->offset == offsetof(struct settings, config)) {
        command_line_add_unknown(name, file->why);
        return ERR_INVALID;
    }
    if (file->seen[setting - settings_table] && setting->kind != SETTING_JOIN &&
        setting->kind != SETTING_KNOB) {
        buffer_add_format(file->why, "%s is given twice", name);
        return ERR_INVALID;
    }
    file->seen[setting - settings_table] = true;
    return settings_set(file->settings, setting, value, file->why);
}

// libinih goes on after a failed line; the first failure is the one told.
static int take_line(void *context, const char *section, const char *name, const char *value)
{
    struct file *file = context;

    if (file->why->size)
        return 0;
    return set_from_file(file, section, name, value) == 0;
}

static char *read_line(char *line, int size, void *context)
{
    struct file *file = context;
    char *read = fgets(line, size, file->stream);

    if (read && strlen(read) >= FILE_LINE_MAX && !strchr(read, '\n'))
        file->too_long = true;
    return read;
}

int command_line_read_file(const char *path, struct settings *settings, struct buffer *why)
{
    struct buffer line_why = {0};
    struct file file = {.settings = settings, .why = &line_why};
    int line, err = 0;

    file.stream = fopen(path, "re");
    if (!file.stream) {
        buffer_add_format(why, "%s: %s", path, strerror(errno));
        return ERR_IO;
    }
    line = ini_parse_stream(read_line, &file, take_line, &file);
    if (ferror(file.stream)) {
        buffer_add_format(why, "%s: cannot be read", path);
        err = ERR_IO;
    } else if (file.too_long) {
        buffer_add_format(why, "%s: a line is longer than %d bytes", path, FILE_LINE_MAX);
        err = ERR_INVALID;
    } else if (line) {
        buffer_add_format(why, "%s:%d: ", path, line);
        if (line_why.size)
            buffer_add_slice(why, buffer_slice(&line_why));
        else
            buffer_add_format(why, "give name = value");
        err = ERR_INVALID;
    }
    fclose(file.stream);
    buffer_done(&line_why);
    return err;
}

// --- The command line ----------------------------------------------------------------------------

_Noreturn static void fail(struct buffer *why)
{
    fprintf(stderr, "quorate-node: %.*s\n", (int)why->size, (char *)why->data);
    exit(EXIT_USAGE);
}

static bool is_option(const struct argp_option *options, const char *name, size_t size,
                      bool *takes_value)
{
    static const char *const own[] = {"help", "usage", "version"};
    size_t i;

    *takes_value = false;
    for (i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strncmp(own[i], name, size) == 0)
            return true;
    for (; options->name; options++) {
        if (strncmp(options->name, name, size) == 0) {
            *takes_value = options->arg;
            return true;
        }
    }
    return false;
}

// Looks for names that are no option, and no beginning of one, before getopt does: it would not
// tell what was meant.
static void refuse_unknown(int argc, char **argv, const struct argp_option *options)
{
    struct buffer why = {0};
    bool takes_value;
    char *name;
    size_t size;
    int i;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0)
            return;
        if (strncmp(argv[i], "--", 2) != 0)
            continue;
        size = strcspn(argv[i] + 2, "=");
        name = strndup(argv[i] + 2, size);
        if (!is_option(options, name, size, &takes_value)) {
            command_line_add_unknown(name, &why);
            fail(&why);
        }
        if (takes_value && !argv[i][2 + size])
            i++;
        free(name);
    }
}

// Two columns; the second is wrapped at 80.
static void add_wrapped(struct buffer *out, const char *text, size_t column)
{
    size_t used = column, word;

    for (; *text; text += word + strspn(text + word, " ")) {
        word = strcspn(text, " ");
        if (used > column && used + 1 + word > 79) {
            buffer_add_format(out, "\n%*s", (int)column, "");
            used = column;
        }
        buffer_add_format(out, "%s%.*s", used > column ? " " : "", (int)word, text);
        used += word + (used > column);
    }
    buffer_add_u8(out, '\n');
}

static void print_settings(void)
{
    enum { COLUMN = 29 };
    const struct setting *setting;
    struct buffer out = {0};
    char text[256];
    size_t begin;

    buffer_add_format(&out, "All settings, as options and as names in a configuration file "
                            "(defaults in brackets):\n\n");
    for (setting = settings_table; setting->name; setting++) {
        begin = out.size;
        buffer_add_format(&out, "  --%s=%s ", setting->name, setting->argument);
        while (out.size - begin < COLUMN)
            buffer_add_u8(&out, ' ');
        snprintf(text, sizeof text, setting->fallback ? "%s [%s]" : "%s", setting->text,
                 setting->fallback);
        add_wrapped(&out, text, COLUMN);
    }
    fwrite(out.data, 1, out.size, stdout);
    buffer_done(&out);
}

static void take_given(struct command_line *line, const struct setting *setting, const char *text,
                       struct argp_state *state)
{
    if (line->count == GIVEN_MAX)
        argp_error(state, "too many options");
    line->given[line->count].setting = setting;
    line->given[line->count].text = text;
    line->count++;
    if (setting->offset == offsetof(struct settings, config))
        line->config = text;
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
    if (key == KEY_SETTINGS) {
        print_settings();
        exit(0);
    }
    if (key == ARGP_KEY_ARG) {
        argp_error(state, "%s: every setting is an option, like --data DIR", text);
        return EINVAL;
    }
    if (key < KEY_SETTING || key >= KEY_SETTING + OPTIONS_MAX)
        return ARGP_ERR_UNKNOWN;
    take_given(state->input, &settings_table[key - KEY_SETTING], text, state);
    return 0;
}

static void make_options(struct argp_option *options)
{
    int row;

    for (row = 0; settings_table[row].name; row++) {
        check(row < OPTIONS_MAX - 2);
        options[row] = (struct argp_option){.name = settings_table[row].name,
                                            .key = KEY_SETTING + row,
                                            .arg = settings_table[row].argument,
                                            .flags = settings_table[row].common ? 0 : OPTION_HIDDEN,
                                            .doc = settings_table[row].text,
                                            .group = row + 1}; // in this order
    }
    options[row] = (struct argp_option){.name = "settings",
                                        .key = KEY_SETTINGS,
                                        .doc = "List all settings and their defaults",
                                        .group = row + 1};
    options[row + 1] = (struct argp_option){0};
}

static void apply(struct command_line *line, struct settings *settings)
{
    struct buffer why = {0};
    bool joined = false;
    size_t i;

    if (line->config && command_line_read_file(line->config, settings, &why))
        fail(&why);
    for (i = 0; i < line->count; i++) {
        if (line->given[i].setting->kind == SETTING_JOIN && !joined) {
            settings->join_count = 0; // those of the file give way
            joined = true;
        }
        if (settings_set(settings, line->given[i].setting, line->given[i].text, &why))
            fail(&why);
    }
    if (settings_verify(settings, &why))
        fail(&why);
    buffer_done(&why);
}

static void print_version(FILE *stream, struct argp_state *state)
{
    (void)state;
    fprintf(stream, "quorate-node %s\n", QUORATE_VERSION);
}

void command_line_read(int argc, char **argv, struct settings *settings)
{
    struct argp_option options[OPTIONS_MAX];
    struct argp argp = {.options = options,
                        .parser = take_option,
                        .doc = "A node of a quorate cluster. Form one: quorate cluster init"};
    struct command_line line = {0};

    make_options(options);
    argp_program_version_hook = print_version;
    argp_err_exit_status = EXIT_USAGE;
    refuse_unknown(argc, argv, options);
    argp_parse(&argp, argc, argv, 0, NULL, &line);
    apply(&line, settings);
}
