// SPDX-License-Identifier: Apache-2.0
// The logarithms are found bit by bit: squaring a number doubles its logarithm, so the carry of
// each squaring is the next binary digit. Integers only; the last digit is the same on every
// processor, which libm's is not.
#include "gossip/suspicion.h"

#include "base/check.h"

__extension__ typedef unsigned __int128 wide;

enum { LOG_BITS = 48 };

// log10(2) * 2^60.
static const uint64_t log10_of_2 = 0x04d104d427de7fbc;

// log2(value) * 2^48, cut; exact for powers of two. value >= 1.
static uint64_t log2_fixed(uint32_t value)
{
    unsigned whole = 31 - (unsigned)__builtin_clz(value);
    uint64_t rest = (uint64_t)value << (62 - whole); // 1 <= rest / 2^62 < 2
    uint64_t digits = whole;

    for (unsigned i = 0; i < LOG_BITS; i++) {
        rest = (uint64_t)((wide)rest * rest >> 62);
        digits <<= 1;
        if (rest >> 63) {
            rest >>= 1;
            digits |= 1;
        }
    }
    return digits;
}

// floor(1000 * log10(value)). The slack lifts powers of ten, whose cut logarithm falls short of the
// whole number; no other value up to 2^32 comes that close to one from below.
static uint32_t log10_thousandths(uint32_t value)
{
    const uint64_t slack = 1 << 8;

    if (value <= 1)
        return 0;
    return (uint32_t)((wide)(log2_fixed(value) + slack) * log10_of_2 * 1000 >> (LOG_BITS + 60));
}

uint32_t suspicion_min_ms(const struct swim_timing *timing, uint32_t members)
{
    uint64_t thousandths = log10_thousandths(members);

    if (thousandths < 1000)
        thousandths = 1000;
    return (uint32_t)(timing->suspicion_mult * thousandths * timing->probe_interval_ms / 1000);
}

// a / b * 2^48 for a < b < 2^63, cut, by long division: compilers call a library for wider ones.
static uint64_t divide(uint64_t a, uint64_t b)
{
    uint64_t digits = 0;

    for (unsigned i = 0; i < LOG_BITS; i++) {
        a <<= 1;
        digits = digits << 1 | (a >= b);
        if (a >= b)
            a -= b;
    }
    return digits;
}

uint32_t suspicion_timeout_ms(uint32_t min_ms, uint32_t max_ms, uint32_t confirmed,
                              uint32_t expected)
{
    const uint64_t slack = 4; // of 2^20: what cutting may have added to a whole number
    uint64_t ratio;
    uint64_t less; // what the confirmations take off, * 2^20
    uint64_t timeout;

    if (expected == 0 || confirmed >= expected)
        return min_ms;
    ratio = divide(log2_fixed(confirmed + 1), log2_fixed(expected + 1));
    less = (uint64_t)((wide)(max_ms - min_ms) * ratio >> (LOG_BITS - 20));
    less = less > slack ? (less - slack + (1 << 20) - 1) >> 20 : 0;
    timeout = max_ms - less;
    return timeout < min_ms ? min_ms : (uint32_t)timeout;
}

void suspicion_start(struct suspicion *suspicion, const struct swim_timing *timing,
                     uint32_t members, uint64_t now_ms, uint64_t accuser)
{
    uint32_t expected = timing->suspicion_mult > 2 ? timing->suspicion_mult - 2 : 0;

    if (expected >= SUSPICION_ACCUSERS_MAX)
        expected = SUSPICION_ACCUSERS_MAX - 1;
    if (members < expected + 2)
        expected = 0;
    *suspicion = (struct suspicion){
        .start_ms = now_ms,
        .accusers = {(uint32_t)accuser},
        .min_ms = suspicion_min_ms(timing, members),
        .expected = (uint8_t)expected,
    };
    suspicion->max_ms = suspicion->min_ms * timing->suspicion_max_mult;
}

bool suspicion_confirm(struct suspicion *suspicion, uint64_t accuser)
{
    if (suspicion->confirmed >= suspicion->expected)
        return false;
    for (unsigned i = 0; i <= suspicion->confirmed; i++) {
        if (suspicion->accusers[i] == (uint32_t)accuser)
            return false;
    }
    suspicion->accusers[++suspicion->confirmed] = (uint32_t)accuser;
    check(suspicion->confirmed < SUSPICION_ACCUSERS_MAX);
    return true;
}

uint64_t suspicion_deadline(const struct suspicion *suspicion)
{
    return suspicion->start_ms + suspicion_timeout_ms(suspicion->min_ms, suspicion->max_ms,
                                                      suspicion->confirmed, suspicion->expected);
}
