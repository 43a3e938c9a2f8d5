// SPDX-License-Identifier: Apache-2.0
// The command `quorate-sim placement`: options in, tables and files out.
#ifndef SIM_PLACEMENT_PLACEMENT_H
#define SIM_PLACEMENT_PLACEMENT_H

// argv[0] is the command's word. Returns the exit code.
int placement_main(int argc, char **argv);

#endif
