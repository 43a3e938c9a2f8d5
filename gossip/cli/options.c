// SPDX-License-Identifier: Apache-2.0
#include "gossip/cli/options.h"

#include "base/text.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    KEY_DIFF = 0x100,
    KEY_WAIT,
    KEY_STATE,
    KEY_ZONE,
    KEY_NAME,
    KEY_KEY,
    KEY_KEY_FILE,
    KEY_LABEL,
    EXIT_USAGE = 2,
    TIMEOUT_MS = 3000,
    WAIT_MS = 30000,
    INTERVAL_MS = 1000,
    TIME_MAX_MS = 3600 * 1000,
    KEY_FILE_MAX = 4096
};

const char *argp_program_version = "quorate-members " QUORATE_VERSION;

static const struct argp_option argp_options[] = {
    {"all", 'a', NULL, 0, "Ask also all members that the asked ones name", 0},
    {"diff", KEY_DIFF, NULL, 0, "Ask all members; show only the cells that differ", 0},
    {"watch", 'w', NULL, 0, "Show the table again and again; q quits, h lists the keys", 0},
    {"interval", 'i', "TIME", 0, "Of --watch (1s)", 0},
    {"wait", KEY_WAIT, "COUNT", 0,
     "Wait until COUNT members are alive (of those shown, for all that are asked)", 0},
    {"timeout", 't', "TIME", 0,
     "Give up on an address after TIME (3s), on --wait as a whole (30s): 500ms, 10s, 5m, or "
     "seconds",
     0},
    {"state", KEY_STATE, "STATE", 0,
     "Show only members that are alive, suspect, dead or left; "
     "several with commas",
     0},
    {"zone", KEY_ZONE, "PATTERN", 0, "Show only members of these zones (*, ?, [a-z])", 0},
    {"name", KEY_NAME, "PATTERN", 0, "Show only members of these names", 0},
    {"key", KEY_KEY, "BASE64", 0,
     "Key of an encrypted ring; the shell remembers it, so rather:", 0},
    {"key-file", KEY_KEY_FILE, "FILE", 0, "Keys of an encrypted ring, in base64, one a line", 0},
    {"label", KEY_LABEL, "TEXT", 0, "Label of the ring", 0},
    {"format", 'f', "FORMAT", 0, "table, json, or plain (a line of tab-separated cells each)", 0},
    {"no-color", 'n', NULL, 0, "No colour (nor with NO_COLOR set, or off a terminal)", 0},
    {0},
};

static void take_format(struct argp_state *state, const char *text, struct options *options)
{
    static const char *const names[] = {"table", "json", "plain"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            options->format = (enum format)i;
            options->has_format = true;
            return;
        }
    }
    argp_error(state, "--format %s: no such format: use table, json or plain", text);
}

// A number alone is seconds: who waits for members counts in those.
static uint64_t take_time(struct argp_state *state, const char *option, const char *text)
{
    uint64_t ms = 0;
    uint64_t seconds;

    if (text_read_u64(text, 0, TIME_MAX_MS / 1000, &seconds) == 0)
        ms = seconds * 1000;
    else if (text_read_ms(text, &ms))
        ms = 0;
    if (ms == 0 || ms > TIME_MAX_MS)
        argp_error(state,
                   "--%s %s: not a time within 1ms to 1h: use 3s, 500ms or a number of seconds",
                   option, text);
    return ms;
}

static unsigned state_bit(struct slice word)
{
    for (int i = MEMBER_ALIVE; i <= MEMBER_LEFT; i++) {
        if (slice_is(word, member_state_text((enum member_state)i)))
            return 1U << i;
    }
    return 0;
}

static void take_states(struct argp_state *state, const char *text, struct filter *filter)
{
    for (const char *at = text; *at; at += strspn(at, ",")) {
        size_t size = strcspn(at, ",");
        unsigned bit = state_bit(slice_of(at, size));

        if (!bit)
            argp_error(state, "--state %s: no such state: use alive, suspect, dead or left", text);
        filter->states |= bit;
        at += size;
    }
}

static void take_keys(struct argp_state *state, const char *where, struct slice text,
                      struct guard *guard)
{
    struct buffer why = {0};
    struct keyring keys = {0};

    if (keyring_read(&keys, text, &why))
        argp_error(state, "%s: %.*s", where, (int)why.size, (const char *)why.data);
    for (size_t i = 0; i < keys.count; i++) {
        if (keyring_add(&guard->keys, slice_of(keys.keys[i].bytes, keys.keys[i].size)))
            argp_error(state, "%s: more than %d keys", where, KEYRING_KEYS_MAX);
    }
    keyring_done(&keys);
    buffer_done(&why);
}

