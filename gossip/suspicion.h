// SPDX-License-Identifier: Apache-2.0
// How long a suspected member may stay silent. Lifeguard (Dadgar, Phillips, Currey, "Lifeguard:
// Local Health Awareness for More Accurate Failure Detection", arXiv 1707.00788, 2017, section
// IV.B): the time starts at a maximum and shrinks with each further accuser, so that one slow
// accuser alone cannot kill quickly.
#ifndef GOSSIP_SUSPICION_H
#define GOSSIP_SUSPICION_H

#include "gossip/settings.h"

enum { SUSPICION_ACCUSERS_MAX = 8 };

struct suspicion {
    uint64_t start_ms;
    uint32_t accusers[SUSPICION_ACCUSERS_MAX]; // hashes of names; the first accuser comes first
    uint32_t min_ms;
    uint32_t max_ms;
    uint8_t expected;  // k: confirmations that bring the time down to min_ms
    uint8_t confirmed; // c: distinct accusers besides the first
};

// Begins at now_ms with the accuser's name hash; `members` counts all known ones, us included.
void suspicion_start(struct suspicion *suspicion, const struct swim_timing *timing,
                     uint32_t members, uint64_t now_ms, uint64_t accuser);

// Another accusation. True when it is news: a new accuser, and not yet as many as expected.
bool suspicion_confirm(struct suspicion *suspicion, uint64_t accuser);

// When the member is to be declared dead if nothing else is heard.
uint64_t suspicion_deadline(const struct suspicion *suspicion);

// The arithmetic, without libm so that it is the same everywhere.

// mult * max(1, log10(max(1, members))) * interval; the logarithm is cut to three decimals.
uint32_t suspicion_min_ms(const struct swim_timing *timing, uint32_t members);

// max(min, max - (max - min) * ln(confirmed + 1) / ln(expected + 1)), cut to milliseconds.
uint32_t suspicion_timeout_ms(uint32_t min_ms, uint32_t max_ms, uint32_t confirmed,
                              uint32_t expected);

#endif
