// SPDX-License-Identifier: Apache-2.0
//
// Runs a cluster for a script: cluster_main NODES [SETTING...]. Prints a line per node, "NAME
// CLIENT GOSSIP PID DIR", then "ready", and goes on until its standard input ends; then it stops
// the nodes. Exit code 0 when all of them ended well.

#include "tests/lib/cluster.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct cluster_options options = {0};
    char ignored[256];
    void *state;

    if (argc < 2) {
        fprintf(stderr, "usage: %s NODES [SETTING...]\n", argv[0]);
        return 2;
    }
    options.nodes = (uint32_t)atoi(argv[1]);
    options.replicas = options.nodes < 3 ? options.nodes : 3;
    options.settings = (const char *const *)argv + 2;
    cluster_setup(&state);
    struct cluster *cluster = state;
    cluster_start(cluster, &options);
    for (uint32_t i = 0; i < cluster->count; i++) {
        const struct cluster_node *node = &cluster->nodes[i];
        printf("%s %s %s %d %s\n", node->name, node->client, node->gossip, node->process.pid,
               node->data);
    }
    printf("ready\n");
    fflush(stdout);
    while (read(STDIN_FILENO, ignored, sizeof(ignored)) > 0)
        continue;
    // The script may have killed some.
    for (uint32_t i = 0; i < cluster->count; i++)
        process_running(&cluster->nodes[i].process);
    cluster_pass(cluster);
    return cluster_teardown(&state) ? 1 : 0;
}
