// SPDX-License-Identifier: Apache-2.0
// What was counted, as findings: always the same list, whatever happened.
#include "sim/cluster/play.h"

#include "node/data/message.h"
#include "sim/number/summary.h"

static const double none = __builtin_nan("");

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : none;
}

static void find(struct findings *out, const char *subject, const char *metric, double value)
{
    findings_add(out, &(struct finding){.subject = subject, .metric = metric, .value = value});
}

static void find_at(struct findings *out, const char *subject, const char *metric, double at,
                    double value)
{
    findings_add(
        out, &(struct finding){
                 .subject = subject, .metric = metric, .at = at, .curve = true, .value = value});
}

static void find_operations(struct play *play, struct findings *out)
{
    const struct cluster_setup *setup = play->setup;
    double asked = (double)(play->reads.asked + play->writes.asked);

    findings_add(out, &(struct finding){.subject = "operations",
                                        .metric = "throughput",
                                        .value = (double)play->ended / setup->seconds});
    findings_add(out, &(struct finding){.subject = "operations",
                                        .metric = "asked",
                                        .value = asked / setup->seconds});
    find(out, "operations", "played", (double)play->played);
    samples_find(&play->reads.times, "reads", out);
    find(out, "reads", "available", ratio((double)play->reads.good, (double)play->reads.asked));
    samples_find(&play->writes.times, "writes", out);
    find(out, "writes", "available", ratio((double)play->writes.good, (double)play->writes.asked));
}

static void find_staleness(struct play *play, struct findings *out)
{
    double judged = (double)play->stale[0];

    find(out, "reads", "stale", ratio((double)play->stale[1], judged));
    find(out, "reads", "behind", ratio((double)play->behind, (double)play->stale[1]));
    for (uint32_t k = 1; k <= STALE_VERSIONS_MAX; k++)
        find_at(out, "reads", "stale-versions", k, ratio((double)play->stale[k], judged));
    for (unsigned i = 0; i < play->setup->time_count && play->setup->probes; i++)
        find_at(out, "", "p-consistent", play->setup->times[i],
                ratio((double)play->probe_fresh[i], (double)play->probe_reads[i]));
}

static uint64_t grown(uint64_t before, uint64_t now)
{
    return now < before ? now : now - before;
}

static void find_mended(struct play *play, struct findings *out)
{
    double hedges = 0;
    double repairs = 0;

    for (uint32_t node = 0; node < play->trial->nodes; node++) {
        hedges += (double)grown(play->before[node].hedges, play->work[node].hedges);
        repairs += (double)grown(play->before[node].repairs, play->work[node].repairs);
    }
    find(out, "reads", "hedges", ratio(hedges, (double)play->reads.asked));
    find(out, "reads", "repairs", ratio(repairs, (double)play->reads.asked));
}

static double work_of(const struct node_work *work, unsigned which)
{
    return (double)(which == 0 ? work->coordinated : which == 1 ? work->replicated : work->handled);
}

static void find_work(struct play *play, struct findings *out)
{
    static const char *const subjects[] = {"coordinated", "replicated", "messages"};
    uint32_t nodes = play->trial->nodes;
    double loads[SIM_NODES_MAX];
    double all = 0;

    for (unsigned which = 0; which < 3; which++) {
        struct spread spread;

        all = 0;
        for (uint32_t node = 0; node < nodes; node++)
            all += work_of(&play->work[node], which);
        for (uint32_t node = 0; node < nodes; node++)
            loads[node] = all > 0 ? work_of(&play->work[node], which) * nodes / all : 0;
        spread = spread_of(loads, NULL, nodes);
        find(out, subjects[which], "peak/average", spread.peak);
        find(out, subjects[which], "min/average", spread.floor);
        find(out, subjects[which], "cv", spread.cv);
        numbers_sort(loads, nodes);
        for (uint32_t rank = 1; rank <= nodes; rank++)
            find_at(out, subjects[which], "share", rank, loads[nodes - rank]);
    }
    find(out, "messages", "busiest",
         loads[nodes - 1] * all / nodes * play->setup->service_us / SECOND_US /
             play->setup->seconds);
}

static const char *traffic_name(unsigned kind)
{
    switch (kind) {
    case SIM_TRAFFIC_REPAIR:
        return "repair";
    case SIM_TRAFFIC_REQUEST:
        return "request";
    case SIM_TRAFFIC_REPLY:
        return "reply";
    case SIM_TRAFFIC_RUMOR:
        return "rumour";
    default:
        return message_name((enum message_kind)kind);
    }
}

static void find_sent(struct findings *out, const char *subject, const struct sim_traffic *sent,
                      double operations)
{
    find(out, subject, "messages/operation", ratio((double)sent->count, operations));
    findings_add(out, &(struct finding){.subject = subject,
                                        .metric = "bytes/operation",
                                        .unit = "bytes",
                                        .value = ratio((double)sent->bytes, operations)});
}

static void find_traffic(struct play *play, struct findings *out)
{
    double operations = (double)(play->reads.asked + play->writes.asked);
    struct sim_traffic among = {0, 0};

    for (unsigned kind = 0; kind < SIM_TRAFFIC_KINDS; kind++) {
        if (kind < SIM_TRAFFIC_REQUEST) {
            among.count += play->traffic[kind].count;
            among.bytes += play->traffic[kind].bytes;
        }
        find_sent(out, traffic_name(kind), &play->traffic[kind], operations);
    }
    find_sent(out, "among nodes", &among, operations);
}

static void find_times(struct play *play, struct findings *out)
{
    for (unsigned i = 0; i < CLUSTER_SLOTS && play->setup->event_count; i++)
        find_at(out, "operations", "answered", play->setup->seconds * i / CLUSTER_SLOTS,
                ratio((double)play->slots[i].good, (double)play->slots[i].ended));
}

void gains_find(struct play *play, struct findings *out)
{
    find_operations(play, out);
    find_staleness(play, out);
    find_mended(play, out);
    find_work(play, out);
    find_traffic(play, out);
    find_times(play, out);
}
