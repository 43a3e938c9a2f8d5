// SPDX-License-Identifier: Apache-2.0
// The record and its encoding. What is decoded comes from a peer or a file and may be anything:
// each count is compared with the bytes that are left before memory is taken for it, and a record
// is only handed out when all of topology_valid holds. Who should own what is decided in plan.c.
#include "node/data/topology.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "node/data/hash.h"
#include "node/data/key.h"

#include <assert.h>
#include <stdlib.h>

enum { TOPOLOGY_LAYOUT = 1, MEMBER_SIZE_MIN = 8 + 1 + 5 + 1 };

static_assert(MEMBERS_MAX <= UINT16_MAX, "owners are 16-bit indices");
static_assert(ADDRESS_SIZE_MAX <= UINT8_MAX, "sizes of texts are one byte");

static size_t owners_count(const struct topology *topology)
{
    return (size_t)topology->shards * topology->replicas;
}

struct topology *topology_clone(const struct topology *from)
{
    struct topology *topology = memory_new(sizeof *topology);
    size_t members_size = from->member_count * sizeof *from->members;
    size_t owners_size = owners_count(from) * sizeof *from->owners;

    *topology = *from;
    topology->members = memory_new(members_size);
    topology->owners = memory_new(owners_size);
    if (members_size)
        memcpy(topology->members, from->members, members_size);
    if (owners_size)
        memcpy(topology->owners, from->owners, owners_size);
    return topology;
}

void topology_free(struct topology *topology)
{
    if (!topology)
        return;
    free(topology->members);
    free(topology->owners);
    free(topology);
}

