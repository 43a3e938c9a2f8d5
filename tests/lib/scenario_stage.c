// SPDX-License-Identifier: Apache-2.0
// The world of a story: making it, time, and what its nodes say and send meanwhile.
#include "tests/lib/scenario_stage.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "node/wire/peer.h"
#include "sim/world/inside.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MILLION = 1000000, STEP_US = 100000, BEGIN_US = 2000000 };

void stage_wrong(struct stage *stage, const char *format, ...)
{
    va_list args;

    if (stage->wrong[0])
        return;
    va_start(args, format);
    vsnprintf(stage->wrong, sizeof stage->wrong, format, args);
    va_end(args);
}

uint32_t stage_node(struct stage *stage, const char *word)
{
    uint64_t number = 0;

    if (!word || word[0] != 'n' || text_read_u64(word + 1, 1, sim_nodes(stage->sim), &number)) {
        stage_wrong(stage, "no such node: %s", word ? word : "(none given)");
        return 0;
    }
    return (uint32_t)number - 1;
}

uint64_t stage_number(struct stage *stage, const char *word, uint64_t most)
{
    uint64_t number = 0;

    if (!word || text_read_u64(word, 0, most, &number))
        stage_wrong(stage, "not a number up to %" PRIu64 ": %s", most, word ? word : "(none)");
    return number;
}

uint64_t stage_time(struct stage *stage, const char *word)
{
    size_t size = word ? strlen(word) : 0;
    uint64_t ms = 0;
    char digits[24];

    if (size > 2 && size < sizeof digits && strcmp(word + size - 2, "us") == 0) {
        snprintf(digits, sizeof digits, "%.*s", (int)size - 2, word);
        return stage_number(stage, digits, UINT32_MAX);
    }
    if (!word || text_read_ms(word, &ms))
        stage_wrong(stage, "not a time: %s", word ? word : "(none given)");
    return ms * 1000;
}

void stage_done(struct stage *stage)
{
    sim_free(stage->sim);
    topology_free(stage->topology);
    arena_done(&stage->arena);
    for (uint32_t i = 0; i < stage->token_count; i++)
        buffer_done(&stage->tokens[i].bytes);
    for (uint32_t i = 0; i < stage->asked_count; i++)
        buffer_done(&stage->asked[i].text);
    for (uint32_t i = 0; i < stage->caught_count; i++)
        buffer_done(&stage->caught[i].frame);
    free(stage);
}

// ---- what happens -------------------------------------------------------------------------------

static struct stage_event *event_note(struct stage *stage, const char *text, bool logged)
{
    struct stage_event *event = stage->events;

    for (uint32_t i = 0; i < stage->event_count; i++, event++) {
        if (event->logged == logged && strcmp(event->text, text) == 0) {
            event->count += 1;
            return event;
        }
    }
    if (stage->event_count == EVENTS_MAX)
        return NULL;
    stage->event_count += 1;
    *event = (struct stage_event){.count = 1, .logged = logged};
    snprintf(event->text, sizeof event->text, "%s", text);
    return event;
}

static void item_note(struct stage *stage, const struct page *page, const struct page_item *item)
{
    struct buffer text = {0};

    buffer_add_format(&text, "    ");
    if (item->bucket.size)
        text_add_shown(&text, item->key);
    else
        buffer_add_format(&text, "(a key that is gone)");
    buffer_add_format(&text, ": ");
    say_versions(stage, item->object.versions, item->object.count, &text);
    buffer_add_format(&text, ", stands for ");
    say_clock(stage, &item->dots, &text);
    buffer_add_format(&text, ", seen ");
    say_clock(stage, &page->context, &text);
    if (item->object.rest.count) {
        buffer_add_format(&text, " and ");
        say_clock(stage, &item->object.rest, &text);
    }
    buffer_add_u8(&text, 0);
    event_note(stage, (const char *)text.data, false);
    buffer_done(&text);
}

