// SPDX-License-Identifier: Apache-2.0
#include "node/io/places.h"

#include "base/err.h"

// Where any free port is wanted: the last one, unless it is taken or asked for by name elsewhere.
static void choose_port(struct place *place, const struct settings *settings, uint16_t last)
{
    struct sockaddr *bind = (struct sockaddr *)&place->bind;
    bool wanted = last == settings->listen.port || last == settings->gossip.port ||
                  (settings->peer.given && last == settings->peer.port);

    address_set_port(bind, last);
    if (wanted || !address_is_free(bind))
        address_set_port(bind, 0);
}

static int resolve(struct place *place, const struct endpoint *endpoint,
                   const struct settings *settings, uint16_t last, struct buffer *why)
{
    int err = address_resolve(endpoint->host, endpoint->port, AF_UNSPEC, &place->bind, why);

    if (err == 0 && endpoint->port == 0 && last)
        choose_port(place, settings, last);
    return err;
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
    err = resolve(&places->client, &settings->listen, settings, known->listen, why);
    if (err == 0)
        err = resolve(&places->peer, &peer, settings, known->peer, why);
    if (err == 0)
        err = resolve(&places->gossip, &settings->gossip, settings, known->gossip, why);
    return err;
}

// A name with addresses of both families stands for the one that we listen on; "::" takes both.
static int family_of(const struct sockaddr *bind)
{
    return bind->sa_family == AF_INET ? AF_INET : AF_UNSPEC;
}

static int announce(struct place *place, const struct settings *settings, struct buffer *why)
{
    struct sockaddr *bind = (struct sockaddr *)&place->bind;
    struct sockaddr_storage address = place->bind;
    int err = 0;

    if (settings->advertise[0]) {
        err = address_resolve(settings->advertise, 0, family_of(bind), &address, why);
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
