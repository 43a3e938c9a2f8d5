// SPDX-License-Identifier: Apache-2.0
// `quorate-sim check`: runs seeds, tells what broke, makes it smaller, repeats it.
#ifndef SIM_CHECK_COMMAND_H
#define SIM_CHECK_COMMAND_H

// Returns the exit code: 0 all promises were kept; 2 usage; 8 one was broken, or no process could
// be made. argv[0] is the command's name.
int check_main(int argc, char **argv);

#endif
