// SPDX-License-Identifier: Apache-2.0
// The log's files in a directory:
//
//     0000000000000007.seg   segment 7
//     spare-....seg          dropped ones, up to two, for reuse
//     new.seg                one being made (removed at start)
//     ballast                reserve for a full disk
//
// Two threads: one writes and syncs, in order, and nothing holds it up; one prepares and drops.
#ifndef NODE_STORE_DISK_FILE_H
#define NODE_STORE_DISK_FILE_H

#include "node/store/disk.h"

struct disk_file_settings {
    const char *path; // of a directory that exists
    uint64_t segment_bytes;
    uint64_t ballast_bytes;   // 0: none
    bool direct;              // past the page cache: best where each write is synced
    bool no_sync;             // tests only
    void (*wake)(void *data); // called from a thread when poll has something; may be NULL
    void *wake_data;
};

// ERR_IO, ERR_READ_ONLY, ERR_NOT_FOUND.
int disk_file_open(const struct disk_file_settings *settings, struct disk **out);

#endif
