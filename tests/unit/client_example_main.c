// SPDX-License-Identifier: Apache-2.0
// The example of the manual compiles and links as it stands.
#include "client/example/list.c"
