// SPDX-License-Identifier: Apache-2.0
#include "node/io/places.h"

#include "base/err.h"

static int resolve(struct place *place, const struct endpoint *endpoint, uint16_t last_port,
                   struct buffer *why)
{
    struct sockaddr *bind = (struct sockaddr *)&place->bind;
    int err = address_resolve(endpoint->host, endpoint->port, &place->bind, why);

    if (err || endpoint->port)
        return err;
    address_set_port(bind, last_port);
    if (last_port && !address_is_free(bind))
        address_set_port(bind, 0);
    return 0;
}

int places_resolve(struct places *places, const struct settings *settings,
                   const struct known *known, struct buffer *why)
{
    struct endpoint peer = settings->peer;
    int err;

    if (!peer.given) {
        peer = settings->listen;
        peer.port = 0;
    }
    err = resolve(&places->client, &settings->listen, known->listen, why);
    if (err == 0)
        err = resolve(&places->peer, &peer, known->peer, why);
    if (err == 0)
        err = resolve(&places->gossip, &settings->gossip, known->gossip, why);
    return err;
}

static int announce(struct place *place, const struct settings *settings, struct buffer *why)
{
    struct sockaddr *bind = (struct sockaddr *)&place->bind;
    struct sockaddr_storage address = place->bind;
    int err = 0;

    if (settings->advertise[0]) {
        err = address_resolve(settings->advertise, 0, &address, why);
    } else if (address_is_wildcard(bind)) {
        err = address_of_machine(bind->sa_family, &address);
        if (err)
            buffer_add_format(why, "which address others reach this node at is unclear: give "
                                   "--advertise HOST");
    }
    if (err)
        return ERR_CONNECT;
    address_set_port((struct sockaddr *)&address, address_port(bind));
    place->announced = address_to_swim((struct sockaddr *)&address);
    address_text((struct sockaddr *)&address, place->text);
    return 0;
}

int places_announce(struct places *places, const struct settings *settings, struct known *known,
                    struct buffer *why)
{
    int err = announce(&places->client, settings, why);

    if (err == 0)
        err = announce(&places->peer, settings, why);
    if (err == 0)
        err = announce(&places->gossip, settings, why);
    known->listen = places->client.announced.port;
    known->peer = places->peer.announced.port;
    known->gossip = places->gossip.announced.port;
    known->changed = true;
    return err;
}
