// SPDX-License-Identifier: Apache-2.0
// A read that starts t after the commit finds the write at replica i when
//
//   commit + t + R_i >= W_i,  so from t = W_i - R_i - commit on,
//
// and it is consistent when one of the r replicas that it waits for had it: from the smallest of
// those t on. Which r those are does not depend on t. That makes the smallest consistent t one
// number per trial, and the curve of P(consistent) against t its distribution.
#include "sim/question/wars.h"

#include "base/check.h"

// The numbers 0..n-1 in ascending order of out-and-back time; equal ones keep their order.
static void order_by_answer(const double *there, const double *back, uint32_t n, uint32_t *order,
                            double *times)
{
    for (uint32_t i = 0; i < n; i++) {
        double time = there[i] + back[i];
        uint32_t place = i;

        for (; place > 0 && times[place - 1] > time; place--) {
            times[place] = times[place - 1];
            order[place] = order[place - 1];
        }
        times[place] = time;
        order[place] = i;
    }
}

struct wars_outcome wars_outcome(const struct wars *wars)
{
    uint32_t order[SCHEME_REPLICAS_MAX];
    double times[SCHEME_REPLICAS_MAX];
    struct wars_outcome outcome;
    double first = 0;

    check(wars->n >= 1 && wars->n <= SCHEME_REPLICAS_MAX);
    check(wars->r >= 1 && wars->r <= wars->n && wars->w >= 1 && wars->w <= wars->n);
    order_by_answer(wars->legs[LEG_W], wars->legs[LEG_A], wars->n, order, times);
    outcome.write = times[wars->w - 1];
    order_by_answer(wars->legs[LEG_R], wars->legs[LEG_S], wars->n, order, times);
    outcome.read = times[wars->r - 1];
    for (uint32_t rank = 0; rank < wars->r; rank++) {
        uint32_t i = order[rank];
        double from = wars->legs[LEG_W][i] - wars->legs[LEG_R][i] - outcome.write;

        if (rank == 0 || from < first)
            first = from;
    }
    outcome.visible = first > 0 ? first : 0;
    return outcome;
}

// C(n, k); small numbers only, each step divides exactly.
static double choose(uint32_t n, uint32_t k)
{
    double ways = 1;

    if (k > n)
        return 0;
    for (uint32_t i = 1; i <= k; i++)
        ways = ways * (n - k + i) / i;
    return ways;
}

double wars_stale_versions(uint32_t n, uint32_t r, uint32_t w, uint32_t versions)
{
    double misses = choose(n - w, r) / choose(n, r);
    double all = 1;

    for (uint32_t i = 0; i < versions; i++)
        all *= misses;
    return all;
}
