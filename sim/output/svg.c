// SPDX-License-Identifier: Apache-2.0
#include "sim/output/svg.h"

#include "sim/output/show.h"

static const double far = 1e6;

void svg_number(struct buffer *out, double value)
{
    bool below = value < 0;
    long tenths;

    if (!(value >= -far && value <= far))
        value = 0;
    tenths = (long)((below ? -value : value) * 10 + 0.5);
    buffer_add_format(out, "%s%ld", below && tenths ? "-" : "", tenths / 10);
    if (tenths % 10)
        buffer_add_format(out, ".%ld", tenths % 10);
}

static void attribute(struct buffer *out, const char *name, double value)
{
    buffer_add_format(out, " %s=\"", name);
    svg_number(out, value);
    buffer_add_u8(out, '"');
}

static void class_attribute(struct buffer *out, const char *class)
{
    if (*class)
        buffer_add_format(out, " class=\"%s\"", class);
}

// What stands in the element and its end.
static void title_and_end(struct buffer *out, const char *element, const char *title)
{
    if (!title) {
        buffer_add_format(out, "/>\n");
        return;
    }
    buffer_add_format(out, "><title>");
    show_html(out, title);
    buffer_add_format(out, "</title></%s>\n", element);
}

void svg_text(struct buffer *out, const struct svg_text *text)
{
    buffer_add_format(out, "<text");
    class_attribute(out, text->class);
    attribute(out, "x", text->x);
    attribute(out, "y", text->y);
    if (text->anchor != 's')
        buffer_add_format(out, " text-anchor=\"%s\"", text->anchor == 'm' ? "middle" : "end");
    if (text->upwards) {
        buffer_add_format(out, " transform=\"rotate(-90 ");
        svg_number(out, text->x);
        buffer_add_u8(out, ' ');
        svg_number(out, text->y);
        buffer_add_format(out, ")\"");
    }
    buffer_add_u8(out, '>');
    show_html(out, text->text);
    buffer_add_format(out, "</text>\n");
}

void svg_line(struct buffer *out, const char *class, const double from[2], const double to[2])
{
    buffer_add_format(out, "<line");
    class_attribute(out, class);
    attribute(out, "x1", from[0]);
    attribute(out, "y1", from[1]);
    attribute(out, "x2", to[0]);
    attribute(out, "y2", to[1]);
    buffer_add_format(out, "/>\n");
}

void svg_rect(struct buffer *out, const char *class, const struct svg_box *box, const char *title)
{
    if (!(box->width > 0 && box->height > 0))
        return;
    buffer_add_format(out, "<rect");
    class_attribute(out, class);
    attribute(out, "x", box->x);
    attribute(out, "y", box->y);
    attribute(out, "width", box->width);
    attribute(out, "height", box->height);
    title_and_end(out, "rect", title);
}

void svg_mark(struct buffer *out, unsigned shape, const double at[2], const char *title)
{
    static const char *const paths[] = {
        "m-3.5 -3.5h7v7h-7z",    // square
        "m0 -4.7l4.6 8h-9.2z",   // triangle
        "m0 -5l5 5l-5 5l-5 -5z", // diamond
        "m0 4.7l4.6 -8h-9.2z",   // triangle on its tip
    };
    enum { PATHS = sizeof paths / sizeof paths[0] };

    if (shape % (PATHS + 1) == 0) {
        buffer_add_format(out, "<circle class=\"dot\"");
        attribute(out, "cx", at[0]);
        attribute(out, "cy", at[1]);
        buffer_add_format(out, " r=\"4\"");
        title_and_end(out, "circle", title);
        return;
    }
    buffer_add_format(out, "<path class=\"dot\" d=\"M");
    svg_number(out, at[0]);
    buffer_add_u8(out, ' ');
    svg_number(out, at[1]);
    buffer_add_format(out, "%s\"", paths[shape % (PATHS + 1) - 1]);
    title_and_end(out, "path", title);
}

// In hundredths of the size.
static double letter_width(char letter)
{
    if (strchr("ijl'|", letter))
        return 29;
    if (strchr(" .,:;!ft-/\\()[]r\"", letter))
        return 41;
    if (strchr("mwMW%@=+<>~#&", letter))
        return letter == 'w' || letter == '=' || letter == '+' ? 84 : 99;
    if (letter >= 'A' && letter <= 'Z')
        return 74;
    return (letter & 0x80) ? 100 : 64;
}

double svg_text_width(const char *text, double size)
{
    double width = 0;

    for (; *text; text++)
        width += (*text & 0xc0) == 0x80 ? 0 : letter_width(*text);
    return width * size / 100;
}

const char *svg_text_fit(struct arena *arena, const char *text, double size, double width)
{
    size_t kept = 0;
    double used = size; // of the ellipsis

    if (svg_text_width(text, size) <= width)
        return text;
    for (size_t i = 0; text[i]; i++) {
        if ((text[i] & 0xc0) == 0x80)
            continue;
        used += letter_width(text[i]) * size / 100;
        if (used > width)
            break;
        kept = i + 1;
    }
    while ((text[kept] & 0xc0) == 0x80)
        kept += 1;
    return arena_text(arena, "%.*s\xe2\x80\xa6", (int)kept, text);
}
