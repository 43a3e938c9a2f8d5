// SPDX-License-Identifier: Apache-2.0
// The larger parts of results, written and read. For the files of this folder. What is read lives
// in the decoder; reading sets fields->failed on anything that does not fit.
#ifndef NODE_WIRE_RESULT_H
#define NODE_WIRE_RESULT_H

#include "node/data/message.h"
#include "node/wire/decoder.h"
#include "node/wire/value.h"

// [{value, dot, stamp, stamp_ms, expires_ms}, ...]
void versions_write(const struct version *versions, uint32_t count, struct buffer *out);
struct version *versions_read(struct fields *fields, struct arena *arena, uint32_t *out_count);

// {shard, epoch, coordinator, replicas, trace}
void explain_write(const struct explain *explain, struct buffer *out);

// False when there is none.
bool explain_read(struct fields *fields, struct arena *arena, struct explain *out);

// {conflict, r, w, pr, pw, ttl_ms, strict}
void properties_write(const struct bucket_properties *properties, struct buffer *out);
void properties_read(struct fields *fields, struct bucket_properties *out);

// {epoch, ..., owners, ids, record, members, shared_hosts}
void topology_write(const struct reply *reply, struct buffer *out);
void topology_read(struct fields *fields, struct wire_decoder *decoder, struct reply *out);

// {replicas: [{shard, owner, complete, keys, bytes, digest, dots, unknown, clock}], more}
void replicas_write(const struct reply *reply, struct buffer *out);
void replicas_read(struct fields *fields, struct arena *arena, struct reply *out);

// {keys: [{hash, bucket, key, dots}], more, after}
void held_write(const struct reply *reply, struct buffer *out);
void held_read(struct fields *fields, struct arena *arena, struct reply *out);

// {state, error, text, bytes_before, bytes_after, elapsed_ms}
void compaction_write(const struct compaction *compaction, struct buffer *out);
void compaction_read(struct fields *fields, struct compaction *out);

// All of the status, or the part of it that answers a ping.
void status_write(const struct status *status, enum method method, struct buffer *out);
void status_read(struct fields *fields, enum method method, struct status *out);

#endif
