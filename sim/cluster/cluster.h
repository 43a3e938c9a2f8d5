// SPDX-License-Identifier: Apache-2.0
// `quorate-sim cluster`: whole clusters in virtual time, the node's own code under a workload, a
// placement and a model of delays.
#ifndef SIM_CLUSTER_CLUSTER_H
#define SIM_CLUSTER_CLUSTER_H

#include "sim/cluster/setup.h"
#include "sim/question/question.h"

int cluster_main(int argc, char **argv);

// The question, asked of trials with a cluster setup. Findings:
//
// - "operations": "throughput" (a second, answered well while measuring), "asked" (a second),
//   "played" (all of all phases).
// - "reads", "writes": "mean", "p50", "p95", "p99", "p99.9" (ms, of those begun while measuring and
//   answered well), "available" (the share answered well).
// - "reads": "stale" (share of the answered ones), "behind" (versions, mean over the stale ones),
//   "stale-versions" at k (curve: the share behind by k or more), "hedges" and "repairs" (a read).
// - "p-consistent" at t (curve, ms; probes).
// - "coordinated", "replicated", "messages": "peak/average", "min/average", "cv" over the nodes,
//   and "share" at rank (curve: the nodes' shares over the average, the fullest first).
//   "messages": "busiest" (share of the time that the busiest node is at work).
// - each kind of traffic, and "all": "messages/operation", "bytes/operation" (bytes).
// - "answered" at s (curve, with events only): the share of what ended in the twentieth of the time
//   that begins then.
extern const struct question question_cluster;

#endif
