// SPDX-License-Identifier: Apache-2.0

#include "tests/lib/cluster.h"

#include "base/check.h"
#include "tests/lib/wait.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SHOWN_LINES = 40, ASK_MS = 1000 };

const char *cluster_program(const char *name)
{
    static char path[FILES_PATH_SIZE];
    const char *folder = getenv("QUORATE_BIN");

    snprintf(path, sizeof(path), "%s/%s", folder ? folder : "build/release/bin", name);
    return path;
}

static void cluster_show(const struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->count; i++)
        files_show_tail(cluster->nodes[i].output, cluster->nodes[i].name, SHOWN_LINES);
}

void cluster_fail(const struct cluster *cluster, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    printf("%s (files: %s)\n", text, cluster->folder);
    fail_msg("%s", text);
    abort();
}

// ---- one node -----------------------------------------------------------------------------------

uint32_t cluster_add(struct cluster *cluster)
{
    uint32_t index = cluster->count;
    struct cluster_node *node = &cluster->nodes[index];
    char path[FILES_PATH_SIZE];

    check(index < CLUSTER_NODES_MAX);
    cluster->count++;
    snprintf(node->name, sizeof(node->name), "n%u", index + 1);
    if (cluster->options.zones)
        snprintf(node->zone, sizeof(node->zone), "z%u", index % cluster->options.zones + 1);
    snprintf(path, sizeof(path), "%.400s/%s", cluster->folder, node->name);
    snprintf(node->data, sizeof(node->data), "%s", path);
    snprintf(node->output, sizeof(node->output), "%.450s.txt", path);
    snprintf(node->port_file, sizeof(node->port_file), "%.450s.ports", path);
    return index;
}

struct arguments {
    const char *items[PROCESS_ARGUMENTS_MAX];
    uint32_t count;
};

static void argument_add(struct arguments *arguments, const char *name, const char *value)
{
    check(arguments->count + 3 < PROCESS_ARGUMENTS_MAX);
    arguments->items[arguments->count++] = name;
    if (value)
        arguments->items[arguments->count++] = value;
}

static void arguments_add_all(struct arguments *arguments, const char *const *list)
{
    for (; list && *list; list++)
        argument_add(arguments, *list, NULL);
}

static void arguments_of(struct cluster *cluster, uint32_t index, struct arguments *out)
{
    struct cluster_node *node = &cluster->nodes[index];

    argument_add(out, cluster_program("quorate-node"), NULL);
    argument_add(out, "--data", node->data);
    argument_add(out, "--name", node->name);
    argument_add(out, "--listen", "127.0.0.1:0");
    argument_add(out, "--gossip", "127.0.0.1:0");
    argument_add(out, "--peer", "127.0.0.1:0");
    argument_add(out, "--port-file", node->port_file);
    argument_add(out, "--gossip-profile", "local");
    if (node->zone[0])
        argument_add(out, "--zone", node->zone);
    for (uint32_t i = 0; i < cluster->count && !cluster->alone; i++) {
        if (i != index && cluster->nodes[i].process.pid && !cluster->nodes[i].paused)
            argument_add(out, "--join", cluster->nodes[i].gossip);
    }
    arguments_add_all(out, cluster->options.settings);
    arguments_add_all(out, node->settings);
}

void cluster_node_launch(struct cluster *cluster, uint32_t index)
{
    struct cluster_node *node = &cluster->nodes[index];
    struct arguments arguments = {0};
    struct process_start start = {arguments.items, node->output, node->descriptors_max};

    check(!node->process.pid);
    remove(node->port_file);
    arguments_of(cluster, index, &arguments);
    if (process_begin(&node->process, &start))
        cluster_fail(cluster, "%s cannot be forked", node->name);
    node->paused = false;
}

// Finds the word and the address behind it in a port file.
static bool port_read(const struct buffer *file, const char *word, char out[CLUSTER_ADDRESS_SIZE])
{
    const char *at = strstr((const char *)file->data, word);

    if (!at)
        return false;
    at += strlen(word);
    at += strspn(at, " =:\t\"");
    size_t size = strcspn(at, " \r\n\t\",");
    snprintf(out, CLUSTER_ADDRESS_SIZE, "%.*s", (int)size, at);
    return size > 0;
}

struct starting {
    struct cluster_node *node;
    bool ready;
};

// True when it is up, or dead.
static bool node_is_up(void *context)
{
    struct starting *starting = context;
    struct cluster_node *node = starting->node;
    struct buffer file = {0};

    if (!process_running(&node->process))
        return true;
    if (files_read(node->port_file, &file)) {
        buffer_add_u8(&file, 0);
        starting->ready = port_read(&file, "client", node->client) &&
                          port_read(&file, "gossip", node->gossip) &&
                          port_read(&file, "peer", node->peer);
    }
    buffer_done(&file);
    return starting->ready;
}

