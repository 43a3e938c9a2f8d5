// SPDX-License-Identifier: Apache-2.0
// The part of the help that argp does not know: questions and schemes.
#ifndef SIM_PLACEMENT_HELP_H
#define SIM_PLACEMENT_HELP_H

// For argp: puts them before the text that stands behind the options.
char *help_filter(int key, const char *text, void *input);

#endif
