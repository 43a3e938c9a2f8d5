// SPDX-License-Identifier: Apache-2.0
//
// A member of a ring on our machine, for tests of interoperation: the same commands and lines as
// gossip_member.go, beside which it stands. As a Serf agent would with --serf.
//
//      gossip_member_main --name HEX --bind IP:PORT [--join IP:PORT] [--meta HEX] [--key BASE64]
//                         [--label TEXT] [--serf]
//
// One command more: "cry WORD" sends a user message to all.
//
// A name is 16 hex digits. Text behind "shout" and "say" that begins with 0x is sent as bytes.

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "gossip/swim.h"
#include "tests/lib/wait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STREAMS_MAX = 64, BYTES_MAX = 64 << 10 };

struct stream {
    uint64_t number; // 0: free
    int socket;
    bool connecting;
    bool closing; // once what waits is out
    struct buffer out;
};

struct program {
    struct swim *swim;
    struct guard guard;
    int udp, tcp;
    struct stream streams[STREAMS_MAX];
    struct buffer commands;
    bool left;
};

static _Noreturn void fail(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    printf("failed ");
    vprintf(format, values);
    printf("\n");
    va_end(values);
    exit(1);
}

static void fill_random(void *unused, uint8_t *out, size_t size)
{
    (void)unused;
    check(getrandom(out, size, 0) == (ssize_t)size);
}

// --- Addresses and bytes as text -----------------------------------------------------------------

static struct swim_address address_of_text(const char *text)
{
    char host[256];
    uint16_t port;
    uint8_t ip[4];

    if (text_read_address(text, 0, host, &port) || inet_pton(AF_INET, host, ip) != 1)
        fail("%s: not IP:PORT", text);
    return swim_address_of(slice_of(ip, sizeof ip), port);
}

static struct sockaddr_in to_socket(const struct swim_address *address)
{
    struct sockaddr_in out = {.sin_family = AF_INET, .sin_port = htons(address->port)};

    memcpy(&out.sin_addr, address->bytes, sizeof out.sin_addr);
    return out;
}

static struct swim_address from_socket(const struct sockaddr_in *address)
{
    return swim_address_of(slice_of(&address->sin_addr, 4), ntohs(address->sin_port));
}

static void read_hex(const char *text, struct buffer *out)
{
    unsigned byte;

    for (; text[0] && sscanf(text, "%2x", &byte) == 1; text += text[1] ? 2 : 1)
        buffer_add_u8(out, (uint8_t)byte);
}

static void tell_meta(const char *what, const struct swim_member *member)
{
    printf("%s %s ", what, member->name);
    if (what[0] == 'm')
        printf("%d ", member->state);
    for (size_t i = 0; i < member->meta_size; i++)
        printf("%02x", member->meta[i]);
    printf("\n");
}

// Text as it is, other bytes in hex.
static void tell_heard(struct slice bytes)
{
    printf("heard ");
    for (size_t i = 0; i < bytes.size; i++)
        printf(text_is_printable(bytes) ? "%c" : "%02x", bytes.data[i]);
    printf("\n");
}

// --- Streams -------------------------------------------------------------------------------------

static struct stream *stream_of(struct program *program, uint64_t number)
{
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        if (program->streams[i].number == number)
            return &program->streams[i];
    }
    return NULL;
}

static void perform(struct program *program);

static void drop(struct stream *stream)
{
    close(stream->socket);
    buffer_done(&stream->out);
    *stream = (struct stream){0};
}

static void ended(struct program *program, struct stream *stream, int err)
{
    uint64_t number = stream->closing ? 0 : stream->number;

    drop(stream);
    if (number) {
        swim_stream_ended(program->swim, wait_now_ms(), number, err);
        perform(program);
    }
}

static void open_stream(struct program *program, const struct swim_action *action)
{
    struct sockaddr_in address = to_socket(&action->address);
    struct stream *stream = stream_of(program, 0);

    check(stream);
    stream->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    stream->number = action->stream;
    stream->connecting = true;
    buffer_add_slice(&stream->out, action->bytes);
    // A refusal at once is seen by the poll as well.
    (void)!connect(stream->socket, (struct sockaddr *)&address, sizeof address);
}

