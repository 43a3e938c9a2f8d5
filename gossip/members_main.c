// SPDX-License-Identifier: Apache-2.0
// quorate-members: who is in the ring, and who answers. It asks as an observer, which tells the
// other side nothing and leaves no trace there. Answers are laid side by side and printed once.
#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "gossip/observer.h"
#include "node/wire/meta.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_UNHEALTHY = 3, TIMEOUT_MS = 3000, PORT = 7401, COLUMNS = 8, WIDTH_MAX = 80 };

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_PLAIN };

struct options {
    char **addresses;
    size_t count;
    uint64_t timeout_ms;
    enum format format;
    bool color;
};

struct row {
    const struct observed *seen;
    struct node_meta meta;
    bool observer; // it has no meta of ours
    bool has_age;
    uint64_t age_ms; // since its state changed, by the first who told
};

struct report {
    struct observation seen;
    struct node_age *ages; // of all answers, in their order
    size_t age_count;
    struct row *rows;
    size_t count;
    size_t asked;
    size_t answered;
    size_t counts[MEMBER_LEFT + 1];
    size_t observers;
    size_t disputed;
    bool epochs_differ;
    bool digests_differ; // two topologies with one epoch
    uint64_t epoch_min;
    uint64_t epoch_max;
};

// --- Asking --------------------------------------------------------------------------------------

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int wait_for(int socket, short events, uint64_t deadline_ms)
{
    struct pollfd poll_of = {.fd = socket, .events = events};

    for (;;) {
        uint64_t now = now_ms();
        int ready;

        if (now >= deadline_ms)
            return ERR_TIMEOUT;
        ready = poll(&poll_of, 1, (int)(deadline_ms - now));
        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return ERR_IO;
    }
}

static int connect_to(const struct addrinfo *info, uint64_t deadline_ms, int *out)
{
    int error = 0;
    socklen_t size = sizeof error;
    int connection =
        socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    int err = 0;

    if (connection < 0)
        return ERR_CONNECT;
    if (connect(connection, info->ai_addr, info->ai_addrlen) && errno != EINPROGRESS)
        err = ERR_CONNECT;
    if (!err)
        err = wait_for(connection, POLLOUT, deadline_ms);
    if (!err && (getsockopt(connection, SOL_SOCKET, SO_ERROR, &error, &size) || error))
        err = ERR_CONNECT;
    if (err)
        close(connection);
    else
        *out = connection;
    return err;
}

static int connect_name(const char *host, uint16_t port, uint64_t deadline_ms, int *out)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char service[8];
    int err = ERR_CONNECT;

    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found))
        return ERR_CONNECT;
    for (struct addrinfo *info = found; info && err; info = info->ai_next)
        err = connect_to(info, deadline_ms, out);
    freeaddrinfo(found);
    return err;
}

static int send_all(int connection, struct slice bytes, uint64_t deadline_ms)
{
    while (bytes.size) {
        ssize_t sent = send(connection, bytes.data, bytes.size, MSG_NOSIGNAL);
        int err = 0;

        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return ERR_CLOSED;
        if (sent < 0)
            err = wait_for(connection, POLLOUT, deadline_ms);
        else
            bytes = slice_of(bytes.data + sent, bytes.size - (size_t)sent);
        if (err)
            return err;
    }
    return 0;
}

