// SPDX-License-Identifier: Apache-2.0
// Processes of tests: start, signal, wait with a limit. What a process writes goes to a file. A
// process never outlives the test program: the kernel kills it when the thread that started it
// ends, whatever the reason, so start them from the main thread.
#ifndef TESTS_LIB_PROCESS_H
#define TESTS_LIB_PROCESS_H

#include "tests/lib/files.h"

#include <sys/types.h>

enum { PROCESS_ARGUMENTS_MAX = 64 };

struct process {
    pid_t pid;                    // 0: not running
    int status;                   // of wait(2), once it has ended
    char output[FILES_PATH_SIZE]; // what it wrote to stdout and stderr, over all its starts
};

struct process_start {
    const char *const *arguments; // NULL-terminated; the first is the program's path
    const char *output;           // file, appended to
    uint32_t descriptors_max;     // RLIMIT_NOFILE; 0: as here
};

// 0, or ERR_IO when it cannot even be forked. A program that cannot be executed ends with 127.
int process_begin(struct process *process, const struct process_start *start);

// Does nothing when it is not running.
void process_signal(struct process *process, int signal);

// True when it has ended within the time; `status` tells how, pid is 0 then.
bool process_wait(struct process *process, uint64_t timeout_ms);

// SIGKILL, and waits for the end.
void process_kill(struct process *process);

// True while it has not ended (a process that ended is collected).
bool process_running(struct process *process);

// The exit code, or 128 + the signal that ended it.
int process_exit(const struct process *process);

// Runs a command to its end and collects what it wrote. `input` goes to its stdin. Returns its exit
// code as process_exit, -1 when it had to be killed after the time.
struct process_result {
    struct buffer out;
    struct buffer err;
};
int process_run(const char *const *arguments, struct slice input, uint64_t timeout_ms,
                struct process_result *result);
void process_result_done(struct process_result *result);

// Bytes of memory in use (VmRSS), 0 when it is gone. The second counts open descriptors.
uint64_t process_memory(pid_t pid);
uint32_t process_descriptors(pid_t pid);

// Milliseconds of processor time used so far.
uint64_t process_cpu_ms(pid_t pid);

#endif