static void accept_stream(struct program *program)
{
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    int socket = accept4(program->tcp, (struct sockaddr *)&from, &size, SOCK_NONBLOCK);
    struct swim_address address = from_socket(&from);
    struct stream *stream = stream_of(program, 0);
    uint64_t number = 0;

    if (socket < 0)
        return;
    if (stream)
        number = swim_accept(program->swim, wait_now_ms(), &address);
    if (number)
        *stream = (struct stream){.number = number, .socket = socket};
    else
        close(socket);
    perform(program);
}

static void flush_stream(struct program *program, struct stream *stream)
{
    ssize_t size = send(stream->socket, stream->out.data, stream->out.size, MSG_NOSIGNAL);

    if (size < 0 && errno != EAGAIN && errno != EINTR) {
        ended(program, stream, stream->connecting ? ERR_CONNECT : ERR_CLOSED);
        return;
    }
    stream->connecting = false;
    if (size > 0)
        buffer_drop(&stream->out, (size_t)size);
    if (stream->closing && stream->out.size == 0)
        drop(stream);
}

static void read_stream(struct program *program, struct stream *stream)
{
    static uint8_t bytes[BYTES_MAX];
    ssize_t size = recv(stream->socket, bytes, sizeof bytes, 0);

    if ((size < 0 && (errno == EAGAIN || errno == EINTR)) || (size > 0 && stream->closing))
        return;
    if (size <= 0) {
        ended(program, stream, stream->connecting ? ERR_CONNECT : ERR_CLOSED);
        return;
    }
    swim_stream_bytes(program->swim, wait_now_ms(), stream->number, slice_of(bytes, (size_t)size));
    perform(program);
}

// --- The machine's actions -----------------------------------------------------------------------

static void tell_notice(const struct swim_action *action)
{
    switch (action->notice) {
    case SWIM_JOINED:
        tell_meta("join", action->member);
        break;
    case SWIM_UPDATED:
        tell_meta("update", action->member);
        break;
    case SWIM_DEAD:
    case SWIM_LEFT:
        printf("leave %s\n", action->member->name);
        break;
    default:
        break;
    }
}

static void perform_stream(struct program *program, const struct swim_action *action)
{
    struct stream *stream = stream_of(program, action->stream);

    if (action->kind == SWIM_OPEN) {
        open_stream(program, action);
    } else if (stream && action->kind == SWIM_WRITE) {
        buffer_add_slice(&stream->out, action->bytes);
    } else if (stream) {
        stream->closing = true;
        if (stream->out.size == 0)
            drop(stream);
    }
}

static void send_datagram(struct program *program, const struct swim_address *to,
                          struct slice bytes)
{
    struct sockaddr_in address = to_socket(to);

    // One that is not taken is one that was lost.
    (void)!sendto(program->udp, bytes.data, bytes.size, 0, (struct sockaddr *)&address,
                  sizeof address);
}

static void perform_one(struct program *program, const struct swim_action *action)
{
    switch (action->kind) {
    case SWIM_DATAGRAM:
        send_datagram(program, &action->address, action->bytes);
        break;
    case SWIM_OPEN:
    case SWIM_WRITE:
    case SWIM_CLOSE:
        perform_stream(program, action);
        break;
    case SWIM_NOTICE:
        tell_notice(action);
        break;
    case SWIM_USER_MESSAGE:
        tell_heard(action->bytes);
        break;
    case SWIM_JOIN_RESULT:
        if (action->err)
            fail("join: %s", err_code(action->err));
        break;
    case SWIM_LEFT_RING:
        printf("left\n");
        program->left = true;
        break;
    case SWIM_USER_STATE:
        break;
    }
}

static void perform(struct program *program)
{
    size_t count;
    const struct swim_action *actions = swim_actions(program->swim, &count);

    for (size_t i = 0; i < count; i++)
        perform_one(program, &actions[i]);
    fflush(stdout);
}

// --- Commands ------------------------------------------------------------------------------------

