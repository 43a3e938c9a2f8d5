// SPDX-License-Identifier: Apache-2.0
// The client's picture of the cluster: endpoints that the application named, and the members of the
// newest topology. Both are sites; a request is given to the best of them.
#include "client/client.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "client/operation.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHOICES_MAX = 64 };

// ---- sites --------------------------------------------------------------------------------------

int address_normal(const char *text, char out[SITE_ADDRESS_MAX])
{
    char host[256];
    uint16_t port;
    int err = text_read_address(text, QUORATE_PORT, host, &port);

    if (err)
        return err;
    if (strchr(host, ':'))
        (void)snprintf(out, SITE_ADDRESS_MAX, "[%s]:%u", host, (unsigned)port);
    else
        (void)snprintf(out, SITE_ADDRESS_MAX, "%s:%u", host, (unsigned)port);
    return 0;
}

static struct site *site_find(struct quorate_client *client, const char *address)
{
    struct site *site;

    TAILQ_FOREACH(site, &client->sites, entry)
    {
        if (strcmp(site->address, address) == 0)
            return site;
    }
    return NULL;
}

struct site *client_site(struct quorate_client *client, const char *address)
{
    struct site *site = site_find(client, address);

    if (site)
        return site;
    site = memory_new(sizeof *site);
    site->turn = &client->turn;
    site->id = ++client->last_site_id;
    (void)snprintf(site->address, sizeof site->address, "%s", address);
    site->links_max = client->options.connections;
    site->connect_ms = client->options.connect_ms;
    TAILQ_INSERT_TAIL(&client->sites, site, entry);
    client->site_count++;
    return site;
}

// Also through links that it has left.
static bool site_is_asked(const struct quorate_client *client, const struct site *site)
{
    const struct operation *operation;

    TAILQ_FOREACH(operation, &client->operations, entry)
    {
        if (operation->state == OPERATION_ASKING && operation->site == site)
            return true;
    }
    return false;
}

// Sites that are neither named by the application nor in the topology go once nothing is under way.
static void sites_sweep(struct quorate_client *client)
{
    struct site *site = TAILQ_FIRST(&client->sites);

    while (site) {
        struct site *next = TAILQ_NEXT(site, entry);

        if (!site->endpoint && !site->member && !site_is_asked(client, site)) {
            site_close(site);
            TAILQ_REMOVE(&client->sites, site, entry);
            client->site_count--;
            free(site);
        }
        site = next;
    }
}

// ---- choosing -----------------------------------------------------------------------------------

static uint32_t times_tried(const struct wish *wish, uint64_t id)
{
    uint32_t times = 0;

    for (uint32_t i = 0; i < wish->tried_count; i++)
        times += wish->tried[i] == id;
    return times;
}

// The owners of what is wished for: member indices, or NULL when they are not known.
static const uint16_t *owners_of(const struct quorate_client *client, const struct wish *wish)
{
    const struct topology *topology = client->topology;
    struct key key;

    if (!topology || client->options.no_routing)
        return NULL;
    if (wish->has_shard)
        return wish->shard < topology->shards ? topology_owners(topology, wish->shard) : NULL;
    if (!wish->has_key)
        return NULL;
    if (key_make(topology->seed, topology->shards, wish->bucket, wish->key, &key))
        return NULL;
    return topology_owners(topology, key.shard);
}

static void probe_done(void *data, const struct quorate_result *result)
{
    struct quorate_client *client = data;

    (void)result;
    client->probes -= 1;
}

// Whether a site that failed is back is found out by pings, not at the expense of requests.
static void site_probe(struct quorate_client *client, struct site *site)
{
    struct request ping;

    if (site->probing || client->closing)
        return;
    site->probing = true;
    client->probes += 1;
    request_init(&ping, METHOD_PING);
    (void)operation_start(client, &ping, site->address, (struct quorate_done){probe_done, client});
}

static struct choice choice_of(struct quorate_client *client, struct site *site,
                               const struct wish *wish)
{
    if (site->failures > 0 && !site_avoided(site))
        site_probe(client, site);
    return (struct choice){.alive = !(site->member && site->away),
                           .linked = true,
                           .failed = site->failures > 0,
                           .silent = site_silent(site),
                           .tried = times_tried(wish, site->id)};
}

static struct site *choose_owner(struct quorate_client *client, const struct wish *wish,
                                 const uint16_t *owners)
{
    struct choice choices[REPLICAS_MAX];
    struct site *sites[REPLICAS_MAX];
    uint32_t count = 0;

    for (uint32_t rank = 0; rank < client->topology->replicas; rank++) {
        const struct member_view *view = &client->views[owners[rank]];
        struct site *site = client->view_sites[owners[rank]];
        struct choice choice;

        if (!site)
            continue;
        choice = choice_of(client, site, wish);
        choice.alive = view->state == MEMBER_ALIVE;
        choice.linked = view->linked;
        if (choice.tried || choice.failed || choice.silent || !choice.alive)
            continue;
        sites[count] = site;
        choices[count++] = choice;
    }
    return count > 0 ? sites[route_choose(choices, count, &client->rng)] : NULL;
}

// Any site, in rotation when there are more than could be weighed at once.
static struct site *choose_any(struct quorate_client *client, const struct wish *wish)
{
    bool all = client->topology && !client->options.no_routing;
    struct choice choices[CHOICES_MAX];
    struct site *sites[CHOICES_MAX];
    uint32_t count = 0;
    struct site *site;

