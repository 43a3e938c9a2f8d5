// SPDX-License-Identifier: Apache-2.0
// Results about the cluster: topology, members, status, and a bucket's properties.
#include "base/err.h"
#include "base/pack.h"
#include "node/wire/result.h"

enum { VIEWS_MAX = 4 * MEMBERS_MAX };

// ---- properties ---------------------------------------------------------------------------------

void properties_write(const struct bucket_properties *properties, struct buffer *out)
{
    pack_map(out, 7);
    write_name(out, "conflict");
    pack_text(out, properties->conflict == CONFLICT_LWW ? "lww" : "siblings");
    write_name(out, "r");
    write_level(out, properties->r);
    write_name(out, "w");
    write_level(out, properties->w);
    write_name(out, "pr");
    write_level(out, properties->pr);
    write_name(out, "pw");
    write_level(out, properties->pw);
    write_number(out, "ttl_ms", properties->ttl_ms);
    write_name(out, "strict");
    pack_bool(out, properties->strict);
}

static int level_field(struct fields *fields, const char *name)
{
    const msgpack_object *value = field_find(fields, name);
    int level = LEVEL_DEFAULT;

    if (value && value_level(value, &level))
        fields->failed = true;
    return level;
}

void properties_read(struct fields *fields, struct bucket_properties *out)
{
    struct slice conflict = field_bytes(fields, "conflict");

    if (!slice_is(conflict, "lww") && !slice_is(conflict, "siblings"))
        fields->failed = true;
    out->conflict = slice_is(conflict, "lww") ? CONFLICT_LWW : CONFLICT_SIBLINGS;
    out->r = level_field(fields, "r");
    out->w = level_field(fields, "w");
    out->pr = level_field(fields, "pr");
    out->pw = level_field(fields, "pw");
    out->ttl_ms = field_u64(fields, "ttl_ms", UINT64_MAX);
    out->strict = field_bool(fields, "strict");
}

// ---- members ------------------------------------------------------------------------------------

static void member_write(const struct member_view *view, struct buffer *out)
{
    pack_map(out, 13);
    write_name(out, "id");
    write_id(out, view->member.id);
    write_name(out, "name");
    write_text(out, slice_of_text(view->member.name));
    write_name(out, "zone");
    write_text(out, slice_of_text(view->member.zone));
    write_name(out, "host");
    write_text(out, slice_of_text(view->member.host));
    write_name(out, "client_address");
    write_text(out, slice_of_text(view->member.client_address));
    write_name(out, "peer_address");
    write_text(out, slice_of_text(view->member.peer_address));
    write_number(out, "weight", view->member.weight);
    write_name(out, "state");
    pack_text(out, member_state_name(view->state));
    write_name(out, "linked");
    pack_bool(out, view->linked);
    write_name(out, "owner");
    pack_bool(out, view->owner);
    write_number(out, "shards", view->shards);
    write_number(out, "epoch", view->epoch);
    write_name(out, "digest");
    write_id(out, view->digest);
}

// A state of a newer build is unknown to us.
static enum member_state state_read(struct slice name)
{
    for (int i = MEMBER_ALIVE; i <= MEMBER_LEFT; i++) {
        if (slice_is(name, member_state_name((enum member_state)i)))
            return (enum member_state)i;
    }
    return MEMBER_UNKNOWN;
}

static void member_read(const msgpack_object *value, struct fields *parent, struct member_view *out)
{
    struct fields fields = fields_of(value);
    struct member *member = &out->member;

    member->id = field_id(&fields, "id");
    field_text(&fields, "name", member->name, sizeof member->name);
    field_text(&fields, "zone", member->zone, sizeof member->zone);
    field_text(&fields, "host", member->host, sizeof member->host);
    field_text(&fields, "client_address", member->client_address, sizeof member->client_address);
    field_text(&fields, "peer_address", member->peer_address, sizeof member->peer_address);
    member->weight = field_u32(&fields, "weight");
    out->state = state_read(field_bytes(&fields, "state"));
    out->linked = field_bool(&fields, "linked");
    out->owner = field_bool(&fields, "owner");
    out->shards = field_u32(&fields, "shards");
    out->epoch = field_u64(&fields, "epoch", UINT64_MAX);
    out->digest = field_id(&fields, "digest");
    parent->failed |= fields.failed;
}

