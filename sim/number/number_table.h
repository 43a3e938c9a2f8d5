// SPDX-License-Identifier: Apache-2.0
// The tables behind number_log, number_pow and number_exp.
#ifndef SIM_NUMBER_NUMBER_TABLE_H
#define SIM_NUMBER_NUMBER_TABLE_H

enum { NUMBER_STEPS = 128 };

// The numbers from 0x1.6bp-1 to 0x1.6bp+0 lie in 128 steps, as wide as the 7th bit behind the
// point; 1 is the middle of one. For each step:
struct log_step {
    double inverse; // 1 / its middle, to 12 bits
    double high;    // -log(inverse), a multiple of 2^-42
    double low;     // and the rest
};

extern const struct log_step number_log_steps[NUMBER_STEPS];

// 2^(i / 128)
extern const double number_exp_steps[NUMBER_STEPS];

#endif