    TAILQ_FOREACH(site, &client->sites, entry)
    {
        if (!site->endpoint && !(all && site->member))
            continue;
        sites[count] = site;
        choices[count++] = choice_of(client, site, wish);
        if (count == CHOICES_MAX)
            break;
    }
    check(count > 0); // an endpoint is always there
    site = sites[route_choose(choices, count, &client->rng)];
    TAILQ_REMOVE(&client->sites, site, entry);
    TAILQ_INSERT_TAIL(&client->sites, site, entry);
    return site;
}

struct site *client_choose(struct quorate_client *client, const struct wish *wish)
{
    const uint16_t *owners;
    struct site *site = NULL;

    if (wish->address)
        return client_site(client, wish->address);
    owners = owners_of(client, wish);
    if (owners)
        site = choose_owner(client, wish, owners);
    return site ? site : choose_any(client, wish);
}

uint32_t client_choices(const struct quorate_client *client, const struct wish *wish)
{
    return wish->address ? 1 : client->site_count;
}

// ---- the topology -------------------------------------------------------------------------------

static void topology_forget(struct quorate_client *client)
{
    topology_free(client->topology);
    free(client->views);
    free(client->view_sites);
    client->topology = NULL;
    client->views = NULL;
    client->view_sites = NULL;
}

static void views_take(struct quorate_client *client, const struct reply *reply)
{
    struct site *site;

    TAILQ_FOREACH(site, &client->sites, entry)
    site->member = false;
    for (uint32_t i = 0; i < reply->member_count; i++) {
        const struct member_view *view = &reply->members[i];
        int at = topology_member(client->topology, view->member.id);
        char address[SITE_ADDRESS_MAX];

        if (at < 0)
            continue;
        client->views[at] = *view;
        if (address_normal(view->member.client_address, address))
            continue;
        site = client_site(client, address);
        site->member = true;
        site->away = view->state != MEMBER_ALIVE;
        client->view_sites[at] = site;
    }
}

void client_learn(struct quorate_client *client, const struct reply *reply)
{
    const struct topology *heard = reply->topology;
    const struct topology *known = client->topology;

    client->outdated = false;
    if (!heard || heard->epoch == 0 || !heard->owners)
        return;
    if (known && known->cluster == heard->cluster && heard->epoch < known->epoch)
        return;
    topology_forget(client);
    client->topology = topology_clone(heard);
    client->views = memory_new(heard->member_count * sizeof *client->views);
    client->view_sites = memory_new(heard->member_count * sizeof *client->view_sites);
    views_take(client, reply);
    sites_sweep(client);
}

// ---- opening ------------------------------------------------------------------------------------

static int endpoints_read(struct quorate_client *client, const char *endpoints)
{
    char *copy = memory_text(endpoints ? endpoints : "");
    char *rest = copy;
    char *word;
    int err = 0;

    while (!err && (word = strsep(&rest, ", \t\n"))) {
        char address[SITE_ADDRESS_MAX];

        if (!*word)
            continue;
        err = address_normal(word, address);
        if (!err)
            client_site(client, address)->endpoint = true;
    }
    free(copy);
    if (!err && client->site_count == 0)
        err = ERR_INVALID;
    return err;
}

static void options_take(struct quorate_client *client,
                         const struct quorate_client_options *options)
{
    struct quorate_client_options *mine = &client->options;

    if (options)
        *mine = *options;
    if (mine->timeout_ms == 0)
        mine->timeout_ms = TIMEOUT_MS_DEFAULT;
    if (mine->timeout_ms > TIMEOUT_MS_MAX)
        mine->timeout_ms = TIMEOUT_MS_MAX;
    if (mine->connect_ms == 0)
        mine->connect_ms = CLIENT_CONNECT_MS;
    if (mine->connections == 0)
        mine->connections = CLIENT_CONNECTIONS;
    if (mine->connections > SITE_LINKS_MAX)
        mine->connections = SITE_LINKS_MAX;
    if (mine->in_flight_max == 0)
        mine->in_flight_max = CLIENT_IN_FLIGHT;
}

void client_done(struct quorate_client *client)
{
    struct site *site;

    while ((site = TAILQ_FIRST(&client->sites))) {
        TAILQ_REMOVE(&client->sites, site, entry);
        free(site);
    }
    topology_forget(client);
    result_box_done(&client->box);
}

void client_ended(struct turn *turn)
{
    struct quorate_client *client;

    client = (struct quorate_client *)((char *)turn - offsetof(struct quorate_client, turn));
    client_done(client);
    if (!client->blocking)
        free(client); // else by quorate_close, after its loop
}

static uint64_t random_seed(void)
{
    uint64_t seed = 0;

    if (uv_random(NULL, NULL, &seed, sizeof seed, 0, NULL) != 0)
        seed = uv_hrtime();
    return seed;
}

int client_init(struct quorate_client *client, const char *endpoints,
                const struct quorate_client_options *options)
{
    TAILQ_INIT(&client->sites);
    TAILQ_INIT(&client->operations);
    options_take(client, options);
    rng_init(&client->rng, random_seed());
    retry_budget_init(&client->budget);
    return endpoints_read(client, endpoints);
}