static void tell_members(const struct program *program)
{
    size_t count = 0;

    for (size_t i = 0; i < swim_count(program->swim); i++) {
        const struct swim_member *member = swim_at(program->swim, i);

        if (member->state > MEMBER_SUSPECT)
            continue;
        tell_meta("member", member);
        count++;
    }
    printf("members %zu\n", count);
}

static const struct swim_member *member_named(const struct program *program, const char *name)
{
    for (size_t i = 0; i < swim_count(program->swim); i++) {
        if (strcmp(swim_at(program->swim, i)->name, name) == 0)
            return swim_at(program->swim, i);
    }
    return NULL;
}

static void send_user(struct program *program, const char *how, const char *name, const char *text)
{
    const struct swim_member *to = member_named(program, name);
    struct buffer payload = {0};

    if (!to) {
        printf("unknown %s\n", name);
        return;
    }
    if (strncmp(text, "0x", 2) == 0)
        read_hex(text + 2, &payload);
    else
        buffer_add(&payload, text, strlen(text));
    if (strcmp(how, "say") == 0)
        swim_send_stream(program->swim, wait_now_ms(), &to->address, buffer_slice(&payload));
    else
        swim_send(program->swim, wait_now_ms(), &to->address, buffer_slice(&payload));
    perform(program);
    buffer_done(&payload);
}

static void obey(struct program *program, char *line)
{
    char *name, *text, *word = strtok_r(line, " ", &text);
    struct buffer meta = {0};

    if (!word)
        return;
    name = strtok_r(NULL, " ", &text);
    if (strcmp(word, "members") == 0) {
        tell_members(program);
    } else if (strcmp(word, "leave") == 0) {
        swim_leave(program->swim, wait_now_ms());
        perform(program);
    } else if (strcmp(word, "meta") == 0 && name) {
        read_hex(name, &meta);
        swim_set_meta(program->swim, wait_now_ms(), buffer_slice(&meta));
        perform(program);
    } else if (strcmp(word, "cry") == 0 && name) {
        swim_broadcast(program->swim, wait_now_ms(), 1, slice_of_text(name));
        perform(program);
    } else if (name && text) {
        send_user(program, word, name, text);
    }
    buffer_done(&meta);
    fflush(stdout);
}

// False at the end of the commands.
static bool read_commands(struct program *program)
{
    char bytes[1024];
    ssize_t size = read(STDIN_FILENO, bytes, sizeof bytes);
    uint8_t *end;

    if (size <= 0)
        return false;
    buffer_add(&program->commands, bytes, (size_t)size);
    while ((end = memchr(program->commands.data, '\n', program->commands.size))) {
        size_t line = (size_t)(end - program->commands.data) + 1;

        *end = '\0';
        obey(program, (char *)program->commands.data);
        buffer_drop(&program->commands, line);
    }
    return true;
}

// --- Waiting -------------------------------------------------------------------------------------

static void read_datagram(struct program *program)
{
    static uint8_t bytes[BYTES_MAX];
    struct sockaddr_in from;
    socklen_t room = sizeof from;
    ssize_t size = recvfrom(program->udp, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &room);
    struct swim_address address = from_socket(&from);

    if (size <= 0)
        return;
    swim_datagram(program->swim, wait_now_ms(), &address, slice_of(bytes, (size_t)size));
    perform(program);
}

static void serve_streams(struct program *program, const struct pollfd *polls,
                          const uint64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct stream *stream = numbers[i] ? stream_of(program, numbers[i]) : NULL;

        if (stream && polls[i].revents & (POLLOUT | POLLERR))
            flush_stream(program, stream);
        stream = numbers[i] ? stream_of(program, numbers[i]) : NULL;
        if (stream && polls[i].revents & (POLLIN | POLLHUP))
            read_stream(program, stream);
    }
}

