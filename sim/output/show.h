// SPDX-License-Identifier: Apache-2.0
// Numbers and texts as people read them. What the arena gives is valid until its reset.
#ifndef SIM_OUTPUT_SHOW_H
#define SIM_OUTPUT_SHOW_H

#include "base/arena.h"
#include "sim/output/row.h"

// The text as UTF-8: bytes that are none become U+FFFD.
void show_utf8(struct buffer *out, const char *text);

// The same fit for one line of a terminal: control characters become '?'.
const char *show_line(struct arena *arena, const char *text);

// How many columns a line of UTF-8 takes, every character counted as one.
unsigned show_columns(const char *text);

// The same as show_utf8 for the text of an element or an attribute of HTML and SVG.
void show_html(struct buffer *out, const char *text);

// At most so many significant digits (1..9); a number below 1 is not shown as 1, but with as many
// digits more (9 at most) as tell it apart.
const char *show_digits(struct arena *arena, double value, unsigned digits);

// A number with about four significant digits: "0.0898", "1.591", "10.2", "27,300", "1.2e15"; "-"
// for what is not a number.
const char *show_number(struct arena *arena, double value);

// The same with its unit: "12.3 KiB", "35.10 ns", "1.250 us", "2.500 ms".
const char *show_value(struct arena *arena, double value, const char *unit);

// A share as per cent: "8.98 %".
const char *show_percent(struct arena *arena, double share);

// "[1.52-1.68]": p5 and p95. "" when a row has one repetition or the two look the same.
const char *show_range(struct arena *arena, const struct row *row);

// "1,000,000" for a text of digits only, else the text.
const char *show_grouped(struct arena *arena, const char *text);

#endif
