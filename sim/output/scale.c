// SPDX-License-Identifier: Apache-2.0
#include "sim/output/scale.h"

#include "sim/number/number.h"
#include "sim/output/row.h"

static double ten_to(int exponent)
{
    double power = 1;

    for (int i = 0; i < (exponent < 0 ? -exponent : exponent); i++)
        power *= 10;
    return exponent < 0 ? 1 / power : power;
}

// The largest power of ten that is not above: its exponent. value > 0.
static int decade_of(double value)
{
    int exponent = 0;

    while (exponent < 300 && ten_to(exponent + 1) <= value * (1 + 1e-12))
        exponent += 1;
    while (exponent > -300 && ten_to(exponent) > value * (1 + 1e-12))
        exponent -= 1;
    return exponent;
}

static double whole_below(double value)
{
    double whole = (double)(long long)value;

    return whole > value ? whole - 1 : whole;
}

// 1, 2 or 5 times a power of ten that divides the span into at most so many steps.
static double step_of(double span, unsigned steps)
{
    double rough = span / steps;
    double power = ten_to(decade_of(rough));

    if (rough <= power * 1.000001)
        return power;
    if (rough <= 2 * power)
        return 2 * power;
    return rough <= 5 * power ? 5 * power : 10 * power;
}

static void nice_log(struct scale *scale)
{
    static const double rounds[] = {1, 2, 5, 10};
    double low = ten_to(decade_of(scale->low));
    double high = ten_to(decade_of(scale->high));
    unsigned above = 0;

    for (unsigned i = 3; i > 0; i--) {
        if (rounds[i] * low <= scale->low * (1 + 1e-9)) {
            low *= rounds[i];
            break;
        }
    }
    while (above < 3 && rounds[above] * high < scale->high * (1 - 1e-9))
        above += 1;
    scale->low = low;
    scale->high = rounds[above] * high;
    if (scale->high <= scale->low)
        scale->high = scale->low * 10;
}

void scale_nice(struct scale *scale, unsigned steps)
{
    double step;

    if (scale->log) {
        nice_log(scale);
        return;
    }
    if (!(scale->high > scale->low)) {
        double room = scale->low == 0 ? 1 : (scale->low < 0 ? -scale->low : scale->low) * 0.5;

        scale->low -= scale->low == 0 ? 0 : room;
        scale->high += room;
    }
    step = step_of(scale->high - scale->low, steps);
    scale->low = step * whole_below(scale->low / step + 1e-9);
    scale->high = -step * whole_below(-scale->high / step + 1e-9);
}

double scale_place(const struct scale *scale, double value)
{
    double slot = scale->zero ? (scale->to > scale->from ? SCALE_ZERO_SLOT : -SCALE_ZERO_SLOT) : 0;
    double from = scale->from + slot;
    double share;

    if (scale->zero && !(value > 0))
        return scale->from;
    if (value <= scale->low || value != value)
        return from;
    if (value >= scale->high)
        return scale->to;
    if (scale->log)
        share = number_log(value / scale->low) / number_log(scale->high / scale->low);
    else
        share = (value - scale->low) / (scale->high - scale->low);
    return from + share * (scale->to - from);
}

// Ticks at `rounds` of every so many-th decade.
static size_t log_ticks(const struct scale *scale, int every, unsigned rounds,
                        double out[SCALE_TICKS_MAX])
{
    static const double all[] = {1, 2, 5};
    static const double thirds[] = {1, 3};
    const double *factors = rounds == 2 ? thirds : all;
    size_t count = 0;

    if (scale->zero)
        out[count++] = 0;
    for (int decade = decade_of(scale->low); ten_to(decade) <= scale->high * 1.000001; decade++) {
        for (unsigned i = 0; i < rounds && decade % every == 0; i++) {
            double tick = factors[i] * ten_to(decade);

            if (tick < scale->low * 0.999999 || tick > scale->high * 1.000001)
                continue;
            if (count == SCALE_TICKS_MAX)
                return count + 1;
            out[count++] = tick;
        }
    }
    return count;
}

// Multiples of the step; returns how many, at most one more than there is room for.
static size_t linear_ticks(const struct scale *scale, double step, double out[SCALE_TICKS_MAX])
{
    size_t count = 0;

    for (double i = whole_below(scale->low / step - 1e-9) + 1;; i++) {
        double tick = i * step;

        if (tick > scale->high + step * 1e-6)
            return count;
        if (count == SCALE_TICKS_MAX)
            return count + 1;
        out[count++] = tick;
    }
}

size_t scale_ticks(const struct scale *scale, unsigned most, double out[SCALE_TICKS_MAX])
{
    size_t count = SCALE_TICKS_MAX + 1;

    if (most > SCALE_TICKS_MAX)
        most = SCALE_TICKS_MAX;
    for (unsigned steps = 2 * most; !scale->log && count > most; steps--)
        count = linear_ticks(scale, step_of(scale->high - scale->low, steps), out);
    for (unsigned rounds = 3; scale->log && rounds > 0 && count > most; rounds--)
        count = log_ticks(scale, 1, rounds, out);
    for (int every = 2; scale->log && count > most && every < 100; every++)
        count = log_ticks(scale, every, 1, out);
    return count;
}

static const char *ns_label(struct arena *arena, double ns)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    unsigned unit = 0;

    for (; ns >= 999.9999 && unit < 3; unit++)
        ns /= 1000;
    return arena_text(arena, "%s %s", scale_label(arena, ns, NULL), units[unit]);
}

const char *scale_label(struct arena *arena, double tick, const char *unit)
{
    static const struct {
        double at;
        double unit;
        const char *name;
    } units[] = {{1e12, 1e12, "T"}, {1e9, 1e9, "G"}, {1e6, 1e6, "M"}, {1e4, 1e3, "k"}};
    const char *name = "";
    struct buffer out = {0};
    const char *text;

    if (unit && strcmp(unit, "ns") == 0)
        return ns_label(arena, tick);
    for (size_t i = 0; i < sizeof units / sizeof units[0] && !*name; i++) {
        if (tick >= units[i].at * 0.999999 || tick <= -units[i].at * 0.999999) {
            tick /= units[i].unit;
            name = units[i].name;
        }
    }
    number_write(&out, tick, 4);
    text = arena_text(arena, "%.*s%s", (int)out.size, (const char *)out.data, name);
    buffer_done(&out);
    return text;
}
