// SPDX-License-Identifier: Apache-2.0

#include "tests/lib/toy.h"

#define NOWHERE UINT32_MAX

enum { NOISE_ACTOR = 1000 };

static uint64_t below(struct toy *toy, uint64_t bound)
{
    return rng_below(&toy->rng, bound);
}

static uint64_t bit_of(uint32_t index)
{
    return (uint64_t)1 << index;
}

// ---- what a node does ---------------------------------------------------------------------------

static void held_merge(struct toy_held *into, struct toy_held other)
{
    into->versions = (into->versions & other.versions) | (into->versions & ~other.known) |
                     (other.versions & ~into->known);
    into->known |= other.known;
}

static struct toy_held write_delta(const struct toy *toy, uint32_t write)
{
    const struct toy_write *it = &toy->writes[write];

    return (struct toy_held){it->put ? bit_of(write) : 0, it->seen | bit_of(write)};
}

// What a node shows of a key: what has expired is hidden.
static struct toy_held node_show(const struct toy *toy, uint32_t node, uint32_t key)
{
    struct toy_held held = toy->held[node][key];

    for (uint32_t i = 0; i < toy->write_count; i++) {
        if (toy->writes[i].expires && toy->writes[i].expires <= toy->now)
            held.versions &= ~bit_of(i);
    }
    return held;
}

static void nodes_merge(struct toy *toy, uint32_t node, uint32_t other)
{
    for (uint32_t key = 0; key < TOY_KEYS; key++)
        held_merge(&toy->held[node][key], toy->held[other][key]);
}

static void nodes_equal(struct toy *toy)
{
    for (uint32_t i = 1; i < TOY_NODES; i++)
        nodes_merge(toy, 0, i);
    for (uint32_t i = 1; i < TOY_NODES; i++)
        nodes_merge(toy, i, 0);
}

// The disk is gone; the node fills from another owner before it serves again, under a new actor.
// Before the next loss all are equal.
static void node_lose(struct toy *toy, uint32_t node)
{
    if (toy->lost++)
        nodes_equal(toy);
    memset(toy->held[node], 0, sizeof toy->held[node]);
    nodes_merge(toy, node, (node + 1 + (uint32_t)below(toy, 2)) % TOY_OWNERS);
    toy->actors[node] += TOY_NODES;
    toy->counters[node] = 0;
    history_lose(&toy->history, &(struct history_loss){.node = node, .at = toy->now});
    toy->now++;
}

// ---- recording ----------------------------------------------------------------------------------

const struct clock *toy_clock(struct toy *toy, uint64_t mask)
{
    struct clock *clock = arena_new(&toy->history.arena, sizeof *clock);

    *clock = clock_in(&toy->history.arena);
    for (uint32_t i = 0; i < toy->write_count; i++) {
        if (mask & bit_of(i))
            clock_add(clock, toy->writes[i].dot);
    }
    // Contexts are a whole shard's: dots of keys that nobody here asks for.
    if (mask)
        clock_add_run(clock, (struct run){NOISE_ACTOR, 1, 1 + below(toy, 9)});
    return clock;
}

static struct history_op request_op(struct toy *toy, const struct toy_request *request,
                                    enum history_outcome outcome)
{
    uint64_t owners = request->answered & (bit_of(TOY_OWNERS) - 1);

    return (struct history_op){.method = request->method,
                               .outcome = outcome,
                               .client = request->session,
                               .session = toy->sessions[request->session].id,
                               .key = request->key,
                               .began = request->began,
                               .ended = toy->now,
                               .asked = request->asked,
                               .strict = request->strict,
                               .owners = (uint8_t)__builtin_popcountll(owners)};
}

static void write_record(struct toy *toy, const struct toy_request *request,
                         enum history_outcome outcome)
{
    struct toy_write *write = &toy->writes[request->write];
    struct history_op op = request_op(toy, request, outcome);

    op.value = write->put ? request->write + 1 : 0;
    op.sent = write->seen || below(toy, 2) ? toy_clock(toy, write->seen) : NULL;
    op.expires = write->expires;
    if (outcome == HISTORY_ACKNOWLEDGED) {
        op.holders_known = below(toy, 4) > 0 || !request->strict;
        op.holders = request->answered;
        op.guests = request->answered & ~(bit_of(TOY_OWNERS) - 1);
        op.received = toy_clock(toy, write->seen | bit_of(request->write));
    }
    if (outcome == HISTORY_ACKNOWLEDGED || (outcome == HISTORY_UNKNOWN && below(toy, 2)))
        op.dot = write->dot;
    write->op = history_add(&toy->history, &op);
}

