// SPDX-License-Identifier: Apache-2.0
// Bailis, Venkataraman, Franklin, Hellerstein, Stoica, "Probabilistically Bounded Staleness for
// Practical Partial Quorums", VLDB 2012, table 3: fits to latencies of LinkedIn's and Yammer's
// clusters. All have A = R = S; an exponential is given by its rate per ms.
#include "sim/number/delay.h"

#include <string.h>

#define SSD "0.9122*pareto:0.235,10+0.0878*exp:1.66"

static const struct fit {
    const char *name;
    const char *write;
    const char *others;
} fits[] = {
    {"lnkd-ssd", SSD, SSD},
    {"lnkd-disk", "0.38*pareto:1.05,1.51+0.62*exp:0.183", SSD},
    {"ymmr", "0.939*pareto:3,3.35+0.061*exp:0.0028", "0.982*pareto:1.5,3.8+0.018*exp:0.0217"},
};

const char *delay_fit(const char *name, char leg)
{
    if (!memchr("WARS", leg, 4))
        return NULL;
    for (unsigned i = 0; i < sizeof fits / sizeof fits[0]; i++) {
        if (strcmp(fits[i].name, name) == 0)
            return leg == 'W' ? fits[i].write : fits[i].others;
    }
    return NULL;
}
