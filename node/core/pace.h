// SPDX-License-Identifier: Apache-2.0
// How many requests may be in flight so that none waits in vain: as many as were lately answered in
// the share of its time that a request may wait. Without it a queue grows until each request is
// answered when nobody waits any more, and all of the work is done for nothing. Pure.
//
// The law (Little's): in flight = answered a second * seconds that each takes. So a request is
// refused when those before it took more than that share, however fast or slow the machine is.
// Requests may also be stuck, because those that they wait for are: as long as others are answered
// quickly there is no queue, and whoever is stuck holds nobody up.
#ifndef NODE_CORE_PACE_H
#define NODE_CORE_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PACE_FREE = 256,          // so many may always be in flight
    PACE_SHARE = 4,           // a request may wait for one part in four of its time
    PACE_QUICK = 16,          // one part in so many is quick
    PACE_WINDOW_US = 200000,  // at least, between two looks at the rate
    PACE_RATE_FIRST = 1 << 14 // a second; believed before anything is known
};

struct pace {
    uint64_t per_s;    // answered a second
    uint64_t since_us; // begin of the window
    uint64_t mean_us;  // that those answered in the last window took; UINT64_MAX: there were none
    uint64_t sum_us;   // in the window
    uint32_t answered; // in the window, of those that were in flight before
    bool pressed;      // in the window more than PACE_FREE were in flight when a request came
};

void pace_init(struct pace *pace, uint64_t now_us);

// A request is over that was not answered at once, but after so long.
void pace_answered(struct pace *pace, uint64_t took_us);

// To be called some times a second. A rate is learned where there was enough to do, or when it is
// more than was believed.
void pace_turn(struct pace *pace, uint64_t now_us);

// Whether one more request, which has so much time, may join those in flight.
bool pace_allows(struct pace *pace, uint32_t in_flight, uint32_t timeout_ms);

#endif