static uint32_t items_of(struct stage *stage, const struct message *message)
{
    struct reader reader = reader_of(message->encoded);
    struct page page;

    if (message->encoded.size == 0 || page_decode(&reader, &stage->arena, &page))
        return 0;
    for (uint32_t i = 0; i < page.count && stage->tell_items; i++)
        item_note(stage, &page, &page.items[i]);
    return page.count;
}

static void offer_note(struct stage *stage, uint32_t from, uint32_t to)
{
    struct stage_event *event = event_note(stage, "offers", false);

    if (event)
        event->offers[from] |= (uint16_t)(1u << to);
}

static void caught_note(struct stage *stage, uint32_t from, uint32_t to,
                        const struct message *message)
{
    stage->sim->settings.loss = 0;
    for (uint32_t i = 0; i < stage->caught_count; i++) {
        struct caught *caught = &stage->caught[i];

        if (caught->from != from || caught->to != to || caught->kind != message->kind ||
            caught->frame.size)
            continue;
        peer_message_encode(message, &caught->frame);
        // The world looks at this right after it has told of the message, and before the next.
        stage->sim->settings.loss = caught->lose ? MILLION : 0;
    }
}

static void on_message(void *data, uint32_t from, uint32_t to, const struct message *message)
{
    struct stage *stage = data;
    const struct wire *wire = wire_of(stage->sim, from, to);
    bool pages = message->kind == MESSAGE_SYNCED || message->kind == MESSAGE_FILLED;
    struct stage_event *event;
    char text[256];

    if (!wire->up)
        return;
    caught_note(stage, from, to, message);
    if (message->kind == MESSAGE_OFFER && !wire->cut) {
        offer_note(stage, from, to);
        return;
    }
    snprintf(text, sizeof text, "n%" PRIu32 " %s n%" PRIu32 " %s%s%s%s%s", from + 1,
             wire->cut ? "-x" : "->", to + 1, message_name(message->kind),
             message->guest ? ", as a guest" : "",
             message->kind == MESSAGE_APPLY && message->op == 0 ? ", a repair" : "",
             message->err ? ": " : "", message->err ? err_code(message->err) : "");
    event = event_note(stage, text, false);
    if (event && pages)
        event->items += items_of(stage, message);
}

static void on_line(void *data, uint64_t now_us, int node, const char *line)
{
    static const char *const words[] = {"says: ", "warns: ", "ALARMS: "};
    struct buffer sentence = {0};
    char text[256];

    (void)now_us;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strncmp(line, words[i], strlen(words[i])) != 0)
            continue;
        say_sentence(slice_of_text(line), &sentence);
        snprintf(text, sizeof text, "n%d %.*s", node + 1, (int)sentence.size,
                 (const char *)sentence.data);
        event_note(data, text, true);
        buffer_done(&sentence);
        return;
    }
}

static void offers_tell(const struct stage_event *event, struct buffer *out)
{
    const char *between = "";

    buffer_add_format(out, "offers: ");
    for (uint32_t from = 0; from < STAGE_NODES_MAX; from++) {
        if (!event->offers[from])
            continue;
        buffer_add_format(out, "%sn%" PRIu32 " ->", between, from + 1);
        for (uint32_t to = 0; to < STAGE_NODES_MAX; to++) {
            if (event->offers[from] & 1u << to)
                buffer_add_format(out, " n%" PRIu32, to + 1);
        }
        between = "; ";
    }
    buffer_add_format(out, "\n");
}

static void event_tell(const struct stage_event *event, struct buffer *out)
{
    if (strcmp(event->text, "offers") == 0 && !event->logged) {
        offers_tell(event, out);
        return;
    }
    buffer_add_format(out, "%s", event->text);
    if (event->items)
        buffer_add_format(out, ", %" PRIu32 " item%s", event->items, event->items > 1 ? "s" : "");
    if (event->count > 1)
        buffer_add_format(out, " (%" PRIu32 " times)", event->count);
    buffer_add_format(out, "\n");
}