static bool turn(struct program *program)
{
    struct pollfd polls[STREAMS_MAX + 3];
    uint64_t numbers[STREAMS_MAX] = {0};
    uint64_t due = swim_deadline(program->swim), now = wait_now_ms();
    bool more = true;

    for (size_t i = 0; i < STREAMS_MAX; i++) {
        const struct stream *stream = &program->streams[i];
        bool writes = stream->connecting || stream->out.size;

        numbers[i] = stream->number;
        polls[i] = (struct pollfd){stream->number ? stream->socket : -1,
                                   writes ? POLLIN | POLLOUT : POLLIN, 0};
    }
    polls[STREAMS_MAX] = (struct pollfd){program->udp, POLLIN, 0};
    polls[STREAMS_MAX + 1] = (struct pollfd){program->tcp, POLLIN, 0};
    polls[STREAMS_MAX + 2] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
    poll(polls, STREAMS_MAX + 3, due == UINT64_MAX ? -1 : due > now ? (int)(due - now) : 0);
    if (due <= wait_now_ms()) {
        swim_tick(program->swim, wait_now_ms());
        perform(program);
    }
    serve_streams(program, polls, numbers, STREAMS_MAX);
    if (polls[STREAMS_MAX].revents)
        read_datagram(program);
    if (polls[STREAMS_MAX + 1].revents)
        accept_stream(program);
    if (polls[STREAMS_MAX + 2].revents)
        more = read_commands(program);
    return more && !program->left;
}

// --- The program ---------------------------------------------------------------------------------

static void hurry(struct swim_timing *timing)
{
    timing->probe_interval_ms = 500;
    timing->probe_timeout_ms = 250;
    timing->gossip_interval_ms = 100;
    timing->push_pull_ms = 2000;
    timing->reclaim_ms = 1000;
}

static void bind_sockets(struct program *program, const struct swim_address *address)
{
    struct sockaddr_in own = to_socket(address);
    int yes = 1;

    program->udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    program->tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(program->tcp, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(program->udp, (struct sockaddr *)&own, sizeof own) ||
        bind(program->tcp, (struct sockaddr *)&own, sizeof own) || listen(program->tcp, 64))
        fail("bind: %s", strerror(errno));
}

static void take_key(struct program *program, const char *text)
{
    struct buffer key = {0};

    if (text_read_base64(slice_of_text(text), &key) ||
        keyring_add(&program->guard.keys, buffer_slice(&key)))
        fail("key");
    buffer_done(&key);
}

static const struct option known[] = {
    {"name", required_argument, NULL, 'n'},
    {"bind", required_argument, NULL, 'b'},
    {"join", required_argument, NULL, 'j'},
    {"meta", required_argument, NULL, 'm'},
    {"key", required_argument, NULL, 'k'},
    {"label", required_argument, NULL, 'l'},
    {"serf", no_argument, NULL, 's'},

    {0},
};

static void take_option(struct program *program, struct swim_settings *settings, int option,
                        struct buffer *meta)
{
    switch (option) {
    case 'n':
        settings->node_id = member_read_name(slice_of_text(optarg));
        break;
    case 'b':
        settings->address = address_of_text(optarg);
        break;
    case 'm':
        read_hex(optarg, meta);
        break;
    case 'k':
        take_key(program, optarg);
        break;
    case 'l':
        if (guard_set_label(&program->guard, slice_of_text(optarg)))
            fail("label");
        break;
    case 's':
        memcpy(settings->delegate_version, (uint8_t[]){2, 5, 4}, 3);
        break;
    default:
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static struct program program;
    struct swim_settings settings;
    struct swim_address join = {0};
    struct buffer meta = {0};
    int option;

    swim_settings_init(&settings, SWIM_LAN);
    hurry(&settings.timing);
    while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
        if (option == 'j')
            join = address_of_text(optarg);
        else
            take_option(&program, &settings, option, &meta);
    }
    settings.meta = buffer_slice(&meta);
    settings.guard = program.guard;
    settings.entropy.fill = fill_random;
    fill_random(NULL, (uint8_t *)&settings.seed, sizeof settings.seed);
    bind_sockets(&program, &settings.address);
    if (swim_new(&settings, wait_now_ms(), &program.swim))
        fail("settings");
    if (join.size) {
        swim_join(program.swim, wait_now_ms(), &join, 1);
        perform(&program);
    }
    printf("ready\n");
    fflush(stdout);
    while (turn(&program))
        continue;
    return 0;
}
