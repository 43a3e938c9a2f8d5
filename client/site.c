// SPDX-License-Identifier: Apache-2.0
#include "client/site.h"

#include "base/check.h"

static void link_changed(struct link *link)
{
    struct site *site = link->owner;

    if (!site || (link->state != LINK_CLOSING && !link->left))
        return;
    link->owner = NULL;
    for (uint32_t i = 0; i < site->link_count; i++) {
        if (site->links[i] == link)
            site->links[i] = site->links[--site->link_count];
    }
}

static struct link *least_busy(const struct site *site)
{
    struct link *best = NULL;

    for (uint32_t i = 0; i < site->link_count; i++) {
        if (!best || site->links[i]->count < best->count)
            best = site->links[i];
    }
    return best;
}

struct link *site_link(struct site *site)
{
    struct link *best = least_busy(site);
    struct link *link;

    if (best && (best->count < SITE_QUESTIONS_EACH || site->link_count >= site->links_max))
        return best;
    check(site->link_count < SITE_LINKS_MAX);
    link = link_open(site->turn, site->address, site->connect_ms, site, link_changed);
    site->links[site->link_count++] = link;
    return link;
}

void site_failed(struct site *site)
{
    uint64_t avoid_ms = SITE_AVOID_MS_MAX;

    site->probing = false;
    if (site->failures < 5)
        avoid_ms = (uint64_t)SITE_AVOID_MS_MIN << site->failures;
    site->failures++;
    site->avoid_until_ms = turn_now_ms() + avoid_ms;
}

void site_answered(struct site *site)
{
    site->failures = 0;
    site->probing = false;
    site->avoid_until_ms = 0;
}

bool site_silent(const struct site *site)
{
    for (uint32_t i = 0; i < site->link_count; i++) {
        if (link_silent_ms(site->links[i]) > SITE_SILENCE_MS)
            return true;
    }
    return false;
}

bool site_avoided(const struct site *site)
{
    return site->avoid_until_ms > turn_now_ms();
}

void site_close(struct site *site)
{
    while (site->link_count > 0)
        link_close(site->links[0]);
}
