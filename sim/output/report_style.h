// SPDX-License-Identifier: Apache-2.0
// The style of the report's page, but for its charts (chart.h).
#ifndef SIM_OUTPUT_REPORT_STYLE_H
#define SIM_OUTPUT_REPORT_STYLE_H

#include "base/buffer.h"

void report_style(struct buffer *out);

#endif