static void members_write(const struct reply *reply, struct buffer *out)
{
    pack_array(out, reply->member_count);
    for (uint32_t i = 0; i < reply->member_count; i++)
        member_write(&reply->members[i], out);
}

static void members_read(struct fields *fields, struct arena *arena, struct reply *out)
{
    uint32_t count;
    const msgpack_object *array = field_array(fields, "members", &count);

    if (count > VIEWS_MAX) {
        fields->failed = true;
        return;
    }
    out->members = arena_new(arena, count * sizeof *out->members);
    out->member_count = count;
    for (uint32_t i = 0; i < count; i++)
        member_read(&array[i], fields, &out->members[i]);
}

// ---- topology -----------------------------------------------------------------------------------

// Strangers read `owners` and `ids`; our own client reads `record`, from which all the rest follows
// and whose XXH3-64 is the digest.
static void record_write(const struct topology *topology, struct buffer *out)
{
    struct buffer bytes = {0};
    size_t copies = (size_t)topology->shards * topology->replicas;

    write_number(out, "epoch", topology->epoch);
    write_name(out, "digest");
    write_id(out, topology_digest(topology));
    write_name(out, "cluster");
    write_id(out, topology->cluster);
    write_name(out, "seed");
    write_id(out, topology->seed);
    write_number(out, "shards", topology->shards);
    write_number(out, "replicas", topology->replicas);
    write_name(out, "ids");
    pack_array(out, topology->member_count);
    for (uint32_t i = 0; i < topology->member_count; i++)
        write_id(out, topology->members[i].id);
    write_name(out, "owners");
    for (size_t i = 0; i < copies; i++)
        buffer_add_u16(&bytes, topology->owners[i]);
    write_bin(out, buffer_slice(&bytes));
    bytes.size = 0;
    write_name(out, "record");
    topology_encode(topology, &bytes);
    write_bin(out, buffer_slice(&bytes));
    buffer_done(&bytes);
}

enum { RECORD_FIELDS = 9 };

void topology_write(const struct reply *reply, struct buffer *out)
{
    if (reply->topology && reply->topology->epoch) {
        pack_map(out, RECORD_FIELDS + 2);
        record_write(reply->topology, out);
    } else {
        pack_map(out, 1 + 2);
        write_number(out, "epoch", 0);
    }
    write_name(out, "members");
    members_write(reply, out);
    write_number(out, "shared_hosts", reply->shared_hosts);
}

void topology_read(struct fields *fields, struct wire_decoder *decoder, struct reply *out)
{
    static const struct topology none;
    uint64_t epoch = field_u64(fields, "epoch", UINT64_MAX);
    struct slice record = field_bytes(fields, "record");

    if (epoch && (!record.size || decoder->topology))
        fields->failed = true;
    else if (epoch && topology_decode(record, &decoder->topology))
        fields->failed = true;
    out->topology = decoder->topology ? decoder->topology : &none;
    members_read(fields, &decoder->arena, out);
    out->shared_hosts = field_u32(fields, "shared_hosts");
}

// ---- status -------------------------------------------------------------------------------------

enum status_type { STATUS_ID, STATUS_TEXT, STATUS_U32, STATUS_U64, STATUS_ERR };

struct status_row {
    const char *name;
    enum status_type type;
    bool ping; // answers a ping too
    size_t place;
};

#define ROW(member, type, ping)                                                                    \
    {                                                                                              \
#member, STATUS_##type, ping, offsetof(struct status, member)                              \
    }

