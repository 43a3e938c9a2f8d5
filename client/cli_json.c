// SPDX-License-Identifier: Apache-2.0
#include "client/cli_json.h"

#include "base/text.h"

#include <inttypes.h>
#include <time.h>

void json_comma(struct buffer *out)
{
    uint8_t last = out->size > 0 ? out->data[out->size - 1] : '{';

    if (last != '{' && last != '[' && last != '\n')
        buffer_add_u8(out, ',');
}

void json_open(struct buffer *out, char bracket)
{
    buffer_add_u8(out, (uint8_t)bracket);
}

void json_close(struct buffer *out, char bracket)
{
    buffer_add_u8(out, (uint8_t)bracket);
}

void json_name(struct buffer *out, const char *name)
{
    json_comma(out);
    buffer_add_format(out, "\"%s\":", name);
}

void json_text(struct buffer *out, const char *name, const char *text)
{
    struct slice slice = slice_of_text(text);

    json_name(out, name);
    if (text_is_utf8(slice))
        text_add_json(out, slice);
    else
        buffer_add_format(out, "null");
}

void json_number(struct buffer *out, const char *name, uint64_t value)
{
    json_name(out, name);
    buffer_add_format(out, "%" PRIu64, value);
}

void json_bool(struct buffer *out, const char *name, bool value)
{
    json_name(out, name);
    buffer_add_format(out, value ? "true" : "false");
}

void json_id(struct buffer *out, const char *name, uint64_t id)
{
    json_name(out, name);
    buffer_add_format(out, "\"%016" PRIx64 "\"", id);
}

void json_dot(struct buffer *out, const char *name, struct quorate_dot dot)
{
    if (name)
        json_name(out, name);
    else
        json_comma(out);
    buffer_add_u8(out, '"');
    dot_text(out, dot);
    buffer_add_u8(out, '"');
}

void json_token(struct buffer *out, const char *name, struct quorate_bytes token)
{
    json_name(out, name);
    if (token.size == 0) {
        buffer_add_format(out, "null");
        return;
    }
    buffer_add_u8(out, '"');
    text_add_base64url(out, slice_of(token.data, token.size));
    buffer_add_u8(out, '"');
}

void json_bytes(struct buffer *out, struct json_bytes how, struct quorate_bytes bytes)
{
    struct slice slice = slice_of(bytes.data, bytes.size);
    bool is_text = text_is_utf8(slice);

    json_name(out, how.name);
    if (is_text) {
        text_add_json(out, slice);
    } else {
        buffer_add_u8(out, '"');
        text_add_base64(out, slice);
        buffer_add_u8(out, '"');
    }
    if (how.always || !is_text)
        json_text(out, how.encoding_name, is_text ? "utf8" : "base64");
}

void dot_text(struct buffer *out, struct quorate_dot dot)
{
    buffer_add_format(out, "%016" PRIx64 ":%" PRIu64, dot.actor, dot.counter);
}

void time_text(struct buffer *out, uint64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[32];

    if (!gmtime_r(&seconds, &parts) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts)) {
        buffer_add_format(out, "%" PRIu64 " ms", ms); // beyond the calendar
        return;
    }
    buffer_add_format(out, "%s.%03uZ", text, (unsigned)(ms % 1000));
}
