// SPDX-License-Identifier: Apache-2.0
//
// What strangers may take of a node, descriptors and places, and what stays for those who have a
// right to it.

#include "base/check.h"
#include "base/err.h"
#include "tests/lib/brief.h"
#include "tests/lib/cluster.h"
#include "tests/lib/raw.h"
#include "tests/lib/wait.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    LOW_DESCRIPTORS = 64,
    STRANGERS = 2 * LOW_DESCRIPTORS, // on each port
    PUTS = 160,                      // of 48 KiB: three segments of the log and more
    PUT_SIZE = 48 << 10
};

static void node_start(struct cluster *cluster, const char *const *settings, uint32_t descriptors)
{
    cluster->options.nodes = 1;
    cluster->options.replicas = 1;
    cluster_add(cluster);
    cluster->nodes[0].settings = settings;
    cluster->nodes[0].descriptors_max = descriptors;
    cluster_node_start(cluster, 0);
    cluster_start(cluster, NULL);
}

static void strangers_come(const char *address, int fds[STRANGERS])
{
    for (uint32_t i = 0; i < STRANGERS; i++)
        fds[i] = raw_connect(address);
}

static void strangers_go(const int fds[STRANGERS])
{
    for (uint32_t i = 0; i < STRANGERS; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
}

// A log that cannot open its next segment ends the process: no number of connections does that.
static void strangers_leave_the_log_its_files(void **state)
{
    static const char *const settings[] = {"--value-max", "64K", "--log-segment", "64K", NULL};
    static char value[PUT_SIZE];
    struct cluster *cluster = *state;
    int peers[STRANGERS], members[STRANGERS], clients[STRANGERS];

    node_start(cluster, settings, LOW_DESCRIPTORS);
    struct quorate_client *client = cluster_node_client(cluster, 0);
    assert_int_equal(brief_put(client, "before", "the flood", 1), 0);
    strangers_come(cluster->nodes[0].peer, peers);
    strangers_come(cluster->nodes[0].gossip, members);
    strangers_come(cluster->nodes[0].client, clients);
    printf("%u descriptors in use\n", process_descriptors(cluster->nodes[0].process.pid));
    memset(value, 'v', sizeof(value));
    for (uint32_t i = 0; i < PUTS; i++) {
        char key[32];

        snprintf(key, sizeof(key), "key-%u", i);
        int err;
        do // a keeper of segments that cannot keep up is no matter here
            err = quorate_put(client, brief_key(key), quorate_bytes(value, sizeof(value)), NULL,
                              NULL);
        while (err == ERR_OVERLOADED);
        if (err)
            cluster_fail(cluster, "put %u: %d", i, err);
    }
    strangers_go(peers);
    strangers_go(members);
    strangers_go(clients);
    quorate_close(client);
    cluster_pass(cluster);
}

// Who says nothing on the peer port has to make room for a node.
static void strangers_keep_no_node_out(void **state)
{
    struct cluster *cluster = *state;
    int peers[STRANGERS];

    cluster_add(cluster);
    cluster->nodes[0].descriptors_max = LOW_DESCRIPTORS;
    cluster_node_start(cluster, 0);
    cluster_start(cluster, NULL);
    cluster_node_kill(cluster, 1);
    strangers_come(cluster->nodes[0].peer, peers);
    uint64_t began = wait_now_ms();
    cluster_node_start(cluster, 1);
    cluster_wait_ready(cluster);
    printf("ready after %llu ms\n", (unsigned long long)(wait_now_ms() - began));
    assert_true(wait_now_ms() - began < wait_patience(8000)); // strangers are cut after 10 s
    strangers_go(peers);
    cluster_pass(cluster);
}

static uint16_t port_of(const char *address)
{
    return (uint16_t)atoi(strrchr(address, ':') + 1);
}

// Takes a port of loopback for datagrams.
static int port_take(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    check(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

// Where any free port was asked for, the last one is taken again only if it is free in each way.
static void last_port_may_be_taken(void **state)
{
    static const char *settings[] = {"--listen", NULL, NULL};
    struct cluster *cluster = *state;
    static char listen[CLUSTER_ADDRESS_SIZE];

    cluster->options.bare = true;
    node_start(cluster, NULL, 0);
    struct cluster_node *node = &cluster->nodes[0];
    uint16_t port = port_of(node->gossip);
    cluster_node_stop(cluster, 0);
    int fd = port_take(port);
    cluster_node_start(cluster, 0);
    assert_int_not_equal(port_of(node->gossip), port);
    close(fd);
    // The port where other nodes were served is now wanted for clients.
    memcpy(listen, node->peer, sizeof(listen));
    settings[1] = listen;
    cluster_node_stop(cluster, 0);
    node->settings = settings;
    cluster_node_start(cluster, 0);
    assert_string_equal(node->client, listen);
    cluster_pass(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLUSTER_TEST(strangers_leave_the_log_its_files),
        CLUSTER_TEST(strangers_keep_no_node_out),
        CLUSTER_TEST(last_port_may_be_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
