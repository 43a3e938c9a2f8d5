// SPDX-License-Identifier: Apache-2.0
// An address at which a node listens for clients, and the few connections to it.
#ifndef CLIENT_SITE_H
#define CLIENT_SITE_H

#include "client/link.h"

enum {
    SITE_ADDRESS_MAX = 272, // "[" 255 bytes "]:" 5 digits, terminated
    SITE_LINKS_MAX = 16,
    SITE_QUESTIONS_EACH = 8, // a further connection is opened when all have so many under way
    SITE_SILENCE_MS = 100,   // one that is asked and says nothing for so long is not preferred
    SITE_AVOID_MS_MIN = 250, // after a failure it is asked whether it is back, doubled each
    SITE_AVOID_MS_MAX = 8000 // time up to this
};

struct site {
    TAILQ_ENTRY(site) entry;
    struct turn *turn;
    uint64_t id; // never used twice by a client
    char address[SITE_ADDRESS_MAX];
    uint32_t links_max;
    uint32_t connect_ms;
    struct link *links[SITE_LINKS_MAX];
    uint32_t link_count;
    uint32_t failures;       // since it last answered
    uint64_t avoid_until_ms; // prefer others until then
    bool probing;            // a ping is under way
    bool endpoint;           // named by the application: stays
    bool member;             // in the topology
    bool away;               // a member, and not alive by gossip as last heard
};

TAILQ_HEAD(site_list, site);

// A link to ask through: the one with the fewest questions, or a new one.
struct link *site_link(struct site *site);

// It did not answer; it answered.
void site_failed(struct site *site);
void site_answered(struct site *site);

// True while it is too early to ask a site that failed whether it is back.
bool site_avoided(const struct site *site);

// True when it owes answers and has said nothing for SITE_SILENCE_MS.
bool site_silent(const struct site *site);

// Closes all links.
void site_close(struct site *site);

#endif