void stage_tell_events(struct stage *stage, bool messages)
{
    for (uint32_t i = 0; i < stage->event_count; i++) {
        if (messages || stage->events[i].logged)
            event_tell(&stage->events[i], stage->out);
    }
    if (stage->event_count == EVENTS_MAX)
        stage_wrong(stage, "too much happens at once to be told");
    stage->event_count = 0;
}

void stage_note_life(struct stage *stage, uint32_t node)
{
    struct store_totals totals;
    char letter = 'a';

    for (uint32_t i = 0; i < stage->life_count; i++)
        letter = (char)(letter + (stage->lives[i].node == node));
    check(stage->life_count < LIVES_MAX && letter <= 'z');
    store_totals(host_store(stage->sim, node), &totals);
    stage->lives[stage->life_count++] = (struct life){totals.actor, node, letter};
}

// ---- making it ----------------------------------------------------------------------------------

static int member_compare(const void *a, const void *b)
{
    uint64_t left = ((const struct member *)a)->id;
    uint64_t right = ((const struct member *)b)->id;

    return left < right ? -1 : left > right;
}

// What table cluster init would make of these members: n1, n2, n3 are the owners, in this order.
static bool owns_in_order(const struct sim *sim, uint32_t replicas)
{
    struct member members[STAGE_NODES_MAX];
    uint16_t owners[REPLICAS_MAX];
    uint32_t shared;
    struct topology topology = {.epoch = 1,
                                .cluster = 1,
                                .shards = 1,
                                .replicas = replicas,
                                .members = members,
                                .member_count = sim_nodes(sim),
                                .owners = owners};

    for (uint32_t i = 0; i < topology.member_count; i++)
        members[i] = *host_member(sim, i);
    qsort(members, topology.member_count, sizeof *members, member_compare);
    if (plan_table(&topology, NULL, &shared))
        return true; // let cluster init refuse it
    for (uint32_t i = 0; i < replicas; i++) {
        if (members[owners[i]].id != host_member(sim, i)->id)
            return false;
    }
    return true;
}

// The others stand in in the order of their numbers, which the seed of the hash decides.
static bool stands_in_order(struct sim *sim)
{
    const struct topology *topology = node_topology(host_node(sim, 0));
    uint16_t guests[MEMBERS_MAX];
    uint32_t count = topology_stand_ins(topology, 0, guests);

    for (uint32_t i = 0; i < count; i++) {
        if (topology->members[guests[i]].id != host_member(sim, topology->replicas + i)->id)
            return false;
    }
    return true;
}

static bool reads_well(const struct sim_settings *settings, uint32_t replicas)
{
    struct sim_settings silent = *settings;
    struct sim *sim;
    bool well;

    silent.calls = (struct sim_calls){0};
    sim = sim_new(&silent);
    well = owns_in_order(sim, replicas) && sim_init(sim, 1, replicas) == 0 && stands_in_order(sim);

    sim_free(sim);
    return well;
}

// Ids are random, and who owns what follows from them. A story with one shard wants n1, n2, n3 to
// own it and n4, n5 to stand in, in this order: the first seed from the given one on that has it.
static void sim_make(struct stage *stage, struct sim_settings *settings, struct words *words)
{
    uint32_t shards = (uint32_t)stage_number(stage, script_value(words, "shards", "1"), SHARDS_MAX);
    uint32_t replicas =
        (uint32_t)stage_number(stage, script_value(words, "replicas", "3"), REPLICAS_MAX);

    if (stage->wrong[0] || replicas > settings->nodes) {
        stage_wrong(stage, "more replicas than nodes");
        return;
    }
    while (shards == 1 && !reads_well(settings, replicas))
        settings->seed += 1;
    // A page of a fill is taken in one turn: it must fit.
    settings->segment_bytes = 512 << 10;
    stage->sim = sim_new(settings);
    check(sim_init(stage->sim, shards, replicas) == 0);
    stage_pass(stage, BEGIN_US);
}