void cluster_node_start(struct cluster *cluster, uint32_t index)
{
    struct starting starting = {&cluster->nodes[index], false};

    cluster_node_launch(cluster, index);
    wait_until(node_is_up, &starting, CLUSTER_WAIT_MS);
    if (starting.ready)
        return;
    if (!starting.node->process.pid)
        cluster_fail(cluster, "%s ended with %d instead of starting", starting.node->name,
                     process_exit(&starting.node->process));
    cluster_fail(cluster, "%s wrote no port file in time", starting.node->name);
}

int cluster_node_end(struct cluster *cluster, uint32_t index)
{
    struct cluster_node *node = &cluster->nodes[index];

    if (!process_wait(&node->process, CLUSTER_WAIT_MS))
        cluster_fail(cluster, "%s did not end", node->name);
    return process_exit(&node->process);
}

void cluster_node_kill(struct cluster *cluster, uint32_t index)
{
    process_kill(&cluster->nodes[index].process);
    cluster->nodes[index].paused = false;
}

void cluster_node_stop(struct cluster *cluster, uint32_t index)
{
    process_signal(&cluster->nodes[index].process, SIGTERM);
    int code = cluster_node_end(cluster, index);
    if (code)
        cluster_fail(cluster, "%s exited with %d on SIGTERM", cluster->nodes[index].name, code);
}

void cluster_node_pause(struct cluster *cluster, uint32_t index)
{
    process_signal(&cluster->nodes[index].process, SIGSTOP);
    cluster->nodes[index].paused = true;
}

void cluster_node_resume(struct cluster *cluster, uint32_t index)
{
    process_signal(&cluster->nodes[index].process, SIGCONT);
    cluster->nodes[index].paused = false;
}

static bool node_is_active(const struct cluster *cluster, uint32_t index)
{
    return cluster->nodes[index].process.pid && !cluster->nodes[index].paused;
}

bool cluster_node_said(const struct cluster *cluster, uint32_t index, const char *text)
{
    return files_contain(cluster->nodes[index].output, text);
}

// ---- clients ------------------------------------------------------------------------------------

static struct quorate_client *client_open(const struct cluster *cluster, const char *endpoints,
                                          const struct quorate_client_options *options)
{
    struct quorate_client *client;
    int err = quorate_open(endpoints, options, &client);

    if (err)
        cluster_fail(cluster, "no client of %s: %s", endpoints, quorate_err_name(err));
    return client;
}

struct quorate_client *cluster_client(struct cluster *cluster,
                                      const struct quorate_client_options *options)
{
    char endpoints[CLUSTER_NODES_MAX * CLUSTER_ADDRESS_SIZE] = "";
    size_t used = 0;

    for (uint32_t i = 0; i < cluster->count; i++) {
        if (node_is_active(cluster, i))
            used += (size_t)snprintf(endpoints + used, sizeof(endpoints) - used, "%s%s",
                                     used ? "," : "", cluster->nodes[i].client);
    }
    return client_open(cluster, endpoints, options);
}

struct quorate_client *cluster_node_client(struct cluster *cluster, uint32_t index)
{
    struct quorate_client_options options = {.no_routing = true, .no_retry = true};

    return client_open(cluster, cluster->nodes[index].client, &options);
}

struct quorate_result *cluster_node_status(struct cluster *cluster, uint32_t index)
{
    struct quorate_client *client = cluster_node_client(cluster, index);
    struct quorate_result *result;
    int err = quorate_status(client, NULL, (uint32_t)wait_patience(5000), &result);

    quorate_close(client);
    if (err || !result->status)
        cluster_fail(cluster, "no status of %s: %s %s", cluster->nodes[index].name,
                     quorate_err_name(err), result->message);
    return result;
}

// ---- conditions ---------------------------------------------------------------------------------

struct view {
    struct cluster *cluster;
    char missing[256]; // what is not yet as it must be
    uint32_t node;     // with state
    const char *state; // NULL: readiness
};

static const struct quorate_member *member_named(const struct quorate_topology *topology,
                                                 const char *name)
{
    for (size_t i = 0; topology && i < topology->member_count; i++) {
        if (strcmp(topology->members[i].name, name) == 0)
            return &topology->members[i];
    }
    return NULL;
}

static void view_miss(struct view *view, uint32_t at, const char *what)
{
    snprintf(view->missing, sizeof(view->missing), "%s: %s", view->cluster->nodes[at].name, what);
}

static bool links_are_up(struct view *view, uint32_t at, const struct quorate_topology *topology)
{
    struct cluster *cluster = view->cluster;

    if (!topology || topology->epoch == 0) {
        view_miss(view, at, "has no topology");
        return false;
    }
    for (uint32_t i = 0; i < cluster->count; i++) {
        const struct quorate_member *member = member_named(topology, cluster->nodes[i].name);
        if (!node_is_active(cluster, i))
            continue;
        if (!member || !member->linked || strcmp(member->state, "alive") != 0 ||
            strcmp(member->client_address, cluster->nodes[i].client) != 0) {
            view_miss(view, at, "is not linked to all");
            return false;
        }
    }
    return true;
}

static bool state_is_seen(struct view *view, uint32_t at, const struct quorate_topology *topology)
{
    const struct quorate_member *member =
        member_named(topology, view->cluster->nodes[view->node].name);

    if (member && strcmp(member->state, view->state) == 0)
        return true;
    view_miss(view, at, member ? member->state : "no such member");
    return false;
}

