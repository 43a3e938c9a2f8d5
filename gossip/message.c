// SPDX-License-Identifier: Apache-2.0
#include "gossip/message.h"

#include "base/err.h"
#include "base/pack.h"
#include "base/text.h"

// --- Writing -------------------------------------------------------------------------------------

static void encode_type(struct buffer *out, enum message_type type, uint32_t fields)
{
    buffer_add_u8(out, (uint8_t)type);
    pack_map(out, fields);
}

// Go writes an absent byte slice as nil.
static void encode_optional(struct buffer *out, const char *key, struct slice bytes)
{
    pack_text(out, key);
    if (bytes.size)
        pack_raw(out, bytes);
    else
        pack_nil(out);
}

static uint32_t source_fields(const struct message *message)
{
    return (message->source.size ? 2U : 0U) + (message->source_node.size ? 1U : 0U);
}

static void encode_source(const struct message *message, struct buffer *out)
{
    if (message->source.size)
        pack_key_raw(out, "SourceAddr", swim_address_ip(&message->source));
    if (message->source_node.size)
        pack_key_raw(out, "SourceNode", message->source_node);
    if (message->source.size)
        pack_key_u64(out, "SourcePort", message->source.port);
}

static void encode_ping(const struct message *message, struct buffer *out)
{
    encode_type(out, MESSAGE_PING, 2 + source_fields(message));
    pack_key_raw(out, "Node", message->node);
    pack_key_u64(out, "SeqNo", message->sequence);
    encode_source(message, out);
}

static void encode_indirect_ping(const struct message *message, struct buffer *out)
{
    encode_type(out, MESSAGE_INDIRECT_PING, 5 + source_fields(message));
    pack_text(out, "Nack");
    pack_bool(out, message->nack);
    pack_key_raw(out, "Node", message->node);
    pack_key_u64(out, "Port", message->target.port);
    pack_key_u64(out, "SeqNo", message->sequence);
    encode_source(message, out);
    pack_key_raw(out, "Target", swim_address_ip(&message->target));
}

static void encode_ack(const struct message *message, struct buffer *out)
{
    encode_type(out, MESSAGE_ACK, 2);
    encode_optional(out, "Payload", message->payload);
    pack_key_u64(out, "SeqNo", message->sequence);
}

static void encode_nack(const struct message *message, struct buffer *out)
{
    encode_type(out, MESSAGE_NACK, 1);
    pack_key_u64(out, "SeqNo", message->sequence);
}

static void encode_accusation(const struct message *message, struct buffer *out)
{
    encode_type(out, message->type, 3);
    pack_key_raw(out, "From", message->from);
    pack_key_u64(out, "Incarnation", message->incarnation);
    pack_key_raw(out, "Node", message->node);
}

static void encode_alive(const struct message *message, struct buffer *out)
{
    encode_type(out, MESSAGE_ALIVE, 6);
    pack_key_raw(out, "Addr", swim_address_ip(&message->address));
    pack_key_u64(out, "Incarnation", message->incarnation);
    encode_optional(out, "Meta", message->meta);
    pack_key_raw(out, "Node", message->node);
    pack_key_u64(out, "Port", message->address.port);
    pack_key_raw(out, "Vsn", slice_of(message->version, VERSION_SIZE));
}

void message_encode_record(const struct message *record, struct buffer *out)
{
    pack_map(out, 7);
    pack_key_raw(out, "Addr", swim_address_ip(&record->address));
    pack_key_u64(out, "Incarnation", record->incarnation);
    encode_optional(out, "Meta", record->meta);
    pack_key_raw(out, "Name", record->node);
    pack_key_u64(out, "Port", record->address.port);
    pack_key_u64(out, "State", record->state);
    pack_key_raw(out, "Vsn", slice_of(record->version, VERSION_SIZE));
}

static void encode_user(const struct message *message, struct buffer *out)
{
    buffer_add_u8(out, MESSAGE_USER);
    buffer_add_slice(out, message->payload);
}

static void encode_error(const struct message *message, struct buffer *out)
{
    encode_type(out, MESSAGE_ERROR, 1);
    pack_key_raw(out, "Error", message->payload);
}

// --- Reading -------------------------------------------------------------------------------------

static struct slice decode_name(struct pack_fields *fields, const char *key)
{
    struct slice name = pack_field_raw(fields, key, SWIM_NAME_MAX);

    if (!text_is_printable(name))
        fields->failed = true;
    return name;
}

static struct swim_address decode_address(struct pack_fields *fields, const char *ip_key,
                                          const char *port_key)
{
    struct slice ip = pack_field_raw(fields, ip_key, SWIM_ADDRESS_V6);
    uint16_t port = (uint16_t)pack_field_u64(fields, port_key, UINT16_MAX);
    struct swim_address address = swim_address_of(ip, port);

    // A mapped IPv4 address would make the sender and us disagree on who the member is.
    if (address.size != ip.size)
        fields->failed = true;
    return address;
}

static uint32_t decode_u32(struct pack_fields *fields, const char *key)
{
    return (uint32_t)pack_field_u64(fields, key, UINT32_MAX);
}

