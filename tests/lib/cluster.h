// SPDX-License-Identifier: Apache-2.0
// A cluster of real nodes on this machine, for tests. Every node has its folder, its ports (free
// ones, new at each start) and a file with all that it wrote. A call that cannot do what it says
// fails the running test and shows what the nodes wrote; so use these from the test's own thread.
#ifndef TESTS_LIB_CLUSTER_H
#define TESTS_LIB_CLUSTER_H

#include "client/quorate.h"
#include "tests/lib/process.h"

enum { CLUSTER_NODES_MAX = 8, CLUSTER_ADDRESS_SIZE = 80, CLUSTER_WAIT_MS = 30000 };

struct cluster_node {
    struct process process;
    bool paused;
    char name[16]; // "n1", "n2", ...
    char zone[16]; // "": none
    char data[FILES_PATH_SIZE];
    char output[FILES_PATH_SIZE];
    char port_file[FILES_PATH_SIZE];
    char client[CLUSTER_ADDRESS_SIZE]; // "host:port" in use
    char gossip[CLUSTER_ADDRESS_SIZE];
    char peer[CLUSTER_ADDRESS_SIZE];
    const char *const *settings; // of this node alone, behind the cluster's; NULL: none
    uint32_t descriptors_max;    // RLIMIT_NOFILE; 0: as here
};

struct cluster_options {
    uint32_t nodes;              // to start; 0: 3
    uint32_t zones;              // node i lives in zone i modulo this; 0: no zones
    uint32_t shards;             // 0: 16
    uint32_t replicas;           // 0: 3
    bool bare;                   // no cluster init
    const char *const *settings; // of every node, "--word", "value", ..., NULL
};

struct cluster {
    char folder[FILES_PATH_SIZE];
    struct cluster_options options;
    struct cluster_node nodes[CLUSTER_NODES_MAX];
    uint32_t count;
    bool alone;        // nodes are started without --join
    char refusal[256]; // what the last cluster init said
    bool passed;
};

// The program of that name under test (QUORATE_BIN).
const char *cluster_program(const char *name);

// Starts the nodes, makes a cluster of them and waits until all are linked and serve. Nodes start
// with their own `settings` set beforehand by cluster_node_settings.
void cluster_start(struct cluster *cluster, const struct cluster_options *options);

// Adds one more node, not yet started; its index.
uint32_t cluster_add(struct cluster *cluster);

// Starts a node that does not run. It joins those that do.
void cluster_node_start(struct cluster *cluster, uint32_t node);

// The same without waiting, for starts that must fail.
void cluster_node_launch(struct cluster *cluster, uint32_t node);

// Waits for a launched node to end; its exit code. Fails when it runs on.
int cluster_node_end(struct cluster *cluster, uint32_t node);

void cluster_node_kill(struct cluster *cluster, uint32_t node);   // SIGKILL
void cluster_node_stop(struct cluster *cluster, uint32_t node);   // SIGTERM, must exit with 0
void cluster_node_pause(struct cluster *cluster, uint32_t node);  // SIGSTOP
void cluster_node_resume(struct cluster *cluster, uint32_t node); // SIGCONT

// Makes one cluster of all nodes; the error of it.
int cluster_init(struct cluster *cluster);

// Waits until each running node knows a topology, is linked to every running one under its present
// address, and holds complete copies of all that it owns.
void cluster_wait_ready(struct cluster *cluster);

// Waits until every running node sees this one in the state ("dead", "alive", ...).
void cluster_wait_state(struct cluster *cluster, uint32_t node, const char *state);

// A client of all running nodes, or of one; with default options but for what is given (NULL:
// none).
struct quorate_client *cluster_client(struct cluster *cluster,
                                      const struct quorate_client_options *options);
struct quorate_client *cluster_node_client(struct cluster *cluster, uint32_t node);

// What a node says about itself; free it with quorate_result_free. Never NULL.
struct quorate_result *cluster_node_status(struct cluster *cluster, uint32_t node);

// True when what the node wrote (over all its starts) has the text.
bool cluster_node_said(const struct cluster *cluster, uint32_t node, const char *text);

// Fails the test after showing what the nodes wrote last.
_Noreturn void cluster_fail(const struct cluster *cluster, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// cmocka's setup and teardown: *state is a struct cluster, not started. The teardown kills what
// runs, shows what the nodes wrote unless `passed` is set, and fails when a node reported a broken
// check or a sanitizer's finding.
int cluster_setup(void **state);
int cluster_teardown(void **state);

// The end of a test that passed: stops all nodes, which must exit with 0.
void cluster_pass(struct cluster *cluster);

#define CLUSTER_TEST(function)                                                                     \
    cmocka_unit_test_setup_teardown(function, cluster_setup, cluster_teardown)

#endif
