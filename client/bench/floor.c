// SPDX-License-Identifier: Apache-2.0
// The parent's half: it makes all sockets and files, connects the processes with each other before
// they exist, and hands each its own. So the processes have nothing to find, and nothing can fail
// once they run.
#include "client/bench/floor.h"

#include "base/check.h"
#include "base/err.h"
#include "client/bench/floor_log.h"
#include "client/bench/floor_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BACKLOG = 511 };

struct floor {
    enum floor_kind kind;
    uint32_t count;
    struct floor_site sites[FLOOR_SITES]; // descriptors are those of the processes
    pid_t pids[FLOOR_SITES];              // 0: not started
};

static int refused(struct buffer *why, const char *what)
{
    buffer_add_format(why, "floor: %s: %s", what, strerror(errno));
    return ERR_IO;
}

// ---- descriptors --------------------------------------------------------------------------------

static void drop(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

static void sites_close(struct floor *floor)
{
    for (uint32_t i = 0; i < floor->count; i++) {
        drop(&floor->sites[i].listener);
        drop(&floor->sites[i].log);
        for (int peer = 0; peer < FLOOR_PEERS; peer++)
            drop(&floor->sites[i].peers[peer]);
    }
}

static int listener_open(struct floor_site *site, struct buffer *why)
{
    struct sockaddr *address = (struct sockaddr *)&site->address;
    socklen_t size = sizeof site->address;

    site->address = (struct sockaddr_in){.sin_family = AF_INET};
    site->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    site->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (site->listener < 0 || bind(site->listener, address, size) ||
        listen(site->listener, BACKLOG) || getsockname(site->listener, address, &size))
        return refused(why, "cannot listen");
    return 0;
}

// A connection with a process, by way of its listener: our end and its end.
static int pair_connect(const struct floor_site *to, int descriptors[2])
{
    const struct sockaddr *address = (const struct sockaddr *)&to->address;

    descriptors[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    descriptors[1] = -1;
    if (descriptors[0] < 0 || connect(descriptors[0], address, sizeof to->address))
        return -1;
    descriptors[1] = accept4(to->listener, NULL, NULL, SOCK_CLOEXEC);
    return descriptors[1] < 0 ? -1 : 0;
}

static int peers_connect(struct floor *floor, struct buffer *why)
{
    struct floor_site *sites = floor->sites;
    int descriptors[2];
    int err;

    for (uint32_t from = 0; from < floor->count; from++) {
        for (uint32_t to = from + 1; to < floor->count; to++) {
            err = pair_connect(&sites[to], descriptors);
            sites[from].peers[to - 1] = descriptors[0];
            sites[to].peers[from] = descriptors[1];
            if (err)
                return refused(why, "cannot connect");
        }
    }
    return 0;
}

static int sites_open(struct floor *floor, const char *directory, struct buffer *why)
{
    int err = 0;

    for (uint32_t i = 0; i < floor->count && err == 0; i++)
        err = listener_open(&floor->sites[i], why);
    if (err == 0)
        err = peers_connect(floor, why);
    for (uint32_t i = 0; i < floor->count && err == 0 && floor->kind == FLOOR_FANOUT_LOG; i++) {
        floor->sites[i].log = floor_log_file(directory);
        if (floor->sites[i].log < 0)
            err = refused(why, directory);
    }
    return err;
}

// ---- processes ----------------------------------------------------------------------------------

static bool is_of_site(const struct floor_site *site, int descriptor)
{
    return descriptor == STDERR_FILENO || descriptor == site->listener || descriptor == site->log ||
           descriptor == site->peers[0] || descriptor == site->peers[1];
}

// All but the site's and stderr; stdin and stdout become /dev/null.
static void inherited_close(const struct floor_site *site)
{
    int null = open("/dev/null", O_RDWR);
    int highest = null;

    for (int peer = 0; peer < FLOOR_PEERS; peer++)
        highest = site->peers[peer] > highest ? site->peers[peer] : highest;
    highest = site->listener > highest ? site->listener : highest;
    highest = site->log > highest ? site->log : highest;
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    for (int descriptor = STDERR_FILENO; descriptor <= highest; descriptor++) {
        if (!is_of_site(site, descriptor))
            close(descriptor);
    }
    close_range((unsigned)highest + 1, ~0U, 0);
}

_Noreturn static void process_run(const struct floor *floor, uint32_t i, pid_t parent)
{
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) // it died before the line above
        _exit(1);
    sigemptyset(&none);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    inherited_close(&floor->sites[i]);
    floor_serve(floor->kind, &floor->sites[i]);
}

static int processes_start(struct floor *floor, struct buffer *why)
{
    char name[16]; // as prctl(2) wants it
    pid_t parent = getpid();
    int err = 0;

    prctl(PR_GET_NAME, name);
    prctl(PR_SET_NAME, "floor"); // so that the processes have it from the first moment
    for (uint32_t i = 0; i < floor->count && err == 0; i++) {
        floor->pids[i] = fork();
        if (floor->pids[i] == 0)
            process_run(floor, i, parent);
        if (floor->pids[i] < 0)
            err = refused(why, "cannot fork");
    }
    prctl(PR_SET_NAME, name);
    return err;
}

int floor_start(enum floor_kind kind, const char *directory, struct floor **out, struct buffer *why)
{
    struct floor *floor = memory_new(sizeof *floor);
    int err;

    floor->kind = kind;
    floor->count = kind == FLOOR_ECHO ? 1 : FLOOR_SITES;
    for (uint32_t i = 0; i < floor->count; i++)
        floor->sites[i] = (struct floor_site){.listener = -1, .peers = {-1, -1}, .log = -1};
    err = sites_open(floor, directory, why);
    if (err == 0)
        err = processes_start(floor, why);
    sites_close(floor);
    if (err)
        floor_stop(floor);
    else
        *out = floor;
    return err;
}

uint32_t floor_count(const struct floor *floor)
{
    return floor->count;
}

const struct sockaddr_in *floor_address(const struct floor *floor, uint32_t i)
{
    check(i < floor->count);
    return &floor->sites[i].address;
}

pid_t floor_pid(const struct floor *floor, uint32_t i)
{
    check(i < floor->count);
    return floor->pids[i];
}

void floor_stop(struct floor *floor)
{
    if (!floor)
        return;
    for (uint32_t i = 0; i < floor->count; i++) {
        if (floor->pids[i] > 0)
            kill(floor->pids[i], SIGKILL);
    }
    for (uint32_t i = 0; i < floor->count; i++) {
        if (floor->pids[i] > 0)
            waitpid(floor->pids[i], NULL, 0);
    }
    free(floor);
}
