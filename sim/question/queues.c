// SPDX-License-Identifier: Apache-2.0
// A queue that is served in order needs no list: when it will be idle says it all (Lindley, "The
// theory of queues with a single server", 1952). Answers are given as durations: a difference of
// two late times would lose digits.
#include "sim/question/queues.h"

#include "base/check.h"

#include <stdlib.h>

void queues_init(struct queues *queues, const struct scheme *scheme)
{
    double mean = (double)scheme->weight / scheme->present;

    queues->count = scheme->setup.node_count;
    queues->list = memory_new(queues->count * sizeof *queues->list);
    for (uint32_t i = 0; i < queues->count; i++) {
        uint32_t weight = scheme->nodes[i].weight;

        queues->list[i].pace = weight > 0 ? mean / weight : 0;
    }
}

void queues_done(struct queues *queues)
{
    free(queues->list);
    queues->list = NULL;
}

double queues_ask(struct queues *queues, uint32_t node, double now, double service)
{
    struct queue *queue = &queues->list[node];
    double takes = service * queue->pace;

    check(node < queues->count && queue->pace > 0);
    if (queue->free_at > now)
        takes += queue->free_at - now;
    queue->free_at = now + takes;
    return takes;
}
