// SPDX-License-Identifier: Apache-2.0
// A node as a process: puts the store, the machine, the listeners, the links and gossip together,
// runs them, and takes them apart again.
#ifndef NODE_IO_SERVICE_H
#define NODE_IO_SERVICE_H

#include "node/io/settings.h"

// Serves until SIGTERM or SIGINT. Returns the exit code: 0 after a clean end, 8 when it cannot
// start or end as it should; the reason is in the log.
int service_run(const struct settings *settings);

#endif
