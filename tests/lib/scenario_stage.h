// SPDX-License-Identifier: Apache-2.0
// The inside of scenarios: a world, and what a story has given names to.
//
//   scenario.c          the file: prose, commands, outputs; the table of commands
//   scenario_words.c    one command line, split
//   scenario_stage.c    the world: starting it, time, what its nodes say and send
//   scenario_say.c      dots, clocks, objects and sentences as a story shows them
//   scenario_calm.c     the same, whoever answers first
//   scenario_request.c  clients' commands
//   scenario_show.c     commands that look
//   scenario_fault.c    commands that break and mend
//   scenario_diff.c     what differs between two texts
#ifndef TESTS_LIB_SCENARIO_STAGE_H
#define TESTS_LIB_SCENARIO_STAGE_H

#include "sim/world/host.h"
#include "sim/world/net.h"
#include "sim/world/sim.h"

enum {
    WORDS_MAX = 24,
    SCENARIO_LINE_MAX = 400,
    LIVES_MAX = 128,
    TOKENS_MAX = 32,
    ASKED_MAX = 32,
    EVENTS_MAX = 96,
    CAUGHT_MAX = 8,
    SETTLE_US = 20000 // after a request: what is under way for it arrives
};

// ---- words --------------------------------------------------------------------------------------

enum { STAGE_NODES_MAX = 9 };

struct words {
    uint32_t count;
    char *items[WORDS_MAX];
    bool used[WORDS_MAX];
    char text[SCENARIO_LINE_MAX];
};

void script_split(struct words *words, struct slice line);

// The value of name=value; `otherwise` when there is none.
const char *script_value(struct words *words, const char *name, const char *otherwise);

// True when the bare word stands there.
bool script_flag(struct words *words, const char *name);

// The next bare word that nobody has used yet; NULL: there is none.
const char *script_next(struct words *words);

// The first word that nobody has used; NULL: there is none.
const char *script_unused(const struct words *words);

// ---- the stage ----------------------------------------------------------------------------------

// A life of a node's store: n1a, then n1b, ...
struct life {
    uint64_t actor;
    uint32_t node;
    char letter;
};

struct token {
    char name[16];
    struct buffer bytes;
};

// A request under way, or answered and not yet told.
struct asked {
    uint64_t ticket;
    uint32_t node;
    bool answered;
    struct words words; // of the command
    struct buffer text; // how it ended
};

// Something that happened since the command began: a sentence that a node logged or a kind of
// message, with how often.
struct stage_event {
    char text[256];
    uint32_t count;
    uint32_t items; // in the pages of messages
    bool logged;
    uint16_t offers[STAGE_NODES_MAX]; // for "offers": to whom, by bits
};

// A message that the story wants to catch, or has caught.
struct caught {
    char name[16];
    uint32_t from;
    uint32_t to;
    enum message_kind kind;
    bool lose; // it shall not arrive
    struct buffer frame;
};

struct stage {
    struct sim *sim;
    struct topology *topology;
    struct buffer *out; // of the command
    struct arena arena; // of the command
    struct life lives[LIVES_MAX];
    uint32_t life_count;
    struct token tokens[TOKENS_MAX];
    uint32_t token_count;
    struct asked asked[ASKED_MAX];
    uint32_t asked_count;
    struct stage_event events[EVENTS_MAX];
    uint32_t event_count;
    struct caught caught[CAUGHT_MAX];
    uint32_t caught_count;
    uint64_t tickets;
    bool tell_items; // what pages carry, item by item
    char wrong[200]; // what is wrong with the script
};

void stage_done(struct stage *stage);

// The script is wrong: said once, the first time.
void stage_wrong(struct stage *stage, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Reads "n3": an index. A wrong one, or NULL, is the script's fault, and gives 0.
uint32_t stage_node(struct stage *stage, const char *word);

// Reads "200us", "10ms", "2s", "5m": microseconds.
uint64_t stage_time(struct stage *stage, const char *word);
uint64_t stage_number(struct stage *stage, const char *word, uint64_t most);

void stage_pass(struct stage *stage, uint64_t us);

// A process has started: a new life begins.
void stage_note_life(struct stage *stage, uint32_t node);

// Tells what happened since the command began: sentences, and messages if wanted.
// With `items` on the command line also what the pages carry.
void stage_tell_events(struct stage *stage, bool messages);

// NULL when the owners are equal and nothing is left to do; else what is not so yet.
const char *stage_unequal(struct stage *stage);

// ---- showing ------------------------------------------------------------------------------------

void say_dot(const struct stage *stage, struct dot dot, struct buffer *out);
void say_clock(const struct stage *stage, const struct clock *clock, struct buffer *out);
void say_versions(const struct stage *stage, const struct version *versions, uint32_t count,
                  struct buffer *out);

// Puts the lines behind `from` that differ only in the numbers of nodes in the order of these.
void say_calmly(struct buffer *out, size_t from);

// A sentence of a node without what may change at will: times, positions, stamps.
void say_sentence(struct slice sentence, struct buffer *out);

// ---- commands -----------------------------------------------------------------------------------

typedef void command(struct stage *stage, struct words *words);

command scene_cluster, scene_run, scene_pass, scene_until;
command scene_put, scene_get, scene_del, scene_wait, scene_bucket, scene_load, scene_forge;
command scene_show, scene_status;
command scene_cut, scene_mend, scene_isolate, scene_oneway, scene_heal, scene_slow;
command scene_stop, scene_start, scene_power, scene_empty, scene_save, scene_restore, scene_pause,
    scene_resume, scene_damage, scene_wall, scene_stall, scene_full, scene_room, scene_rot;
command scene_slander;
command scene_catch, scene_lose, scene_deliver;

// A reply has come.
void request_answered(void *data, uint64_t ticket, const struct reply *reply);
void request_refused(void *data, uint64_t ticket);
void request_closed(void *data, uint32_t node);

#endif
