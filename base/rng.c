// SPDX-License-Identifier: Apache-2.0
#include "base/rng.h"

#include "base/check.h"

static uint64_t rotate_left(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

uint64_t rng_mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

void rng_init(struct rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        rng->state[i] = rng_mix(seed);
        seed += 0x9e3779b97f4a7c15;
    }
}

uint64_t rng_u64(struct rng *rng)
{
    uint64_t *state = rng->state;
    uint64_t result = rotate_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;

    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return result;
}

__extension__ typedef unsigned __int128 wide;

uint64_t rng_below(struct rng *rng, uint64_t bound)
{
    wide product = (wide)rng_u64(rng) * bound;

    check(bound > 0);
    if ((uint64_t)product < bound) {
        uint64_t floor = -bound % bound;

        while ((uint64_t)product < floor)
            product = (wide)rng_u64(rng) * bound;
    }
    return (uint64_t)(product >> 64);
}