int topology_member(const struct topology *topology, uint64_t id)
{
    uint32_t low = 0;
    uint32_t high = topology->member_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (topology->members[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < topology->member_count && topology->members[low].id == id ? (int)low : -1;
}

const uint16_t *topology_owners(const struct topology *topology, uint32_t shard)
{
    check(shard < topology->shards);
    return &topology->owners[(size_t)shard * topology->replicas];
}

int topology_rank(const struct topology *topology, uint32_t shard, int member)
{
    const uint16_t *owners = topology_owners(topology, shard);

    for (uint32_t rank = 0; rank < topology->replicas; rank++) {
        if (owners[rank] == member)
            return (int)rank;
    }
    return -1;
}

uint32_t topology_owned(const struct topology *topology, int member)
{
    size_t count = owners_count(topology);
    uint32_t owned = 0;

    for (size_t i = 0; i < count; i++)
        owned += topology->owners[i] == member;
    return owned;
}

static uint64_t stand_in_score(const struct topology *topology, uint32_t shard, uint16_t member)
{
    uint8_t bytes[8 + 4 + 8];

    bytes_put_u64(bytes, topology->seed);
    bytes_put_u32(bytes + 8, shard);
    bytes_put_u64(bytes + 12, topology->members[member].id);
    return hash_64(slice_of(bytes, sizeof bytes));
}

// Highest score first (a shell sort: a few to a thousand members, and no memory of its own).
static void scores_sort(uint64_t *scores, uint16_t *members, uint32_t count)
{
    static const uint32_t gaps[] = {701, 301, 132, 57, 23, 10, 4, 1};

    for (unsigned g = 0; g < sizeof gaps / sizeof gaps[0]; g++) {
        for (uint32_t i = gaps[g]; i < count; i++) {
            uint64_t score = scores[i];
            uint16_t member = members[i];
            uint32_t at = i;

            for (; at >= gaps[g] && scores[at - gaps[g]] < score; at -= gaps[g]) {
                scores[at] = scores[at - gaps[g]];
                members[at] = members[at - gaps[g]];
            }
            scores[at] = score;
            members[at] = member;
        }
    }
}

uint32_t topology_stand_ins(const struct topology *topology, uint32_t shard, uint16_t *out)
{
    uint64_t scores[MEMBERS_MAX];
    uint32_t count = 0;

    check(topology->member_count <= MEMBERS_MAX);
    for (uint32_t i = 0; i < topology->member_count; i++) {
        if (topology_rank(topology, shard, (int)i) >= 0)
            continue;
        scores[count] = stand_in_score(topology, shard, (uint16_t)i);
        out[count++] = (uint16_t)i;
    }
    scores_sort(scores, out, count);
    return count;
}

static void text_encode(const char *text, struct buffer *out)
{
    size_t size = strlen(text);

    buffer_add_u8(out, (uint8_t)size);
    buffer_add(out, text, size);
}

void topology_encode(const struct topology *topology, struct buffer *out)
{
    size_t count = owners_count(topology);

    check_slow(topology_valid(topology));
    buffer_add_u8(out, TOPOLOGY_LAYOUT);
    buffer_add_varint(out, topology->epoch);
    buffer_add_u64(out, topology->parent_digest);
    buffer_add_u64(out, topology->cluster);
    buffer_add_u64(out, topology->seed);
    buffer_add_varint(out, topology->shards);
    buffer_add_varint(out, topology->replicas);
    buffer_add_varint(out, topology->member_count);
    for (uint32_t i = 0; i < topology->member_count; i++) {
        const struct member *member = &topology->members[i];

        buffer_add_u64(out, member->id);
        text_encode(member->name, out);
        text_encode(member->zone, out);
        text_encode(member->host, out);
        text_encode(member->client_address, out);
        text_encode(member->peer_address, out);
        buffer_add_varint(out, member->weight);
    }
    for (size_t i = 0; i < count; i++)
        buffer_add_u16(out, topology->owners[i]);
}

// Into an array of max + 1 zeroed bytes. Printable text has no zero byte in it.
static void text_decode(struct reader *reader, size_t max, char *out)
{
    struct slice text = reader_slice(reader, reader_u8(reader));

    if (text.size > max || !text_is_printable(text))
        reader->failed = true;
    else if (text.size)
        memcpy(out, text.data, text.size);
}

static void member_decode(struct reader *reader, struct member *out)
{
    uint64_t weight;

    out->id = reader_u64(reader);
    text_decode(reader, NAME_SIZE_MAX, out->name);
    text_decode(reader, NAME_SIZE_MAX, out->zone);
    text_decode(reader, NAME_SIZE_MAX, out->host);
    text_decode(reader, ADDRESS_SIZE_MAX, out->client_address);
    text_decode(reader, ADDRESS_SIZE_MAX, out->peer_address);
    weight = reader_varint(reader);
    if (weight > UINT32_MAX)
        reader->failed = true;
    out->weight = (uint32_t)weight;
}

// A varint within 1..max, 0 (and failed) otherwise.
static uint32_t count_decode(struct reader *reader, uint32_t max)
{
    uint64_t count = reader_varint(reader);

    if (count == 0 || count > max)
        reader->failed = true;
    return reader->failed ? 0 : (uint32_t)count;
}

static void parts_decode(struct reader *reader, struct topology *out)
{
    size_t owners;

    out->epoch = reader_varint(reader);
    out->parent_digest = reader_u64(reader);
    out->cluster = reader_u64(reader);
    out->seed = reader_u64(reader);
    out->shards = count_decode(reader, SHARDS_MAX);
    out->replicas = count_decode(reader, REPLICAS_MAX);
    out->member_count = count_decode(reader, MEMBERS_MAX);
    if (reader->failed || out->member_count > reader_left(reader) / MEMBER_SIZE_MIN)
        goto failed;
    out->members = memory_new(out->member_count * sizeof *out->members);
    for (uint32_t i = 0; i < out->member_count; i++)
        member_decode(reader, &out->members[i]);
    owners = owners_count(out);
    if (reader->failed || reader_left(reader) != owners * sizeof *out->owners)
        goto failed;
    out->owners = memory_new(owners * sizeof *out->owners);
    for (size_t i = 0; i < owners; i++)
        out->owners[i] = reader_u16(reader);
    return;
failed:
    reader->failed = true;
}

int topology_decode(struct slice bytes, struct topology **out)
{
    struct reader reader = reader_of(bytes);
    uint8_t layout = reader_u8(&reader);
    struct topology *topology;

    if (layout != TOPOLOGY_LAYOUT)
        return ERR_PROTOCOL;
    topology = memory_new(sizeof *topology);
    parts_decode(&reader, topology);
    if (!reader_finished(&reader) || !topology_valid(topology)) {
        topology_free(topology);
        return ERR_PROTOCOL;
    }
    *out = topology;
    return 0;
}

uint64_t topology_digest(const struct topology *topology)
{
    struct buffer bytes = {0};
    uint64_t digest;

    topology_encode(topology, &bytes);
    digest = hash_64(buffer_slice(&bytes));
    buffer_done(&bytes);
    return digest;
}

static bool text_valid(const char *text, size_t max)
{
    return strnlen(text, max + 1) <= max && text_is_printable(slice_of_text(text));
}

static bool member_valid(const struct member *member)
{
    return member->id && member->name[0] && text_valid(member->name, NAME_SIZE_MAX) &&
           text_valid(member->zone, NAME_SIZE_MAX) && text_valid(member->host, NAME_SIZE_MAX) &&
           text_valid(member->client_address, ADDRESS_SIZE_MAX) &&
           text_valid(member->peer_address, ADDRESS_SIZE_MAX);
}

static bool owners_valid(const struct topology *topology, uint32_t shard)
{
    const uint16_t *owners = topology_owners(topology, shard);

    for (uint32_t i = 0; i < topology->replicas; i++) {
        if (owners[i] >= topology->member_count)
            return false;
        for (uint32_t j = 0; j < i; j++) {
            if (owners[j] == owners[i])
                return false;
        }
    }
    return true;
}

bool topology_valid(const struct topology *topology)
{
    bool power = topology->shards && (topology->shards & (topology->shards - 1)) == 0;

    if (topology->epoch == 0 || topology->cluster == 0 || !power || topology->shards > SHARDS_MAX)
        return false;
    if (topology->epoch == 1 && topology->parent_digest)
        return false;
    if (topology->replicas < 1 || topology->replicas > REPLICAS_MAX || topology->member_count < 1 ||
        topology->member_count > MEMBERS_MAX)
        return false;
    for (uint32_t i = 0; i < topology->member_count; i++) {
        if (!member_valid(&topology->members[i]))
            return false;
        if (i > 0 && topology->members[i - 1].id >= topology->members[i].id)
            return false;
    }
    for (uint32_t shard = 0; shard < topology->shards; shard++) {
        if (!owners_valid(topology, shard))
            return false;
    }
    return true;
}