static const struct status_row rows[] = {
    ROW(id, ID, true),
    ROW(name, TEXT, true),
    ROW(cluster, ID, true),
    ROW(epoch, U64, true),
    ROW(build, TEXT, true),
    ROW(actor, ID, false),
    ROW(digest, ID, false),
    ROW(shards_owned, U32, false),
    ROW(shards_born, U32, false),
    ROW(keys, U64, false),
    ROW(bytes, U64, false),
    ROW(disk_bytes, U64, false),
    ROW(log_bytes, U64, false),
    ROW(memory_bytes, U64, false),
    ROW(checkpoints, U64, false),
    ROW(unknown, U64, false),
    ROW(rebuilt, U64, false),
    ROW(requests, U64, false),
    ROW(requests_refused, U64, false),
    ROW(repairs, U64, false),
    ROW(hedges, U64, false),
    ROW(in_flight, U32, false),
    ROW(uptime_ms, U64, false),
    ROW(refusal, ERR, false),
    ROW(repair_missing, U64, false),
    ROW(repair_owed, U64, false),
    ROW(repair_bytes, U64, false),
    ROW(repair_age_ms, U64, false),
    ROW(repair_state, TEXT, false),
    ROW(shards_filling, U32, false),
    ROW(guest_shards, U32, false),
    ROW(guest_keys, U64, false),
    ROW(dots, U64, false),
    ROW(dots_max, U64, false),
    ROW(pulled_items, U64, false),
    ROW(pulled_bytes, U64, false),
    ROW(digest_alarms, U64, false),
    ROW(durability, TEXT, false),
    ROW(get_p50_us, U64, false),
    ROW(get_p99_us, U64, false),
    ROW(put_p50_us, U64, false),
    ROW(put_p99_us, U64, false),
};

enum { ROWS = sizeof rows / sizeof rows[0], PING_ROWS = 5 };

static void status_row_write(const struct status_row *row, const void *at, struct buffer *out)
{
    pack_text(out, row->name);
    switch (row->type) {
    case STATUS_ID:
        write_id(out, *(const uint64_t *)at);
        break;
    case STATUS_TEXT:
        write_text(out, *(const struct slice *)at);
        break;
    case STATUS_U32:
        pack_u64(out, *(const uint32_t *)at);
        break;
    case STATUS_U64:
        pack_u64(out, *(const uint64_t *)at);
        break;
    case STATUS_ERR:
        if (*(const int *)at)
            pack_text(out, err_code(*(const int *)at));
        else
            pack_nil(out);
        break;
    }
}

void status_write(const struct status *status, enum method method, struct buffer *out)
{
    bool ping = method == METHOD_PING;

    pack_map(out, ping ? PING_ROWS : ROWS);
    for (unsigned i = 0; i < ROWS; i++) {
        if (!ping || rows[i].ping)
            status_row_write(&rows[i], (const char *)status + rows[i].place, out);
    }
}

static void status_row_read(const struct status_row *row, struct fields *fields, void *at)
{
    struct slice code;

    switch (row->type) {
    case STATUS_ID:
        *(uint64_t *)at = field_id(fields, row->name);
        break;
    case STATUS_TEXT:
        *(struct slice *)at = field_bytes(fields, row->name);
        break;
    case STATUS_U32:
        *(uint32_t *)at = field_u32(fields, row->name);
        break;
    case STATUS_U64:
        *(uint64_t *)at = field_u64(fields, row->name, UINT64_MAX);
        break;
    case STATUS_ERR:
        code = field_bytes(fields, row->name);
        *(int *)at = code.size ? err_of_code((const char *)code.data, code.size) : 0;
        break;
    }
}

void status_read(struct fields *fields, enum method method, struct status *out)
{
    for (unsigned i = 0; i < ROWS; i++) {
        if (method != METHOD_PING || rows[i].ping)
            status_row_read(&rows[i], fields, (char *)out + rows[i].place);
    }
}
