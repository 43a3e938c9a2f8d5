// SPDX-License-Identifier: Apache-2.0
#include "sim/question/question.h"

#include "sim/question/latency.h"
#include "sim/question/staleness.h"

const struct question questions[] = {
    {"balance", "how evenly keys and load lie on nodes and shards",
     QUESTION_USES_SCHEME | QUESTION_USES_WORKLOAD | QUESTION_USES_OPERATIONS | QUESTION_USES_R,
     question_balance},
    {"movement", "what a change of nodes moves, and what it must",
     QUESTION_USES_SCHEME | QUESTION_USES_WORKLOAD | QUESTION_USES_OPERATIONS | QUESTION_USES_R,
     question_movement},
    {"latency", "how long requests queue as load grows",
     QUESTION_USES_SCHEME | QUESTION_USES_WORKLOAD | QUESTION_USES_R | QUESTION_USES_W,
     question_latency},
    {"cost", "metadata, look-up and rebuilding (times are measured)", QUESTION_USES_SCHEME,
     question_cost},
    {"staleness", "how stale a read may be (PBS)",
     QUESTION_USES_R | QUESTION_USES_W | QUESTION_USES_LEGS, question_staleness},
    {0},
};
