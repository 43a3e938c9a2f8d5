// SPDX-License-Identifier: Apache-2.0
//
// Children stay in the group of the test program, so that the runner, which kills that group, gets
// them as well; PR_SET_PDEATHSIG covers a test program that dies alone.

#include "tests/lib/process.h"

#include "base/err.h"
#include "tests/lib/wait.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

// ---- starting and ending ------------------------------------------------------------------------

// In the child: what must hold before the program begins. Only calls that are safe after fork.
static void child_prepare(pid_t parent, const struct process_start *start)
{
    struct rlimit limit = {start->descriptors_max, start->descriptors_max};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(126);
    signal(SIGPIPE, SIG_DFL);
    if (start->descriptors_max)
        setrlimit(RLIMIT_NOFILE, &limit);
}

static _Noreturn void child_execute(const char *const *arguments)
{
    static const char failed[] = "cannot execute the program\n";

    execv(arguments[0], (char *const *)arguments);
    (void)!write(STDERR_FILENO, failed, sizeof(failed) - 1);
    _exit(127);
}

int process_begin(struct process *process, const struct process_start *start)
{
    pid_t parent = getpid();

    snprintf(process->output, sizeof(process->output), "%s", start->output);
    int out = open(start->output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pid_t pid = out < 0 || in < 0 ? -1 : fork();
    if (pid == 0) {
        child_prepare(parent, start);
        dup2(in, STDIN_FILENO);
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        child_execute(start->arguments);
    }
    if (out >= 0)
        close(out);
    if (in >= 0)
        close(in);
    if (pid < 0)
        return ERR_IO;
    process->pid = pid;
    process->status = 0;
    return 0;
}

void process_signal(struct process *process, int signal)
{
    if (process->pid > 0)
        kill(process->pid, signal);
}

bool process_running(struct process *process)
{
    if (process->pid <= 0)
        return false;
    pid_t ended = waitpid(process->pid, &process->status, WNOHANG);
    if (ended == 0)
        return true;
    process->pid = 0;
    return false;
}

static bool process_has_ended(void *process)
{
    return !process_running(process);
}

bool process_wait(struct process *process, uint64_t timeout_ms)
{
    return wait_until(process_has_ended, process, timeout_ms);
}

void process_kill(struct process *process)
{
    if (process->pid <= 0)
        return;
    kill(process->pid, SIGKILL);
    waitpid(process->pid, &process->status, 0);
    process->pid = 0;
}

int process_exit(const struct process *process)
{
    if (WIFSIGNALED(process->status))
        return 128 + WTERMSIG(process->status);
    return WEXITSTATUS(process->status);
}

// ---- a command with its output ------------------------------------------------------------------

struct command_pipes {
    int in[2], out[2], err[2];
};

static int command_fork(const char *const *arguments, const struct command_pipes *pipes)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    child_prepare(parent, &(struct process_start){0});
    dup2(pipes->in[0], STDIN_FILENO);
    dup2(pipes->out[1], STDOUT_FILENO);
    dup2(pipes->err[1], STDERR_FILENO);
    child_execute(arguments);
}

// Takes what there is; false at the end.
static bool pipe_drain(int fd, struct buffer *into)
{
    ssize_t got = read(fd, buffer_reserve(into, 65536), 65536);

    if (got > 0)
        into->size += (size_t)got;
    return got > 0 || (got < 0 && errno == EINTR);
}

// Writes a part; false when there is nothing left to write or nobody to read it.
static bool pipe_feed(int fd, struct slice *input)
{
    ssize_t put = input->size ? write(fd, input->data, input->size) : 0;

    if (put <= 0)
        return put < 0 && (errno == EINTR || errno == EAGAIN);
    *input = slice_of(input->data + put, input->size - (size_t)put);
    return input->size > 0;
}

static bool command_pump(const struct command_pipes *pipes, struct slice input, uint64_t end_ms,
                         struct process_result *result)
{
    struct pollfd fds[3] = {
        {pipes->in[1], POLLOUT, 0}, {pipes->out[0], POLLIN, 0}, {pipes->err[0], POLLIN, 0}};

    fcntl(pipes->in[1], F_SETFL, O_NONBLOCK);
    while (fds[1].fd >= 0 || fds[2].fd >= 0) {
        uint64_t now = wait_now_ms();
        if (now >= end_ms)
            return false;
        poll(fds, 3, (int)(end_ms - now));
        if (fds[0].fd >= 0 && fds[0].revents && !pipe_feed(fds[0].fd, &input)) {
            close(fds[0].fd);
            fds[0].fd = -1;
        }
        if (fds[1].revents && !pipe_drain(fds[1].fd, &result->out))
            fds[1].fd = -1;
        if (fds[2].revents && !pipe_drain(fds[2].fd, &result->err))
            fds[2].fd = -1;
    }
    if (fds[0].fd >= 0)
        close(fds[0].fd);
    return true;
}

int process_run(const char *const *arguments, struct slice input, uint64_t timeout_ms,
                struct process_result *result)
{
    struct command_pipes pipes;
    struct process process = {0};

    memset(result, 0, sizeof(*result));
    signal(SIGPIPE, SIG_IGN);
    if (pipe2(pipes.in, O_CLOEXEC) || pipe2(pipes.out, O_CLOEXEC) || pipe2(pipes.err, O_CLOEXEC))
        return -1;
    process.pid = command_fork(arguments, &pipes);
    close(pipes.in[0]);
    close(pipes.out[1]);
    close(pipes.err[1]);
    bool ended = command_pump(&pipes, input, wait_now_ms() + wait_patience(timeout_ms), result);
    close(pipes.out[0]);
    close(pipes.err[0]);
    if (!ended || !process_wait(&process, 5000)) {
        process_kill(&process);
        return -1;
    }
    return process_exit(&process);
}

void process_result_done(struct process_result *result)
{
    buffer_done(&result->out);
    buffer_done(&result->err);
}

// ---- what a process uses ------------------------------------------------------------------------

uint64_t process_memory(pid_t pid)
{
    char path[64];
    char line[256];
    unsigned long long kib = 0;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    while (fgets(line, sizeof(line), file)) {
        if (sscanf(line, "VmRSS: %llu", &kib) == 1)
            break;
    }
    fclose(file);
    return kib * 1024;
}

uint32_t process_descriptors(pid_t pid)
{
    char path[64];
    uint32_t count = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", pid);
    DIR *folder = opendir(path);
    if (!folder)
        return 0;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

uint64_t process_cpu_ms(pid_t pid)
{
    char path[64];
    unsigned long user = 0;
    unsigned long system = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    int got =
        fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    fclose(file);
    return got == 2 ? (user + system) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK) : 0;
}