static void take_key_file(struct argp_state *state, const char *path, struct guard *guard)
{
    FILE *file = fopen(path, "re");
    char text[KEY_FILE_MAX];
    size_t size;

    if (!file)
        argp_error(state, "--key-file %s: %s", path, strerror(errno));
    size = fread(text, 1, sizeof text, file);
    if (ferror(file) || size == sizeof text)
        argp_error(state, "--key-file %s: not a file of keys", path);
    fclose(file);
    take_keys(state, "--key-file", slice_of(text, size), guard);
    explicit_bzero(text, sizeof text);
}

// An address that is none would be reported as a node that does not answer.
static void take_addresses(struct argp_state *state, struct options *options)
{
    char host[256];
    uint16_t port;

    options->addresses = state->argv + state->next;
    options->count = (size_t)(state->argc - state->next);
    for (size_t i = 0; i < options->count; i++) {
        if (text_read_address(options->addresses[i], ASK_PORT, host, &port) || port == 0)
            argp_error(state, "%s: no such address: use HOST:PORT", options->addresses[i]);
    }
}

static void verify(struct argp_state *state, struct options *options)
{
    if (options->watch && options->has_format)
        argp_error(state, "--watch shows the table: leave out --format");
    if (options->watch && (options->diff || options->has_wait))
        argp_error(state, "--watch goes with neither --diff nor --wait: use one of them");
    if (options->diff && options->has_wait)
        argp_error(state, "--diff and --wait do not go together: wait first");
    if (options->watch && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
        argp_error(state, "--watch needs a terminal: use --format plain in a loop");
    if (!options->has_timeout)
        options->timeout_ms = options->has_wait ? WAIT_MS : TIMEOUT_MS;
}

static error_t take_option(int key, char *value, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case 'a':
        options->all = true;
        return 0;
    case KEY_DIFF:
        options->diff = true;
        return 0;
    case 'w':
        options->watch = true;
        return 0;
    case 'i':
        options->interval_ms = take_time(state, "interval", value);
        return 0;
    case KEY_WAIT:
        options->has_wait = true;
        if (text_read_u64(value, 0, OBSERVER_ROWS_MAX, &options->wait))
            argp_error(state, "--wait %s: no number of members: use 3", value);
        return 0;
    case 't':
        options->timeout_ms = take_time(state, "timeout", value);
        options->has_timeout = true;
        return 0;
    case KEY_STATE:
        take_states(state, value, &options->filter);
        return 0;
    case KEY_ZONE:
        options->filter.zone = value;
        return 0;
    case KEY_NAME:
        options->filter.name = value;
        return 0;
    case KEY_KEY:
        take_keys(state, "--key", slice_of_text(value), &options->guard);
        explicit_bzero(value, strlen(value)); // out of the list of processes
        return 0;
    case KEY_KEY_FILE:
        take_key_file(state, value, &options->guard);
        return 0;
    case KEY_LABEL:
        if (guard_set_label(&options->guard, slice_of_text(value)))
            argp_error(state, "--label: not a text of 1 to 255 bytes");
        return 0;
    case 'f':
        take_format(state, value, options);
        return 0;
    case 'n':
        options->no_color = true;
        return 0;
    case ARGP_KEY_ARGS:
        take_addresses(state, options);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "no address given: name at least one member, HOST:PORT");
        return EINVAL;
    case ARGP_KEY_SUCCESS:
        verify(state, options);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp program = {
    .options = argp_options,
    .parser = take_option,
    .args_doc = "HOST[:PORT]...",
    .doc = "Shows who is in the ring and who answers, as the members at the given gossip "
           "addresses (port 7401 if none is given) know it.\v"
           "Asking is harmless: it joins nothing and changes nothing. With several addresses "
           "the answers are compared; a state with a ? is disputed.\n\n"
           "Ends with 0: all well (--wait: COUNT are alive; --diff: nothing differs); 2: usage; "
           "3: a member is suspect or dead, epochs or asked members differ, or an address does "
           "not answer; 5: none answers.",
};

void members_options_read(int argc, char **argv, struct options *options)
{
    const char *no_color = getenv("NO_COLOR");

    *options = (struct options){.interval_ms = INTERVAL_MS};
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&program, argc, argv, 0, NULL, options);
    if (!isatty(STDOUT_FILENO) || (no_color && no_color[0]))
        options->no_color = true;
}