static int receive(int connection, uint64_t deadline_ms, struct buffer *in)
{
    struct exchange_scan scan = {0};
    int err = ERR_AGAIN;

    while (err == ERR_AGAIN) {
        uint8_t bytes[16384];
        ssize_t got;

        err = wait_for(connection, POLLIN, deadline_ms);
        if (err)
            return err;
        got = recv(connection, bytes, sizeof bytes, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return ERR_CLOSED;
        if (got > 0)
            buffer_add(in, bytes, (size_t)got);
        err = exchange_scan(&scan, buffer_slice(in), OBSERVER_ANSWER_MAX);
    }
    return err;
}

static int ask(const char *address, uint64_t timeout_ms, struct buffer *in)
{
    uint64_t deadline_ms = now_ms() + timeout_ms;
    struct buffer request = {0};
    char host[256];
    uint16_t port;
    int connection = -1;
    int err;

    check(text_read_address(address, PORT, host, &port) == 0);
    err = connect_name(host, port, deadline_ms, &connection);
    if (err)
        return err;
    observation_ask(&request);
    err = send_all(connection, buffer_slice(&request), deadline_ms);
    if (!err)
        err = receive(connection, deadline_ms, in);
    buffer_done(&request);
    close(connection);
    return err;
}

// --- Laying answers side by side -----------------------------------------------------------------

static int take_answer(struct report *report, struct slice answer)
{
    struct buffer user_state = {0};
    int err = observation_take(&report->seen, answer, &user_state);
    size_t count = 0;

    report->ages =
        memory_grow(report->ages, (report->age_count + META_AGES_MAX) * sizeof *report->ages);
    if (!err && meta_decode_ages(buffer_slice(&user_state), report->ages + report->age_count,
                                 META_AGES_MAX, &count) == 0)
        report->age_count += count;
    buffer_done(&user_state);
    return err;
}

static void make_row(const struct report *report, const struct observed *seen, struct row *row)
{
    uint64_t node_id = member_read_name(slice_of_text(seen->name));

    row->seen = seen;
    row->observer = meta_decode_of(node_id, slice_of(seen->meta, seen->meta_size), &row->meta) != 0;
    for (size_t i = 0; i < report->age_count && !row->has_age && node_id; i++) {
        row->has_age = report->ages[i].node_id == node_id;
        row->age_ms = report->ages[i].age_ms;
    }
}

static void make_rows(struct report *report)
{
    observation_finish(&report->seen);
    report->count = report->seen.count;
    report->rows = memory_new((report->count + 1) * sizeof *report->rows);
    for (size_t i = 0; i < report->count; i++)
        make_row(report, &report->seen.rows[i], &report->rows[i]);
}

static const char *shown_name(const struct row *row)
{
    return !row->observer && row->meta.name[0] ? row->meta.name : row->seen->name;
}

static int compare_rows(const void *left, const void *right)
{
    const struct row *a = left;
    const struct row *b = right;
    int order = strcmp(shown_name(a), shown_name(b));

    return order ? order : strcmp(a->seen->name, b->seen->name);
}

static void count_epoch(struct report *report, const struct row *row, const struct row **first)
{
    if (row->observer || row->seen->state != MEMBER_ALIVE)
        return;
    if (!*first) {
        *first = row;
        report->epoch_min = row->meta.epoch;
    }
    if (row->meta.epoch < report->epoch_min)
        report->epoch_min = row->meta.epoch;
    if (row->meta.epoch > report->epoch_max)
        report->epoch_max = row->meta.epoch;
    if (row->meta.epoch == (*first)->meta.epoch && row->meta.digest != (*first)->meta.digest)
        report->digests_differ = true;
}

static void sum_up(struct report *report)
{
    const struct row *first = NULL;

    make_rows(report);
    if (report->count)
        qsort(report->rows, report->count, sizeof *report->rows, compare_rows);
    for (size_t i = 0; i < report->count; i++) {
        const struct row *row = &report->rows[i];

        report->counts[row->seen->state]++;
        report->observers += row->observer;
        report->disputed += row->seen->disputed;
        count_epoch(report, row, &first);
    }
    report->epochs_differ = report->epoch_min != report->epoch_max;
}

// --- Printing ------------------------------------------------------------------------------------

static void print_verdict(const struct report *report)
{
    printf("%zu member%s, %zu alive", report->count, report->count == 1 ? "" : "s",
           report->counts[MEMBER_ALIVE]);
    for (int state = MEMBER_SUSPECT; state <= MEMBER_LEFT; state++) {
        if (report->counts[state])
            printf(", %zu %s", report->counts[state], member_state_text((enum member_state)state));
    }
    if (report->epochs_differ)
        printf("; epochs differ: %" PRIu64 " to %" PRIu64, report->epoch_min, report->epoch_max);
    else if (report->digests_differ)
        printf("; two topologies with epoch %" PRIu64, report->epoch_max);
    else if (report->observers == report->count)
        printf("; no topology");
    else
        printf("; one epoch (%" PRIu64 ")", report->epoch_max);
    if (report->observers)
        printf("; %zu observer%s", report->observers, report->observers == 1 ? "" : "s");
    if (report->answered > 1 && report->disputed)
        printf("; the asked disagree about %zu", report->disputed);
    else if (report->answered > 1)
        printf("; the %zu asked agree", report->answered);
    printf("\n");
}

static void write_age(uint64_t ms, char out[32])
{
    static const uint64_t seconds[] = {1, 60, 3600, 86400};
    uint64_t s = ms / 1000;
    unsigned unit = s < 120 ? 0 : s < 7200 ? 1 : s < 172800 ? 2 : 3;

    snprintf(out, 32, "%" PRIu64 "%c", s / seconds[unit], "smhd"[unit]);
}

struct cells {
    char text[COLUMNS][SWIM_NAME_MAX + 1];
};

static void fill_cells(const struct row *row, struct cells *cells)
{
    const struct node_meta *meta = &row->meta;
    char address[SWIM_ADDRESS_TEXT];
    size_t size = sizeof cells->text[0];

    snprintf(cells->text[0], size, "%s", shown_name(row));
    snprintf(cells->text[1], size, "%s", swim_address_text(&row->seen->address, address));
    snprintf(cells->text[2], size, "%s%s", member_state_text(row->seen->state),
             row->seen->disputed ? "?" : "");
    for (size_t i = 3; i < COLUMNS; i++)
        snprintf(cells->text[i], size, "-");
    if (!row->observer) {
        snprintf(cells->text[3], size, "%s", meta->zone[0] ? meta->zone : "-");
        snprintf(cells->text[4], size, "%" PRIu64, meta->epoch);
        snprintf(cells->text[5], size, "%" PRIu32, meta->shards);
        snprintf(cells->text[7], size, "%s", meta->build[0] ? meta->build : "-");
    }
    if (row->has_age)
        write_age(row->age_ms, cells->text[6]);
}

static const char *const colors[] = {
    [MEMBER_ALIVE] = "\033[32m",
    [MEMBER_SUSPECT] = "\033[33m",
    [MEMBER_DEAD] = "\033[31m",
    [MEMBER_LEFT] = "\033[2m",
};

static void print_cells(const struct cells *cells, const size_t widths[COLUMNS], size_t columns,
                        const char *color)
{
    for (size_t i = 0; i < columns; i++) {
        bool number = i >= 4 && i <= 6;
        int width = i + 1 == columns && !number ? 0 : (int)widths[i];
        bool painted = color && i == 2;

        printf("%s%s%*.*s%s", i ? "  " : "", painted ? color : "", number ? width : -width,
               (int)widths[i], cells->text[i], painted ? "\033[0m" : "");
    }
    printf("\n");
}

// Names and zones give way first when the table is too wide; the build column is left out before.
static size_t fit_widths(size_t widths[COLUMNS])
{
    static const size_t yielding[] = {3, 0, 1};
    size_t columns = COLUMNS;
    size_t total = 0;

    for (size_t i = 0; i < COLUMNS; i++)
        total += widths[i] + (i ? 2 : 0);
    if (total > WIDTH_MAX)
        total -= widths[--columns] + 2;
    for (size_t i = 0; i < sizeof yielding / sizeof yielding[0]; i++) {
        size_t *width = &widths[yielding[i]];

        while (total > WIDTH_MAX && *width > 8) {
            --*width;
            --total;
        }
    }
    return columns;
}

static void print_table(const struct report *report, bool color)
{
    static const struct cells head = {
        {"NAME", "ADDRESS", "STATE", "ZONE", "EPOCH", "SHARDS", "AGE", "BUILD"}};
    size_t widths[COLUMNS];
    size_t columns;
    struct cells cells;

    for (size_t i = 0; i < COLUMNS; i++)
        widths[i] = strlen(head.text[i]);
    for (size_t at = 0; at < report->count; at++) {
        fill_cells(&report->rows[at], &cells);
        for (size_t i = 0; i < COLUMNS; i++) {
            if (strlen(cells.text[i]) > widths[i])
                widths[i] = strlen(cells.text[i]);
        }
    }
    columns = fit_widths(widths);
    print_verdict(report);
    print_cells(&head, widths, columns, NULL);
    for (size_t at = 0; at < report->count; at++) {
        fill_cells(&report->rows[at], &cells);
        print_cells(&cells, widths, columns, color ? colors[report->rows[at].seen->state] : NULL);
    }
}

static void print_plain(const struct report *report)
{
    for (size_t at = 0; at < report->count; at++) {
        struct cells cells;

        fill_cells(&report->rows[at], &cells);
        for (size_t i = 0; i < COLUMNS; i++)
            printf("%s%s", cells.text[i], i + 1 == COLUMNS ? "\n" : "\t");
    }
}

static void add_json_text(struct buffer *out, const char *key, const char *text)
{
    buffer_add_format(out, ",\"%s\":", key);
    text_add_json(out, slice_of_text(text));
}

static void add_json_row(struct buffer *out, const struct row *row)
{
    const struct node_meta *meta = &row->meta;
    char address[SWIM_ADDRESS_TEXT];

    buffer_add_format(out, "{\"id\":");
    text_add_json(out, slice_of_text(row->seen->name));
    add_json_text(out, "address", swim_address_text(&row->seen->address, address));
    add_json_text(out, "state", member_state_text(row->seen->state));
    buffer_add_format(out, ",\"incarnation\":%" PRIu32 ",\"disputed\":%s,\"observer\":%s",
                      row->seen->incarnation, row->seen->disputed ? "true" : "false",
                      row->observer ? "true" : "false");
    if (row->has_age)
        buffer_add_format(out, ",\"age_ms\":%" PRIu64, row->age_ms);
    if (!row->observer) {
        add_json_text(out, "name", meta->name);
        add_json_text(out, "zone", meta->zone);
        add_json_text(out, "host", meta->host);
        add_json_text(out, "client_address", meta->client_address);
        add_json_text(out, "peer_address", meta->peer_address);
        add_json_text(out, "build", meta->build);
        buffer_add_format(out,
                          ",\"cluster\":\"%016" PRIx64 "\",\"digest\":\"%016" PRIx64
                          "\",\"epoch\":%" PRIu64 ",\"shards\":%" PRIu32 ",\"weight\":%" PRIu32,
                          meta->cluster, meta->digest, meta->epoch, meta->shards, meta->weight);
    }
    buffer_add_format(out, "}");
}

static void print_json(const struct report *report, bool healthy)
{
    struct buffer out = {0};

    buffer_add_format(&out, "{\"healthy\":%s,\"asked\":%zu,\"answered\":%zu,\"count\":%zu",
                      healthy ? "true" : "false", report->asked, report->answered, report->count);
    for (int state = MEMBER_ALIVE; state <= MEMBER_LEFT; state++)
        buffer_add_format(&out, ",\"%s\":%zu", member_state_text((enum member_state)state),
                          report->counts[state]);
    buffer_add_format(&out,
                      ",\"observers\":%zu,\"disputed\":%zu,\"epoch_min\":%" PRIu64
                      ",\"epoch_max\":%" PRIu64 ",\"digests_differ\":%s,\"members\":[",
                      report->observers, report->disputed, report->epoch_min, report->epoch_max,
                      report->digests_differ ? "true" : "false");
    for (size_t i = 0; i < report->count; i++) {
        buffer_add_format(&out, "%s", i ? "," : "");
        add_json_row(&out, &report->rows[i]);
    }
    buffer_add_format(&out, "]}\n");
    fwrite(out.data, 1, out.size, stdout);
    buffer_done(&out);
}

// --- The program ---------------------------------------------------------------------------------

const char *argp_program_version = "quorate-members " QUORATE_VERSION;

static const struct argp_option argp_options[] = {
    {"timeout", 't', "TIME", 0, "give up on an address after TIME (3s; 500ms, 10s, ...)", 0},
    {"format", 'f', "FORMAT", 0, "table, json, or plain (a line of tab-separated cells each)", 0},
    {"no-color", 'n', NULL, 0, "no colour (nor with NO_COLOR set, or off a terminal)", 0},
    {0},
};

static error_t take_format(struct argp_state *state, const char *text, enum format *out)
{
    static const char *const names[] = {"table", "json", "plain"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum format)i;
            return 0;
        }
    }
    argp_error(state, "--format %s: no such format: use table, json or plain", text);
    return EINVAL;
}

