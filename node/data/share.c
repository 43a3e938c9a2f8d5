// SPDX-License-Identifier: Apache-2.0
// Water filling on a tree. Think of copies per unit of weight as a level that rises for all
// members at once. The first node to reach its cap is full: it is closed with everything below
// it, its share (a whole number) moves to the fixed part of its ancestors, and the level goes on
// rising for the rest until node 0 is full. Levels are fractions, compared exactly: no floating
// point.
//
// Rounding goes from the top down. A node's quota is divided among its children: each gets its
// share rounded down, and some whose share was not whole get one more. Since children's shares
// add up to the parent's, rounding any of them by less than one always fits, and no cap is
// passed: caps are whole.
#include "node/data/share.h"

// Full at a lower level than b? A tie goes to the node nearer to the root.
static bool full_before(const struct share *a, const struct share *b)
{
    return (a->cap - a->full) * b->loose < (b->cap - b->full) * a->loose;
}

static uint32_t first_full(const struct share *nodes, uint32_t count)
{
    uint32_t first = 0;

    for (uint32_t i = 1; i < count; i++) {
        if (!nodes[i].closed && nodes[i].loose && full_before(&nodes[i], &nodes[first]))
            first = i;
    }
    return first;
}

// Closes a node and all open ones below it at its own level; it now counts as full above.
static void close_below(struct share *nodes, uint32_t count, uint32_t top)
{
    uint64_t rise = nodes[top].cap - nodes[top].full;
    uint64_t run = nodes[top].loose;

    for (uint32_t i = top; i > 0;) {
        i = nodes[i].parent;
        nodes[i].full += rise;
        nodes[i].loose -= run;
    }
    nodes[top].closed = true;
    nodes[top].rise = rise;
    nodes[top].run = run;
    for (uint32_t i = top + 1; i < count; i++) {
        const struct share *parent = &nodes[nodes[i].parent];
        bool below = parent->closed && parent->rise == rise && parent->run == run;

        if (!nodes[i].closed && below) {
            nodes[i].closed = true;
            nodes[i].rise = rise;
            nodes[i].run = run;
        }
    }
}

static uint64_t share_floor(const struct share *node)
{
    return node->full + (node->loose ? node->rise * node->loose / node->run : 0);
}

static uint64_t share_remainder(const struct share *node)
{
    return node->loose ? node->rise * node->loose % node->run : 0;
}

// Which of two children is rounded up first: one that holds the copy already, then the one with the
// larger remainder (children that are not full were closed at one level, so remainders compare).
static bool rounds_before(const struct share *a, const struct share *b)
{
    bool a_keeps = a->kept > share_floor(a);
    bool b_keeps = b->kept > share_floor(b);

    if (a_keeps != b_keeps)
        return a_keeps;
    return share_remainder(a) > share_remainder(b);
}

// The child to round up next, 0 when there is none.
static uint32_t child_next(const struct share *nodes, uint32_t count, uint32_t parent)
{
    uint32_t best = 0;

    for (uint32_t i = parent + 1; i < count; i++) {
        bool open = nodes[i].parent == parent && share_remainder(&nodes[i]) &&
                    nodes[i].quota == share_floor(&nodes[i]);

        if (open && (best == 0 || rounds_before(&nodes[i], &nodes[best])))
            best = i;
    }
    return best;
}

static void divide(struct share *nodes, uint32_t count, uint32_t parent)
{
    uint64_t given = 0;

    for (uint32_t i = parent + 1; i < count; i++) {
        if (nodes[i].parent == parent) {
            nodes[i].quota = (uint32_t)share_floor(&nodes[i]);
            given += nodes[i].quota;
        }
    }
    for (; given < nodes[parent].quota; given++) {
        uint32_t child = child_next(nodes, count, parent);

        if (child == 0)
            return; // a member
        nodes[child].quota += 1;
    }
}

void share_fill(struct share *nodes, uint32_t count)
{
    for (uint32_t i = count; i-- > 1;) {
        nodes[nodes[i].parent].weight += nodes[i].weight;
        nodes[nodes[i].parent].kept += nodes[i].kept;
    }
    for (uint32_t i = 0; i < count; i++) {
        nodes[i].full = 0;
        nodes[i].loose = nodes[i].weight;
        nodes[i].closed = false;
    }
    while (!nodes[0].closed && nodes[0].loose)
        close_below(nodes, count, first_full(nodes, count));
    nodes[0].quota = nodes[0].cap;
    for (uint32_t i = 0; i < count; i++)
        divide(nodes, count, i);
}
