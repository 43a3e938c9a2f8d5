// SPDX-License-Identifier: Apache-2.0
// What a survey comes to: a row for each member, counts, and whether all is well.
#ifndef GOSSIP_CLI_REPORT_H
#define GOSSIP_CLI_REPORT_H

#include "gossip/cli/survey.h"
#include "gossip/cli/tags.h"

struct row {
    const struct observed *seen;
    bool observer;                // it has no meta of ours
    struct node_meta meta;        // unless observer
    struct tags tags;             // of an observer
    const struct teller *teller;  // it was asked itself; else NULL
    const struct node_load *load; // by itself; NULL: not told
    bool has_age;
    uint64_t age_ms;     // since its state changed, by the first who told
    uint64_t ack_age_ms; // since the last direct acknowledgement that any of the asked had; 0: none
    uint64_t rtt_ms;     // how long that took, rounded up
    uint64_t accusers;   // by who knows most
};

// Which rows are shown. Patterns as of the shell (*, ?, [a-z]); NULL: all.
struct filter {
    unsigned states; // a bit for each, 1 << MEMBER_ALIVE and so on; 0: all
    const char *zone;
    const char *name;
};

struct report {
    const struct survey *survey;
    struct row *rows; // of all members
    size_t count;
    const struct row **of_teller; // the row of each one asked; NULL: not known
    const struct row **shown;     // that the filter lets through
    size_t shown_count;
    size_t counts[MEMBER_LEFT + 1]; // by state
    size_t observers;
    size_t disputed;
    size_t wanted; // shown, alive, undisputed, and known to all who answered
    bool epochs_differ;
    bool digests_differ; // two topologies with one epoch
    uint64_t epoch_min;  // of the alive
    uint64_t epoch_max;
    bool healthy;
};

// Of a finished survey, which must outlive the report.
void report_make(struct report *report, const struct survey *survey, const struct filter *filter);
void report_done(struct report *report);

// What a person calls it; what stands for its zone and build, "" for none. Tags of Serf agents
// named zone or dc, and build, count as such.
const char *row_name(const struct row *row);
const char *row_zone(const struct row *row);
const char *row_build(const struct row *row);

// A teller by its name if the member is known, else by its address.
const char *report_teller_name(const struct report *report, const struct teller *teller);

#endif
