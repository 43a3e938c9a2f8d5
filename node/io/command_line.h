// SPDX-License-Identifier: Apache-2.0
// The command line and the configuration file of quorate-node.
#ifndef NODE_IO_COMMAND_LINE_H
#define NODE_IO_COMMAND_LINE_H

#include "node/io/settings.h"

// Reads both into initialised settings; what the command line says wins over the file. Answers
// --help, --settings, --usage and --version itself, then exits with 0; on a mistake it says on
// stderr which one and exits with 2.
void command_line_read(int argc, char **argv, struct settings *settings);

// Reads a configuration file: lines of `name = value`, comments after # or ;. A name stands at most
// once, but for join. ERR_INVALID or ERR_IO: `why` gets "FILE:LINE: ...".
int command_line_read_file(const char *path, struct settings *settings, struct buffer *why);

// For a name that is no setting: "no setting is called X; did you mean Y?".
void command_line_add_unknown(const char *name, struct buffer *why);

#endif
