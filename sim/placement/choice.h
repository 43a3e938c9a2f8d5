// SPDX-License-Identifier: Apache-2.0
// Options whose values are words: each function reads one text into the options. False when it
// means nothing; `why` then says what is allowed (a sentence without a full stop).
#ifndef SIM_PLACEMENT_CHOICE_H
#define SIM_PLACEMENT_CHOICE_H

#include "sim/placement/options.h"

bool choose_schemes(struct options *options, const char *text, struct buffer *why);
bool choose_question(struct options *options, const char *word, struct buffer *why);
bool choose_workloads(struct options *options, const char *text, struct buffer *why);

// "1,2,quorum" into levels.
bool choose_levels(const char *text, int *levels, unsigned *count, struct buffer *why);

// "1,1,2.5": relative weights of nodes.
bool choose_weights(struct options *options, const char *text, struct buffer *why);

// "100" or "50-2000".
bool choose_bytes(struct options *options, const char *text, struct buffer *why);

bool choose_events(struct options *options, const char *text, struct buffer *why);

// "lnkd-ssd,lnkd-disk"; a DELAY without commas stands for all four legs: "exp:1".
bool choose_legs(struct options *options, const char *text, struct buffer *why);

// "W=exp:0.25", for all fits.
bool choose_leg(struct options *options, const char *text, struct buffer *why);

// When all options have been read: the delays of legs, sites and pairs, which belong together.
bool choose_finish(struct options *options, struct buffer *why);

#endif
