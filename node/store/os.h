// SPDX-License-Identifier: Apache-2.0
// The few operating system calls that the real files share.
#ifndef NODE_STORE_OS_H
#define NODE_STORE_OS_H

#include "base/buffer.h"

#include <pthread.h>

// ERR_DISK_FULL, ERR_READ_ONLY, ERR_NOT_FOUND or ERR_IO.
int os_err(int number);

// The names in a directory, each terminated by 0, appended.
int os_list(int directory, struct buffer *out);

// Appends the whole file.
int os_read_file(int directory, const char *name, struct buffer *out);

// Writes everything at the offset.
int os_write(int fd, struct slice bytes, uint64_t offset);
int os_write_zeros(int fd, uint64_t size);

// Puts a small file in place of another or none: both it and its name are synced (unless no_sync).
int os_replace_file(int directory, const char *name, struct slice bytes, bool no_sync);

// A thread that takes no signals. 0 or an errno.
int os_thread(pthread_t *out, void *(*run)(void *), void *data);

int os_compare_u64(const void *left, const void *right);

#endif