static void read_record(struct toy *toy, const struct toy_request *request,
                        enum history_outcome outcome)
{
    struct history_sibling siblings[TOY_WRITES_MAX];
    struct history_op op = request_op(toy, request, outcome);

    if (outcome == HISTORY_ACKNOWLEDGED) {
        for (uint32_t i = 0; i < toy->write_count; i++) {
            if (request->gathered.versions & bit_of(i))
                siblings[op.sibling_count++] = (struct history_sibling){i + 1, toy->writes[i].dot};
        }
        op.siblings = siblings;
        op.received = toy_clock(toy, request->gathered.known);
    }
    history_add(&toy->history, &op);
}

static void request_end(struct toy *toy, struct toy_request *request, enum history_outcome outcome)
{
    struct toy_session *session = &toy->sessions[request->session];

    request->open = false;
    session->request = NOWHERE;
    if (request->method == HISTORY_GET) {
        read_record(toy, request, outcome);
        session->tokens[request->key] =
            outcome == HISTORY_ACKNOWLEDGED ? request->gathered.known : 0;
        return;
    }
    write_record(toy, request, outcome);
    if (outcome == HISTORY_ACKNOWLEDGED)
        session->tokens[request->key] |= toy->writes[request->write].seen | bit_of(request->write);
}

// ---- requests -----------------------------------------------------------------------------------

static void message_send(struct toy *toy, uint32_t request, uint32_t node)
{
    if (toy->message_count < TOY_MESSAGES_MAX)
        toy->messages[toy->message_count++] = (struct toy_message){request, node};
}

// Owners, some of them replaced by guests unless that is forbidden.
static uint32_t request_send(struct toy *toy, uint32_t number)
{
    uint32_t guest = TOY_OWNERS;
    uint32_t first = NOWHERE;

    for (uint32_t i = 0; i < TOY_OWNERS; i++) {
        uint32_t node = i;

        if (!toy->requests[number].strict && guest < TOY_NODES && below(toy, 3) == 0)
            node = guest++;
        message_send(toy, number, node);
        if (first == NOWHERE || below(toy, 3) == 0)
            first = node;
    }
    return first;
}

static void write_begin(struct toy *toy, struct toy_request *request, uint32_t coordinator)
{
    struct toy_write *write = &toy->writes[toy->write_count];
    uint64_t token = toy->sessions[request->session].tokens[request->key];
    uint64_t mode = below(toy, 10);

    request->write = toy->write_count++;
    *write = (struct toy_write){.key = request->key,
                                .put = request->method == HISTORY_PUT,
                                .op = NOWHERE,
                                .dot = {toy->actors[coordinator], ++toy->counters[coordinator]}};
    if (mode < 7)
        write->seen = token;
    else if (mode == 9) // overwrite: what the coordinator knows
        write->seen = toy->held[coordinator][request->key].known;
    if (write->put && below(toy, 8) == 0)
        write->expires = toy->now + 1 + below(toy, 150);
}

static void request_begin(struct toy *toy, uint32_t session)
{
    struct toy_request *request = &toy->requests[toy->request_count];
    uint64_t dice = below(toy, 10);
    uint32_t coordinator;

    if (toy->request_count == TOY_REQUESTS_MAX || toy->write_count == TOY_WRITES_MAX)
        return;
    *request = (struct toy_request){
        .open = true,
        .method = dice < 5   ? HISTORY_GET
                  : dice < 9 ? HISTORY_PUT
                             : HISTORY_DELETE,
        .session = session,
        .key = (uint32_t)below(toy, TOY_KEYS),
        .asked = (uint8_t)(below(toy, 4) ? 2 : 1 + below(toy, 3)),
        .strict = below(toy, 4) > 0,
        .began = toy->now,
    };
    toy->sessions[session].request = toy->request_count++;
    if (request->method != HISTORY_GET && below(toy, 16) == 0) {
        write_begin(toy, request, 0);
        toy->now += below(toy, 2);
        request_end(toy, request, HISTORY_REFUSED);
        return;
    }
    coordinator = request_send(toy, toy->request_count - 1);
    if (request->method != HISTORY_GET)
        write_begin(toy, request, coordinator);
}

static void message_arrive(struct toy *toy, struct toy_message message)
{
    struct toy_request *request = &toy->requests[message.request];

    if (request->method == HISTORY_GET) {
        if (request->open)
            held_merge(&request->gathered, node_show(toy, message.node, request->key));
    } else {
        held_merge(&toy->held[message.node][request->key], write_delta(toy, request->write));
    }
    if (!request->open)
        return;
    request->answered |= bit_of(message.node);
    if ((uint32_t)__builtin_popcountll(request->answered) >= request->asked)
        request_end(toy, request, HISTORY_ACKNOWLEDGED);
}

