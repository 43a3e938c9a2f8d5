// SPDX-License-Identifier: Apache-2.0
// What happens to a node, and what it wants done. The machine borrows an event for the length of
// the step and copies what it keeps; actions are valid until the next step. An action may point
// into the event and into what the store gave this turn: carry actions out before either goes.
// There is no third rule.
#ifndef NODE_CORE_EVENT_H
#define NODE_CORE_EVENT_H

#include "node/data/message.h"

enum event_kind {
    EVENT_REQUEST,     // a client asks
    EVENT_CLIENT_GONE, // the client of a ticket is gone: its replies go nowhere
    EVENT_MESSAGE,     // a peer says
    EVENT_LINK,        // a link to a peer came up or went down
    EVENT_MEMBER,      // gossip says something about a member
    EVENT_DURABLE,     // the log is durable up to store_durable()
    EVENT_TICK         // a deadline passed (or nothing did: harmless)
};

struct event {
    enum event_kind kind;
    uint64_t now_us;  // monotonic
    uint64_t wall_ms; // since 1970; for stamps and expiry only
    // request
    uint64_t
        ticket; // the driver's name for "this request of this connection"; given back in the reply
    const struct request *request;
    // message, link
    uint64_t from; // node id
    const struct message *message;
    bool up;
    // member
    const struct member_view *member; // member, state, epoch, digest
    uint64_t cluster;                 // that it says it belongs to; 0: none
};

enum action_kind {
    ACTION_REPLY,    // answer the client of a ticket
    ACTION_SEND,     // message to a peer; lost silently when there is no link
    ACTION_TOPOLOGY, // the node's own topology changed: tell gossip, keep links to its members
    ACTION_LOG       // a sentence for the operator's log
};

enum log_level { LOG_INFO, LOG_WARNING, LOG_ALARM };

struct action {
    enum action_kind kind;
    uint64_t ticket;                 // reply
    const struct reply *reply;       // reply
    uint64_t to;                     // send: node id
    struct message message;          // send
    const struct topology *topology; // topology
    enum log_level level;            // log
    const char *text;                // log
};

// Actions in the order in which they were decided.
struct actions {
    struct action *items;
    uint32_t count;
    uint32_t capacity;
};

#endif
