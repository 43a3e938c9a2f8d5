// SPDX-License-Identifier: Apache-2.0
// Text at the edges: base64, hex, UTF-8, JSON strings, numbers and durations as people type them.
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buffer.h"

// True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong).
bool text_is_utf8(struct slice bytes);

// True when the bytes can be shown on a terminal as they are: UTF-8 without control characters.
bool text_is_printable(struct slice bytes);

// Base64 with the URL-safe alphabet and without padding (RFC 4648 section 5), as tokens are shown.
void text_add_base64url(struct buffer *out, struct slice bytes);

// Standard base64 with padding (RFC 4648 section 4), as values are shown in JSON.
void text_add_base64(struct buffer *out, struct slice bytes);

// Reads either alphabet, with or without padding. ERR_INVALID for anything else.
int text_read_base64(struct slice text, struct buffer *out);

// A quoted JSON string; bytes must be UTF-8.
void text_add_json(struct buffer *out, struct slice utf8);

// An id as 16 lower-case hex digits, and back: ERR_INVALID for any other spelling.
enum { TEXT_ID_SIZE = 16 };
void text_write_id(uint64_t id, uint8_t out[TEXT_ID_SIZE]);
int text_read_id(struct slice text, uint64_t *out);

// For messages: at most 64 bytes of a key, quotes and control characters escaped.
void text_add_shown(struct buffer *out, struct slice bytes);

// A whole decimal number within min..max; ERR_INVALID otherwise.
int text_read_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out);

// "250ms", "10s", "5m", "12h", "7d" or a plain number of milliseconds. ERR_INVALID otherwise.
int text_read_ms(const char *text, uint64_t *out_ms);

// Splits "host:port" or "[v6]:port" in place of `out_host` (size bytes). The port may be missing
// when default_port is not 0. ERR_INVALID for anything else or a host longer than 253 bytes.
int text_read_address(const char *text, uint16_t default_port, char out_host[256],
                      uint16_t *out_port);

// "1.2 MiB", "340 B".
void text_add_bytes(struct buffer *out, uint64_t bytes);

#endif
