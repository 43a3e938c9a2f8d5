// SPDX-License-Identifier: Apache-2.0
// JSON as the program writes it: objects on one line, bytes that are no UTF-8 as base64 with a
// member that says so.
#ifndef CLIENT_CLI_JSON_H
#define CLIENT_CLI_JSON_H

#include "base/buffer.h"
#include "client/quorate.h"

// Begins a member; adds the comma where one is needed.
void json_name(struct buffer *out, const char *name);

void json_text(struct buffer *out, const char *name, const char *text);
void json_number(struct buffer *out, const char *name, uint64_t value);
void json_bool(struct buffer *out, const char *name, bool value);

// A 64-bit id, as text: many readers of JSON keep only 53 bits.
void json_id(struct buffer *out, const char *name, uint64_t id);

// A dot, as dot_text writes it.
void json_dot(struct buffer *out, const char *name, struct quorate_dot dot);

// A token.
void json_token(struct buffer *out, const char *name, struct quorate_bytes token);

// Bytes: "name": "...", and `encoding_name`: "base64" when they are no UTF-8 ("utf8" when
// `always`).
struct json_bytes {
    const char *name;
    const char *encoding_name;
    bool always;
};
void json_bytes(struct buffer *out, struct json_bytes how, struct quorate_bytes bytes);

// { and }, [ and ].
void json_open(struct buffer *out, char bracket);
void json_close(struct buffer *out, char bracket);

// A comma, unless the element is the first.
void json_comma(struct buffer *out);

// "actor:counter", the actor in 16 hex digits.
void dot_text(struct buffer *out, struct quorate_dot dot);

// "2026-01-31T12:34:56.789Z".
void time_text(struct buffer *out, uint64_t ms);

#endif