// All nodes get to know the bucket's properties, so that no story has to tell of that.
static void bucket_warm(struct stage *stage)
{
    struct request request;

    request_init(&request, METHOD_GET);
    request.bucket = slice_of_text("b");
    request.key = slice_of_text("warm");
    for (uint32_t node = 0; node < sim_nodes(stage->sim); node++)
        sim_ask(stage->sim, node, sim_ticket(++stage->tickets, METHOD_GET), &request);
    sim_run(stage->sim, sim_now_us(stage->sim) + BEGIN_US);
}

static void placement_tell(struct stage *stage, uint32_t replicas)
{
    buffer_add_format(stage->out, "own the shard:");
    for (uint32_t i = 0; i < sim_nodes(stage->sim); i++)
        buffer_add_format(stage->out, "%s n%" PRIu32,
                          i == replicas ? "; stand in, in this order:" : "", i + 1);
    buffer_add_format(stage->out, "\n");
}

void scene_cluster(struct stage *stage, struct words *words)
{
    struct sim_settings settings;

    if (stage->sim) {
        stage_wrong(stage, "one cluster a story");
        return;
    }
    sim_settings_init(&settings);
    settings.nodes =
        (uint32_t)stage_number(stage, script_value(words, "nodes", "3"), STAGE_NODES_MAX);
    settings.seed = stage_number(stage, script_value(words, "seed", "1"), UINT32_MAX);
    settings.dot_log_bytes =
        stage_number(stage, script_value(words, "dot_log", "1048576"), UINT32_MAX);
    settings.siblings_max =
        (uint32_t)stage_number(stage, script_value(words, "siblings", "100"), UINT32_MAX);
    // As it is, nothing goes to the tree but when the story wants it.
    settings.memtable_keys =
        (uint32_t)stage_number(stage, script_value(words, "memtable", "100000"), UINT32_MAX);
    settings.memtable_bytes = 64 << 20;
    settings.data = stage;
    settings.calls = (struct sim_calls){.reply = request_answered,
                                        .refused = request_refused,
                                        .closed = request_closed,
                                        .message = on_message,
                                        .line = on_line};
    sim_make(stage, &settings, words);
    if (stage->wrong[0])
        return;
    for (uint32_t node = 0; node < settings.nodes; node++)
        stage_note_life(stage, node);
    stage->topology = topology_clone(node_topology(host_node(stage->sim, 0)));
    bucket_warm(stage);
    stage->event_count = 0;
    if (stage->topology->shards == 1)
        placement_tell(stage, stage->topology->replicas);
}

// ---- time ---------------------------------------------------------------------------------------

void stage_pass(struct stage *stage, uint64_t us)
{
    sim_run(stage->sim, sim_now_us(stage->sim) + us);
}

void scene_run(struct stage *stage, struct words *words)
{
    stage_pass(stage, stage_time(stage, script_next(words)));
    stage_tell_events(stage, true);
}

void scene_pass(struct stage *stage, struct words *words)
{
    stage_pass(stage, stage_time(stage, script_next(words)));
    stage_tell_events(stage, false);
}

static void until_equal(struct stage *stage, uint64_t end_us)
{
    while (stage_unequal(stage) && sim_now_us(stage->sim) < end_us)
        stage_pass(stage, STEP_US);
    stage_tell_events(stage, true);
    if (stage_unequal(stage))
        buffer_add_format(stage->out, "not converged: %s\n", stage_unequal(stage));
    else
        buffer_add_format(stage->out, "converged\n");
}