static void message_deliver(struct toy *toy)
{
    uint32_t index;
    struct toy_message message;
    uint64_t dice = below(toy, 20);

    if (!toy->message_count)
        return;
    index = (uint32_t)below(toy, toy->message_count);
    message = toy->messages[index];
    if (dice > 0) // else it comes again
        toy->messages[index] = toy->messages[--toy->message_count];
    if (dice != 1)
        message_arrive(toy, message);
}

// ---- playing ------------------------------------------------------------------------------------

static void toy_step(struct toy *toy)
{
    uint64_t dice = below(toy, 100);
    struct toy_session *session = &toy->sessions[below(toy, TOY_SESSIONS)];

    toy->now += below(toy, 3);
    if (dice < 60)
        message_deliver(toy);
    else if (dice < 88 && session->request == NOWHERE)
        request_begin(toy, (uint32_t)(session - toy->sessions));
    else if (dice < 93)
        nodes_merge(toy, (uint32_t)below(toy, TOY_NODES), (uint32_t)below(toy, TOY_NODES));
    else if (dice < 96 && session->request != NOWHERE)
        request_end(toy, &toy->requests[session->request], HISTORY_UNKNOWN);
    else if (dice == 99 && !toy->calm && toy->lost < 2 && below(toy, 4) == 0)
        node_lose(toy, (uint32_t)below(toy, TOY_OWNERS));
}

void toy_play(struct toy *toy, uint64_t seed)
{
    memset(toy, 0, sizeof *toy);
    rng_init(&toy->rng, seed);
    history_init(&toy->history, TOY_KEYS);
    toy->now = 10;
    toy->calm = below(toy, 2);
    for (uint32_t i = 0; i < TOY_NODES; i++)
        toy->actors[i] = i + 1;
    for (uint32_t i = 0; i < TOY_SESSIONS; i++)
        toy->sessions[i] = (struct toy_session){i + 1, NOWHERE, {0}};
    for (uint64_t steps = 20 + below(toy, 500); steps > 0; steps--)
        toy_step(toy);
    for (uint32_t i = 0; i < TOY_SESSIONS; i++) {
        if (toy->sessions[i].request != NOWHERE)
            request_end(toy, &toy->requests[toy->sessions[i].request], HISTORY_UNKNOWN);
    }
    toy->now += below(toy, 50);
    nodes_equal(toy);
}

void toy_done(struct toy *toy)
{
    history_done(&toy->history);
}

// ---- judging ------------------------------------------------------------------------------------

struct final_object {
    struct version versions[TOY_WRITES_MAX];
    uint64_t values[TOY_WRITES_MAX];
    struct object object;
};

static void object_make(const struct toy *toy, uint64_t mask, struct final_object *out)
{
    out->object = (struct object){.versions = out->versions};
    for (uint32_t i = 0; i < toy->write_count; i++) {
        uint32_t at = out->object.count;

        if (!(mask & bit_of(i)))
            continue;
        for (; at > 0 && dot_compare(out->versions[at - 1].dot, toy->writes[i].dot) > 0; at--) {
            out->versions[at] = out->versions[at - 1];
            out->values[at] = out->values[at - 1];
        }
        out->versions[at] =
            (struct version){toy->writes[i].dot, i, toy->writes[i].expires, {NULL, 0}};
        out->values[at] = i + 1;
        out->object.count++;
    }
}

void toy_judge(struct toy *toy, const uint64_t held[TOY_KEYS], struct verdict *verdict)
{
    struct judge_settings settings = {.replicas = TOY_OWNERS};
    struct final_object objects[TOY_KEYS];
    struct replica_object list[TOY_KEYS];
    struct replica_state nodes[TOY_OWNERS] = {0};
    uint64_t known = 0;
    uint32_t count = 0;

    for (uint32_t key = 0; key < TOY_KEYS; key++) {
        object_make(toy, held[key], &objects[key]);
        known |= toy->held[0][key].known | held[key];
        if (objects[key].object.count)
            list[count++] =
                (struct replica_object){key, &objects[key].object, objects[key].values, NULL};
    }
    for (uint32_t i = 0; i < TOY_OWNERS; i++)
        nodes[i] = (struct replica_state){.node = i,
                                          .owner = true,
                                          .serves = true,
                                          .clock = toy_clock(toy, known),
                                          .objects = list,
                                          .object_count = count};
    judge_history(&toy->history, &settings, verdict);
    judge_final(&toy->history, &settings, &(struct replica_states){nodes, TOY_OWNERS}, toy->now,
                verdict);
}