// An address that is none would be reported as a node that does not answer.
static void take_addresses(struct argp_state *state, struct options *options)
{
    char host[256];
    uint16_t port;

    options->addresses = state->argv + state->next;
    options->count = (size_t)(state->argc - state->next);
    for (size_t i = 0; i < options->count; i++) {
        if (text_read_address(options->addresses[i], PORT, host, &port) || port == 0)
            argp_error(state, "%s: no such address: use HOST:PORT", options->addresses[i]);
    }
}

static error_t take_option(int key, char *value, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case 't':
        if (text_read_ms(value, &options->timeout_ms) || options->timeout_ms == 0 ||
            options->timeout_ms > 3600 * 1000)
            argp_error(state, "--timeout %s: not a time within 1ms to 1h: use 3s", value);
        return 0;
    case 'f':
        return take_format(state, value, &options->format);
    case 'n':
        options->color = false;
        return 0;
    case ARGP_KEY_ARGS:
        take_addresses(state, options);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "no address given: name at least one member, HOST:PORT");
        return EINVAL;
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
           "Ends with 0: all well; 2: usage; 3: a member is suspect or dead, epochs or asked "
           "members differ, or an address does not answer; 5: none answers.",
};

static void collect(const struct options *options, struct report *report)
{
    for (size_t i = 0; i < options->count; i++) {
        struct buffer in = {0};
        int err = ask(options->addresses[i], options->timeout_ms, &in);

        if (!err)
            err = take_answer(report, buffer_slice(&in));
        if (err)
            fprintf(stderr,
                    "quorate-members: ask %s: %s (%zu of %zu asked): check that a node runs there "
                    "and that this is its gossip address\n",
                    options->addresses[i], err == ERR_TIMEOUT ? "no answer in time" : err_text(err),
                    i + 1, options->count);
        else
            report->answered++;
        buffer_done(&in);
    }
}

int main(int argc, char **argv)
{
    const char *no_color = getenv("NO_COLOR");
    struct options options = {.timeout_ms = TIMEOUT_MS};
    struct report report = {0};
    bool healthy;

    options.color = isatty(STDOUT_FILENO) && !(no_color && no_color[0]);
    argp_err_exit_status = 2;
    argp_parse(&program, argc, argv, 0, NULL, &options);
    report.asked = options.count;
    collect(&options, &report);
    sum_up(&report);
    healthy = report.answered == report.asked && report.counts[MEMBER_SUSPECT] == 0 &&
              report.counts[MEMBER_DEAD] == 0 && report.disputed == 0 && !report.epochs_differ &&
              !report.digests_differ;
    if (options.format == FORMAT_JSON)
        print_json(&report, healthy);
    else if (report.answered && options.format == FORMAT_TABLE)
        print_table(&report, options.color);
    else if (report.answered)
        print_plain(&report);
    free(report.rows);
    free(report.ages);
    observation_done(&report.seen);
    if (report.answered == 0)
        return err_exit(ERR_CONNECT);
    return healthy ? 0 : EXIT_UNHEALTHY;
}
