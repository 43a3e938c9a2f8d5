// SPDX-License-Identifier: Apache-2.0
// How operations flow through a driver's connections: what is due goes into free slots, answers are
// counted and free them. For driver.c only.
#ifndef CLIENT_BENCH_FLOW_H
#define CLIENT_BENCH_FLOW_H

#include "client/bench/driver.h"

// The driver's end of its connections.
extern const struct connection_owner flow_owner;

// The end of a turn of the loop: fills free slots with what is due, flushes, sets the alarm.
void flow_fill(struct driver *driver);

// False when nothing more is to begin.
bool flow_goes_on(const struct driver *driver, uint64_t now_ns);

#endif