static void until_serves(struct stage *stage, uint32_t node, uint64_t end_us)
{
    struct store_shard shard = {0};

    while (sim_now_us(stage->sim) < end_us && host_store(stage->sim, node)) {
        if (store_shards(host_store(stage->sim, node)))
            store_shard(host_store(stage->sim, node), 0, &shard);
        if (shard.born && !shard.filling)
            break;
        stage_pass(stage, STEP_US / 10);
    }
    stage_tell_events(stage, true);
    buffer_add_format(stage->out, "n%" PRIu32 " %s\n", node + 1,
                      shard.born && !shard.filling ? "serves" : "does not serve");
}

static enum message_kind kind_read(struct stage *stage, const char *word)
{
    for (int kind = 0; word && kind < MESSAGE_KIND_COUNT; kind++) {
        if (strcmp(message_name((enum message_kind)kind), word) == 0)
            return (enum message_kind)kind;
    }
    stage_wrong(stage, "no such message: %s", word ? word : "(none given)");
    return MESSAGE_KIND_COUNT;
}

static struct caught *caught_new(struct stage *stage, const char *name, struct words *words)
{
    struct caught *caught;

    if (stage->caught_count == CAUGHT_MAX) {
        stage_wrong(stage, "too many messages caught");
        return NULL;
    }
    caught = &stage->caught[stage->caught_count++];
    snprintf(caught->name, sizeof caught->name, "%s", name);
    caught->from = stage_node(stage, script_next(words));
    caught->to = stage_node(stage, script_next(words));
    caught->kind = kind_read(stage, script_next(words));
    return caught;
}

static void until_sent(struct stage *stage, struct words *words, uint64_t end_us)
{
    struct caught *caught = caught_new(stage, "", words);

    if (!caught)
        return;
    while (caught->frame.size == 0 && sim_step(stage->sim, end_us))
        continue;
    stage_tell_events(stage, true);
    if (caught->frame.size == 0)
        buffer_add_format(stage->out, "no such message came\n");
    buffer_done(&caught->frame);
    stage->caught_count -= 1;
}

void scene_until(struct stage *stage, struct words *words)
{
    uint64_t end_us =
        sim_now_us(stage->sim) + stage_time(stage, script_value(words, "within", "120s"));

    if (script_flag(words, "converged"))
        until_equal(stage, end_us);
    else if (script_flag(words, "serves"))
        until_serves(stage, stage_node(stage, script_next(words)), end_us);
    else if (script_flag(words, "sent"))
        until_sent(stage, words, end_us);
    else
        stage_wrong(stage, "until what?");
}

// ---- messages caught ----------------------------------------------------------------------------

static void catch_next(struct stage *stage, struct words *words, bool lose)
{
    const char *name = script_next(words);
    struct caught *caught = name ? caught_new(stage, name, words) : NULL;

    if (caught)
        caught->lose = lose;
    else
        stage_wrong(stage, "a message caught needs a name");
}

void scene_catch(struct stage *stage, struct words *words)
{
    catch_next(stage, words, false);
}

void scene_lose(struct stage *stage, struct words *words)
{
    catch_next(stage, words, true);
}

static void frame_inject(struct stage *stage, const struct caught *caught)
{
    struct sim *sim = stage->sim;
    struct happening *happening = happening_new(sim, HAPPEN_MESSAGE, caught->to);

    happening->other = caught->from;
    happening->number = wire_of(sim, caught->from, caught->to)->connection;
    buffer_add_slice(&happening->bytes, buffer_slice(&caught->frame));
    happening_add(sim, happening, sim_now_us(sim));
    stage_pass(stage, SETTLE_US);
}

void scene_deliver(struct stage *stage, struct words *words)
{
    const char *name = script_next(words);

    for (uint32_t i = 0; name && i < stage->caught_count; i++) {
        if (strcmp(stage->caught[i].name, name) != 0)
            continue;
        if (stage->caught[i].frame.size == 0)
            stage_wrong(stage, "%s was never sent", name);
        else
            frame_inject(stage, &stage->caught[i]);
        stage_tell_events(stage, true);
        return;
    }
    stage_wrong(stage, "no message of this name was caught");
}
