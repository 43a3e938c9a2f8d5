// SPDX-License-Identifier: Apache-2.0
#include "node/io/greeting.h"

#include "node/io/log_text.h"

#include <inttypes.h>
#include <unistd.h>

static void say_found(const struct settings *settings, const struct store_found *found)
{
    if (found->fresh)
        log_info("data in %s: fresh, nothing was there (%" PRIu64 " ms)", settings->data,
                 found->ms);
    else if (found->clean)
        log_info("data in %s: %" PRIu64 " keys, closed cleanly (%" PRIu64 " ms)", settings->data,
                 found->keys, found->ms);
    else
        log_info("data in %s: %" PRIu64 " keys, not closed cleanly: %" PRIu64
                 " log records replayed, %" PRIu64 " torn bytes cut off (%" PRIu64 " ms)",
                 settings->data, found->keys, found->replayed, found->torn_bytes, found->ms);
}

static void warn_if_open(const char *what, const struct place *place, const char *harm)
{
    char bound[ADDRESS_TEXT];

    if (address_is_loopback((const struct sockaddr *)&place->bind))
        return;
    address_text((const struct sockaddr *)&place->bind, bound);
    log_warning("%s is bound to %s, not to loopback, and nothing authenticates there: whoever "
                "reaches this port can %s",
                what, bound, harm);
}

static void say_places(const struct settings *settings, const struct places *places)
{
    static const char everything[] = "read, change and delete everything";

    log_info("clients at %s, other nodes at %s, gossip at %s", places->client.text,
             places->peer.text, places->gossip.text);
    warn_if_open("the client port", &places->client, everything);
    warn_if_open("the peer port", &places->peer, everything);
    if (!settings->gossip_keys || settings->verify != VERIFY_BOTH)
        warn_if_open("gossip", &places->gossip, "forge members and deaths: set gossip-key");
}

static void say_cluster(const struct settings *settings, const struct node_meta *meta,
                        const struct places *places)
{
    if (meta->cluster)
        log_info("cluster %016" PRIx64 ", epoch %" PRIu64 ": owns %u copies of shards",
                 meta->cluster, meta->epoch, meta->shards);
    else if (settings->join_count)
        log_info("no cluster yet: when all nodes are started, run once: "
                 "quorate -e %s cluster init --nodes COUNT",
                 places->client.text);
    else
        log_info("no cluster yet: start the other nodes with --join %s, then run once: "
                 "quorate -e %s cluster init --nodes COUNT",
                 places->gossip.text, places->client.text);
}

void greeting_say(const struct settings *settings, const struct node_meta *meta,
                  const struct store_found *found, const struct places *places)
{
    log_info("quorate-node %s: %s, node %016" PRIx64 ", process %d, durability %s", QUORATE_VERSION,
             meta->name, meta->node_id, (int)getpid(), settings->durability.text);
    say_found(settings, found);
    say_places(settings, places);
    say_cluster(settings, meta, places);
}

int greeting_write_ports(const char *path, const struct places *places)
{
    struct buffer text = {0};
    int err;

    if (!path)
        return 0;
    buffer_add_format(&text, "client=%s\ngossip=%s\npeer=%s\n", places->client.text,
                      places->gossip.text, places->peer.text);
    err = known_replace_file(path, buffer_slice(&text));
    buffer_done(&text);
    return err;
}