static void decode_ping(struct pack_fields *fields, struct message *message)
{
    message->node = decode_name(fields, "Node");
    message->sequence = decode_u32(fields, "SeqNo");
    message->source_node = decode_name(fields, "SourceNode");
    message->source = decode_address(fields, "SourceAddr", "SourcePort");
    if (message->source.size == 0 || message->source.port == 0)
        message->source = (struct swim_address){0};
}

static void decode_indirect_ping(struct pack_fields *fields, struct message *message)
{
    decode_ping(fields, message);
    message->nack = pack_field_bool(fields, "Nack");
    message->target = decode_address(fields, "Target", "Port");
    if (message->target.size == 0 || message->target.port == 0)
        fields->failed = true;
}

static void decode_ack(struct pack_fields *fields, struct message *message)
{
    message->payload = pack_field_raw(fields, "Payload", UINT16_MAX);
    message->sequence = decode_u32(fields, "SeqNo");
}

static void decode_nack(struct pack_fields *fields, struct message *message)
{
    message->sequence = decode_u32(fields, "SeqNo");
}

static void decode_accusation(struct pack_fields *fields, struct message *message)
{
    message->from = decode_name(fields, "From");
    message->node = decode_name(fields, "Node");
    message->incarnation = (uint32_t)pack_field_u64(fields, "Incarnation", MESSAGE_ACCUSED_MAX);
    if (message->node.size == 0)
        fields->failed = true;
}

static void decode_member(struct pack_fields *fields, struct message *message)
{
    struct slice version = pack_field_raw(fields, "Vsn", VERSION_SIZE);

    message->address = decode_address(fields, "Addr", "Port");
    message->incarnation = (uint32_t)pack_field_u64(fields, "Incarnation", MESSAGE_INCARNATION_MAX);
    message->meta = pack_field_raw(fields, "Meta", SWIM_META_MAX);
    message->has_version = version.size == VERSION_SIZE;
    if (message->has_version)
        memcpy(message->version, version.data, VERSION_SIZE);
    if (version.size != 0 && version.size != VERSION_SIZE)
        fields->failed = true;
    if (message->node.size == 0 || message->address.size == 0 || message->address.port == 0)
        fields->failed = true;
}

static void decode_alive(struct pack_fields *fields, struct message *message)
{
    message->node = decode_name(fields, "Node");
    decode_member(fields, message);
}

static void decode_record(struct pack_fields *fields, struct message *message)
{
    message->node = decode_name(fields, "Name");
    message->state = (enum member_state)pack_field_u64(fields, "State", MEMBER_LEFT);
    decode_member(fields, message);
}

static void decode_error(struct pack_fields *fields, struct message *message)
{
    message->payload = pack_field_raw(fields, "Error", UINT16_MAX);
}

// --- Types ---------------------------------------------------------------------------------------

static const struct {
    void (*encode)(const struct message *message, struct buffer *out);
    void (*decode)(struct pack_fields *fields, struct message *message);
} types[] = {
    [MESSAGE_PING] = {encode_ping, decode_ping},
    [MESSAGE_INDIRECT_PING] = {encode_indirect_ping, decode_indirect_ping},
    [MESSAGE_ACK] = {encode_ack, decode_ack},
    [MESSAGE_SUSPECT] = {encode_accusation, decode_accusation},
    [MESSAGE_ALIVE] = {encode_alive, decode_alive},
    [MESSAGE_DEAD] = {encode_accusation, decode_accusation},
    [MESSAGE_USER] = {encode_user, NULL},
    [MESSAGE_NACK] = {encode_nack, decode_nack},
    [MESSAGE_ERROR] = {encode_error, decode_error},
};

enum { TYPES = sizeof types / sizeof types[0] };

void message_encode(const struct message *message, struct buffer *out)
{
    types[message->type].encode(message, out);
}

static int decode_map(struct slice bytes, struct message *message, size_t *size,
                      void (*decode)(struct pack_fields *fields, struct message *message))
{
    struct pack_value value;
    struct pack_fields fields;
    int err = pack_value_read(bytes, MESSAGE_VALUES_MAX, &value);

    if (err)
        return ERR_PROTOCOL;
    fields = pack_fields_of(&value.unpacked.data);
    decode(&fields, message);
    *size = value.size;
    pack_value_done(&value);
    return fields.failed ? ERR_PROTOCOL : 0;
}

int message_decode(struct slice bytes, struct message *out)
{
    struct message message = {0};
    size_t size;
    int err;

    if (bytes.size == 0 || bytes.data[0] >= TYPES)
        return ERR_PROTOCOL;
    message.type = (enum message_type)bytes.data[0];
    bytes = slice_of(bytes.data + 1, bytes.size - 1);
    if (message.type == MESSAGE_USER) {
        message.payload = bytes;
        *out = message;
        return 0;
    }
    if (!types[message.type].decode)
        return ERR_PROTOCOL;
    // Bytes behind the map are let pass, as memberlist does.
    err = decode_map(bytes, &message, &size, types[message.type].decode);
    if (err)
        return err;
    *out = message;
    return 0;
}

int message_decode_record(struct slice bytes, struct message *out, size_t *size)
{
    struct message record = {.type = MESSAGE_ALIVE};
    int err = decode_map(bytes, &record, size, decode_record);

    if (!err)
        *out = record;
    return err;
}
