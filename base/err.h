// SPDX-License-Identifier: Apache-2.0
// Errors: one list for everything that can refuse or fail, in code, on the wire, in logs and as
// exit codes. A function that can fail returns 0 or one of these (all negative); its out-parameters
// come last and are untouched on failure. Pure code returns errors; the edge (a connection, a
// program) reports each once.
#ifndef BASE_ERR_H
#define BASE_ERR_H

// X(name, number, wire code, exit code of the programs, what it means)
//
// The wire code is the first word of an error string of the protocol ("TIMEOUT put k: 1 of 2 ...").
// Numbers travel between peers: never reuse one.
#define ERR_MAP(X)                                                                                 \
    X(ERR_INVALID, -1, "INVALID", 2, "malformed or contradictory request")                         \
    X(ERR_TOO_LARGE, -2, "TOO_LARGE", 2, "beyond a limit")                                         \
    X(ERR_NOT_FOUND, -3, "NOT_FOUND", 1, "no such thing")                                          \
    X(ERR_UNAVAILABLE, -4, "UNAVAILABLE", 3, "fewer replicas reachable than asked for")            \
    X(ERR_TIMEOUT, -5, "TIMEOUT", 4, "not enough answers in time; outcome unknown")                \
    X(ERR_OVERLOADED, -6, "OVERLOADED", 3, "a bounded queue or budget is full")                    \
    X(ERR_DISK_FULL, -7, "DISK_FULL", 3, "the disk is full")                                       \
    X(ERR_DAMAGED, -8, "DAMAGED", 8, "stored bytes fail their checksum")                           \
    X(ERR_CONFLICT, -9, "CONFLICT", 6, "siblings where one value was asked for")                   \
    X(ERR_PRECONDITION, -10, "PRECONDITION", 7, "a stated condition does not hold")                \
    X(ERR_NO_CLUSTER, -11, "NO_CLUSTER", 3, "this node belongs to no cluster yet")                 \
    X(ERR_CLUSTER_EXISTS, -12, "CLUSTER_EXISTS", 7, "the cluster was already initialised")         \
    X(ERR_WRONG_CLUSTER, -13, "WRONG_CLUSTER", 8, "the other side belongs to another cluster")     \
    X(ERR_TOKEN, -14, "TOKEN", 2, "the context token is malformed or belongs to another key")      \
    X(ERR_METHOD, -15, "METHOD", 2, "unknown method")                                              \
    X(ERR_PROTOCOL, -16, "PROTOCOL", 8, "bytes that the protocol does not allow")                  \
    X(ERR_CONNECT, -17, "CONNECT", 5, "cannot connect")                                            \
    X(ERR_CLOSED, -18, "CLOSED", 5, "the connection closed before the answer; outcome unknown")    \
    X(ERR_IO, -19, "IO", 8, "an input or output operation failed")                                 \
    X(ERR_NOT_SERVING, -20, "NOT_SERVING", 3, "this replica holds no complete copy of the shard")  \
    X(ERR_COLLISION, -21, "COLLISION", 8, "another key with the same 128-bit hash is stored")      \
    X(ERR_SIBLINGS, -22, "SIBLINGS", 3, "too many siblings: write with a token to resolve them")   \
    X(ERR_READ_ONLY, -23, "READ_ONLY", 8, "the place to write to is read-only")                    \
    X(ERR_LOCKED, -24, "LOCKED", 8, "another process holds the data directory")                    \
    X(ERR_MAP_FULL, -25, "MAP_FULL", 8, "the memory map must grow")                                \
    X(ERR_AGAIN, -26, "AGAIN", 3, "not yet: more bytes or more time are needed")                   \
    X(ERR_SHUTDOWN, -27, "SHUTDOWN", 3, "the node is shutting down")                               \
    X(ERR_STALE, -28, "STALE", 8, "made with an older topology epoch or an older life")            \
    X(ERR_INTERNAL, -29, "INTERNAL", 8, "a fault of quorate itself")

enum err {
    ERR_NONE = 0,
#define X(name, number, code, exit_code, text) name = number,
    ERR_MAP(X)
#undef X
};

// The wire code ("TIMEOUT") of an error; "OK" for 0; "INTERNAL" for a number not in the list.
const char *err_code(int err);

// What the error means, as half a sentence in lower case.
const char *err_text(int err);

// The exit code that a program ends with on this error; 0 for 0.
int err_exit(int err);

// The error whose wire code is the first word of `text` (size bytes, not terminated), or
// ERR_INTERNAL when it is none that we know.
int err_of_code(const char *text, unsigned long size);

// True when `err` is a number of the list (an error received from a peer is checked with this).
int err_known(int err);

#endif
