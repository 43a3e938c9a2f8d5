// SPDX-License-Identifier: Apache-2.0
// Histories told by hand, for the tests of the checkers: one line an operation. The dot of value n
// is (1, n) unless another is given; deletes have dots of their own. Quorums are strict, 2 of 3.
#ifndef TESTS_LIB_STORY_H
#define TESTS_LIB_STORY_H

#include "sim/checker/judge.h"

// When an operation began and ended.
#define AT(begin, end) .began = (begin), .ended = (end)

#define LIST(...)                                                                                  \
    {                                                                                              \
        sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), (const uint64_t[])             \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

struct story_list {
    size_t count;
    const uint64_t *list;
};

enum { STORY_DELETE_DOT = 100 }; // deletes are told with dots from here on

struct told {
    uint64_t began;
    uint64_t ended;
    uint32_t key;
    uint32_t session; // 0: one of its own
    enum history_outcome outcome;
    uint64_t value;           // put
    uint64_t dot;             // counter; 0: the value's
    bool no_dot;              // nobody told
    struct story_list seen;   // put, delete: counters of the context sent
    struct story_list shows;  // get: values
    struct story_list knows;  // get: counters of the context received, besides those of `shows`;
                              // put, delete: of the token told, if any
    bool latest_only;         // get
    bool no_context;          // get: no context told
    uint8_t asked;            // 0: 2
    bool loose;               // not strict
    uint8_t owners;           // if loose
    uint64_t holders, guests; // 0: not known
    uint64_t expires;
    bool within_reach;
};

struct story {
    struct history history;
    struct judge_settings settings;
    struct verdict verdict;
    uint32_t sessions;
};

// Two keys, N = 3, no slack.
void story_begin(struct story *story);
void story_end(struct story *story);

uint32_t story_put(struct story *story, struct told told);
uint32_t story_delete(struct story *story, struct told told);
uint32_t story_get(struct story *story, struct told told);

// Judges the history told so far.
void story_judge(struct story *story);

// Judges what is on the disks: all three owners hold these values of key 0.
void story_finish(struct story *story, struct story_list values);

// What the last judgement found must be this kind alone, so many times; nothing; else the test
// fails.
void story_expect(struct story *story, enum verdict_kind kind, uint64_t times);
void story_expect_clean(struct story *story);

#endif