static bool node_serves(struct view *view, uint32_t at, struct quorate_client *client)
{
    struct quorate_result *result;

    quorate_status(client, NULL, ASK_MS, &result);
    const struct quorate_status *status = result->status;
    bool serves = status && status->shards_owned == status->shards_born;
    if (!serves)
        view_miss(view, at, status ? "does not hold all its shards" : result->message);
    quorate_result_free(result);
    return serves;
}

static bool view_holds_at(struct view *view, uint32_t at)
{
    struct quorate_client *client = cluster_node_client(view->cluster, at);
    struct quorate_result *result;
    bool holds;

    if (quorate_topology(client, &result)) {
        holds = false;
        view_miss(view, at, result->message);
    } else if (view->state) {
        holds = state_is_seen(view, at, result->topology);
    } else {
        holds = links_are_up(view, at, result->topology) && node_serves(view, at, client);
    }
    quorate_result_free(result);
    quorate_close(client);
    return holds;
}

static bool view_holds(void *context)
{
    struct view *view = context;
    struct cluster *cluster = view->cluster;

    for (uint32_t i = 0; i < cluster->count; i++) {
        bool asked = node_is_active(cluster, i) && !(view->state && view->node == i);
        if (asked && !view_holds_at(view, i))
            return false;
    }
    return true;
}

static void view_wait(struct view *view, const char *what)
{
    if (!wait_until(view_holds, view, CLUSTER_WAIT_MS))
        cluster_fail(view->cluster, "%s: in vain: %s", what, view->missing);
}

void cluster_wait_ready(struct cluster *cluster)
{
    struct view view = {.cluster = cluster};

    view_wait(&view, "waiting for a ready cluster");
}

void cluster_wait_state(struct cluster *cluster, uint32_t node, const char *state)
{
    struct view view = {.cluster = cluster, .node = node, .state = state};

    view_wait(&view, "waiting for a member's state");
}

// ---- all of it ----------------------------------------------------------------------------------

int cluster_init(struct cluster *cluster)
{
    struct quorate_cluster_options options = {.nodes = cluster->count,
                                              .shards = cluster->options.shards,
                                              .replicas = cluster->options.replicas};
    struct quorate_client *client = cluster_node_client(cluster, 0);
    struct quorate_result *result;
    int err = quorate_cluster_init(client, &options, &result);

    snprintf(cluster->refusal, sizeof(cluster->refusal), "%s %s", quorate_err_name(err),
             result->message);
    quorate_result_free(result);
    quorate_close(client);
    return err;
}

static bool try_init(void *cluster)
{
    return cluster_init(cluster) == 0;
}

void cluster_start(struct cluster *cluster, const struct cluster_options *options)
{
    if (options)
        cluster->options = *options;
    if (!cluster->options.nodes)
        cluster->options.nodes = 3;
    if (!cluster->options.shards)
        cluster->options.shards = 16;
    if (!cluster->options.replicas)
        cluster->options.replicas = 3;
    while (cluster->count < cluster->options.nodes)
        cluster_node_start(cluster, cluster_add(cluster));
    if (cluster->options.bare)
        return;
    if (!wait_until(try_init, cluster, CLUSTER_WAIT_MS))
        cluster_fail(cluster, "cluster init: %s", cluster->refusal);
    cluster_wait_ready(cluster);
}

int cluster_setup(void **state)
{
    struct cluster *cluster = memory_new(sizeof(*cluster));

    signal(SIGPIPE, SIG_IGN);
    files_make_folder(cluster->folder);
    *state = cluster;
    return 0;
}

// What a node must never say.
static bool node_is_sound(const struct cluster *cluster, uint32_t index)
{
    static const char *const words[] = {"AddressSanitizer", "LeakSanitizer", "runtime error:",
                                        "ThreadSanitizer",  "check failed",  "stack smashing"};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (cluster_node_said(cluster, index, words[i])) {
            printf("%s said: %s\n", cluster->nodes[index].name, words[i]);
            return false;
        }
    }
    return true;
}

int cluster_teardown(void **state)
{
    struct cluster *cluster = *state;
    bool sound = true;

    for (uint32_t i = 0; i < cluster->count; i++) {
        cluster_node_kill(cluster, i);
        sound = node_is_sound(cluster, i) && sound;
    }
    if (!cluster->passed || !sound)
        cluster_show(cluster);
    else
        files_remove_folder(cluster->folder);
    free(cluster);
    return sound ? 0 : -1;
}

static void node_pass(struct cluster *cluster, uint32_t index)
{
    struct cluster_node *node = &cluster->nodes[index];

    if (!node->process.pid)
        return;
    if (!process_running(&node->process))
        cluster_fail(cluster, "%s died (%d)", node->name, process_exit(&node->process));
    if (node->paused)
        cluster_node_resume(cluster, index);
    cluster_node_stop(cluster, index);
}

void cluster_pass(struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->count; i++)
        node_pass(cluster, i);
    cluster->passed = true;
}
