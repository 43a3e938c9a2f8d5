// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/near.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void assert_near_at(double value, double wanted, double tolerance, const char *file, int line)
{
    if (!(fabs(value - wanted) <= tolerance)) {
        print_error("%g is not %g +- %g\n", value, wanted, tolerance);
        _fail(file, line);
    }
}
