// SPDX-License-Identifier: Apache-2.0
// Words of SVG: numbers, texts, lines, rectangles. Widths of texts are estimated on the wide side
// (those of DejaVu Sans, the widest of the fonts that are asked for), so that what has room here
// has room everywhere.
#ifndef SIM_OUTPUT_SVG_H
#define SIM_OUTPUT_SVG_H

#include "base/arena.h"
#include "base/buffer.h"

enum { SVG_TEXT = 13, SVG_SMALL = 12 }; // sizes of texts in pixels

// A coordinate: rounded to tenths, "12.3". Not a number and beyond +-1e6 become 0.
void svg_number(struct buffer *out, double value);

struct svg_text {
    double x;
    double y;          // of the base line
    const char *class; // "" for none
    char anchor;       // 's'tart, 'm'iddle, 'e'nd
    bool upwards;      // read from below to above
    const char *text;
};
void svg_text(struct buffer *out, const struct svg_text *text);

void svg_line(struct buffer *out, const char *class, const double from[2], const double to[2]);

// Without a width or height nothing is drawn. A title is told when the pointer rests on it; NULL:
// none.
struct svg_box {
    double x;
    double y;
    double width;
    double height;
};
void svg_rect(struct buffer *out, const char *class, const struct svg_box *box, const char *title);

// The mark of a series, one of five shapes.
void svg_mark(struct buffer *out, unsigned shape, const double at[2], const char *title);

double svg_text_width(const char *text, double size);

// The text, or as much of it as fits with an ellipsis.
const char *svg_text_fit(struct arena *arena, const char *text, double size, double width);

#endif
