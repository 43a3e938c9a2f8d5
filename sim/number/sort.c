// SPDX-License-Identifier: Apache-2.0
// Quicksort. A stretch is partitioned without a branch on the values, so that random data cost no
// mispredictions: every value changes places with the first of the larger ones, and the border
// moves on when it was a smaller one.
//
//     | smaller than the pivot | not smaller |  not looked at yet  |
//                              ^ border       ^ at
//
// A pivot that is the smallest value of its stretch splits nothing off; then the values equal to it
// are split off instead, so that stretches of equal values end at once. When stretches stay long
// for too many levels (an input made against the choice of pivots) heapsort takes over.
#include "sim/number/summary.h"

enum { SHORT = 24, NINTHER_MIN = 256 };

static void swap(double *a, double *b)
{
    double kept = *a;

    *a = *b;
    *b = kept;
}

static void sort_short(double *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        double value = values[i];
        size_t at = i;

        for (; at > 0 && value < values[at - 1]; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
}

static void heap_sink(double *values, size_t at, size_t count)
{
    while (2 * at + 1 < count) {
        size_t child = 2 * at + 1;

        if (child + 1 < count && values[child] < values[child + 1])
            child += 1;
        if (values[child] <= values[at])
            return;
        swap(&values[at], &values[child]);
        at = child;
    }
}

static void sort_heap(double *values, size_t count)
{
    for (size_t i = count / 2; i > 0; i--)
        heap_sink(values, i - 1, count);
    for (size_t i = count; i > 1; i--) {
        swap(&values[0], &values[i - 1]);
        heap_sink(values, 0, i - 1);
    }
}

static double median(double a, double b, double c)
{
    double low = a < b ? a : b;
    double high = a < b ? b : a;

    return c < low ? low : c > high ? high : c;
}

static double pivot_of(const double *values, size_t count)
{
    size_t step = count / 9;

    if (count < NINTHER_MIN)
        return median(values[0], values[count / 2], values[count - 1]);
    return median(median(values[0], values[step], values[2 * step]),
                  median(values[3 * step], values[4 * step], values[5 * step]),
                  median(values[6 * step], values[7 * step], values[8 * step]));
}

// How many values are below the pivot: these come to stand first.
static size_t part_below(double *values, size_t count, double pivot)
{
    size_t border = 0;

    for (size_t at = 0; at < count; at++) {
        double value = values[at];

        values[at] = values[border];
        values[border] = value;
        border += value < pivot;
    }
    return border;
}

// The same for those that are not above it.
static size_t part_not_above(double *values, size_t count, double pivot)
{
    size_t border = 0;

    for (size_t at = 0; at < count; at++) {
        double value = values[at];

        values[at] = values[border];
        values[border] = value;
        border += value <= pivot;
    }
    return border;
}

static void sort_levels(double *values, size_t count, unsigned levels)
{
    while (count > SHORT) {
        double pivot = pivot_of(values, count);
        size_t first;

        if (levels-- == 0) {
            sort_heap(values, count);
            return;
        }
        first = part_below(values, count, pivot);
        if (first == 0) {
            first = part_not_above(values, count, pivot);
        } else if (first <= count / 2) { // the shorter one: the calls nest log2(count) deep at most
            sort_levels(values, first, levels);
        } else {
            sort_levels(values + first, count - first, levels);
            count = first;
            continue;
        }
        values += first;
        count -= first;
    }
    sort_short(values, count);
}

// What is no number goes last.
static size_t part_numbers(double *values, size_t count)
{
    size_t numbers = 0;

    for (size_t i = 0; i < count; i++) {
        if (values[i] == values[i])
            swap(&values[i], &values[numbers++]);
    }
    return numbers;
}

void numbers_sort(double *values, size_t count)
{
    unsigned levels = 4;

    for (size_t left = count; left > 1; left /= 2)
        levels += 2;
    sort_levels(values, part_numbers(values, count), levels);
}
