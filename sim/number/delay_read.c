// SPDX-License-Identifier: Apache-2.0
// The notation of a delay:
//
//     delay = [ ms "+" ] part { "+" part }       part = [ share "*" ] shape ":" numbers or a path
//
// Every refusal quotes what it is about, then says what is allowed.
#include "sim/number/delay.h"

#include "base/err.h"
#include "base/text.h"
#include "sim/number/decimal.h"
#include "sim/number/delay_file.h"

#include <assert.h>

#define FORMS                                                                                      \
    "const:MS, exp:RATE, pareto:XM,ALPHA, uniform:LOW,HIGH, lognormal:MEDIAN,SIGMA or file:PATH"

static_assert(DELAY_PARTS_MAX == 8, "a sentence below says it");

struct limit {
    const char *name;
    bool above_zero;
    double min;
    double max;
};

// The smallest numbers keep draws finite.
static const struct form {
    const char *word;
    const char *text;
    enum delay_shape shape;
    unsigned numbers;
    struct limit limits[2];
} forms[] = {
    {"const", "const:MS", DELAY_CONSTANT, 1, {{"delay", false, 0, DELAY_MS_MAX}}},
    {"exp", "exp:RATE", DELAY_EXPONENTIAL, 1, {{"rate", true, 1e-9, 1e9}}},
    {"pareto",
     "pareto:XM,ALPHA",
     DELAY_PARETO,
     2,
     {{"smallest value xm", true, 1e-9, DELAY_MS_MAX}, {"alpha", true, 0.1, 1e4}}},
    {"uniform",
     "uniform:LOW,HIGH",
     DELAY_UNIFORM,
     2,
     {{"lower bound", false, 0, DELAY_MS_MAX}, {"upper bound", false, 0, DELAY_MS_MAX}}},
    {"lognormal",
     "lognormal:MEDIAN,SIGMA",
     DELAY_LOGNORMAL,
     2,
     {{"median", true, 1e-9, DELAY_MS_MAX}, {"sigma", false, 0, 10}}},
    {"file", "file:PATH", DELAY_MEASURED, 0, {{0}}},
};

static const struct limit extra_limit = {"number in front", false, 0, DELAY_MS_MAX};
static const struct limit share_limit = {"share", true, 1e-12, 1};

struct reading {
    struct slice rest;
    struct slice part; // that is being read, to the end of the text
    bool shared;       // the part before had a share
    struct buffer *why;
};

// `text: ` before the sentence.
static void quote(struct buffer *why, struct slice text)
{
    text_add_shown(why, text);
    if (text.size > 0)
        buffer_add_format(why, ": ");
}

// What has been read of the part.
static struct slice part_so_far(const struct reading *reading)
{
    return slice_of(reading->part.data, reading->part.size - reading->rest.size);
}

static bool take(struct slice *text, const char *word)
{
    size_t size = strlen(word);

    if (text->size < size || memcmp(text->data, word, size) != 0)
        return false;
    *text = slice_of(text->data + size, text->size - size);
    return true;
}

static int check_limit(const struct reading *reading, const struct limit *limit, double value)
{
    if (value >= limit->min && value <= limit->max)
        return 0;
    quote(reading->why, part_so_far(reading));
    buffer_add_format(reading->why, "the %s must be ", limit->name);
    if (value <= 0 && limit->above_zero)
        buffer_add_format(reading->why, "above 0");
    else if (value < 0 && limit->min == 0)
        buffer_add_format(reading->why, "0 or more");
    else if (value < limit->min)
        buffer_add_format(reading->why, "at least %g", limit->min);
    else
        buffer_add_format(reading->why, "at most %g", limit->max);
    return ERR_INVALID;
}

// ---------------------------------------------------------------- one part

// Where a path ends: at a `+` that a share follows, in a mixture.
static size_t path_size(const struct reading *reading)
{
    for (size_t i = 0; reading->shared && i < reading->rest.size; i++) {
        struct slice behind = slice_of(reading->rest.data + i, reading->rest.size - i);
        double share;

        if (take(&behind, "+") && decimal_read(&behind, &share) && take(&behind, "*"))
            return i;
    }
    return reading->rest.size;
}

static int read_file(struct reading *reading, struct delay_part *part)
{
    struct buffer path = {0};
    size_t size = path_size(reading);
    int err;

    if (size == 0) {
        quote(reading->why, reading->part);
        buffer_add_format(reading->why, "a path must follow file:");
        return ERR_INVALID;
    }
    buffer_add(&path, reading->rest.data, size);
    buffer_add_u8(&path, 0);
    reading->rest = slice_of(reading->rest.data + size, reading->rest.size - size);
    err = delay_file_read((const char *)path.data, &part->measured, &part->count, reading->why);
    buffer_done(&path);
    return err ? ERR_INVALID : 0;
}

static int read_numbers(struct reading *reading, const struct form *form, struct delay_part *part)
{
    double numbers[2] = {0};
    int err = 0;

    for (unsigned i = 0; i < form->numbers; i++) {
        if ((i > 0 && !take(&reading->rest, ",")) || !decimal_read(&reading->rest, &numbers[i])) {
            quote(reading->why, reading->part);
            buffer_add_format(reading->why, "%s takes %s, %s", form->word,
                              form->numbers == 1 ? "a number" : "two numbers", form->text);
            return ERR_INVALID;
        }
    }
    for (unsigned i = 0; i < form->numbers && !err; i++)
        err = check_limit(reading, &form->limits[i], numbers[i]);
    if (!err && form->shape == DELAY_UNIFORM && numbers[0] > numbers[1]) {
        quote(reading->why, part_so_far(reading));
        buffer_add_format(reading->why, "the upper bound must not be below the lower one");
        err = ERR_INVALID;
    }
    part->a = numbers[0];
    part->b = numbers[1];
    return err;
}

static int read_shape(struct reading *reading, struct delay_part *part)
{
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct slice rest = reading->rest;

        if (!take(&rest, forms[i].word) || !take(&rest, ":"))
            continue;
        reading->rest = rest;
        part->shape = forms[i].shape;
        if (part->shape == DELAY_MEASURED)
            return read_file(reading, part);
        return read_numbers(reading, &forms[i], part);
    }
    quote(reading->why, reading->part);
    buffer_add_format(reading->why, "a delay must be one of " FORMS);
    return ERR_INVALID;
}

// A part with its share, if it has one.
static int read_part(struct reading *reading, struct delay_part *part)
{
    struct slice rest = reading->rest;

    reading->shared = decimal_read(&rest, &part->share) && take(&rest, "*");
    if (!reading->shared) {
        part->share = 1;
        return read_shape(reading, part);
    }
    reading->rest = rest;
    return read_shape(reading, part);
}

// ---------------------------------------------------------------- all parts

// A number of ms in front, with a `+` behind it.
static int read_extra(struct reading *reading, struct delay *delay)
{
    struct slice rest = reading->rest;
    double extra;
    int err;

    reading->part = reading->rest;
    if (!decimal_read(&rest, &extra) || (rest.size > 0 && rest.data[0] != '+'))
        return 0;
    reading->rest = rest;
    delay->extra = extra;
    if (rest.size == 0) {
        quote(reading->why, reading->part);
        buffer_add_format(reading->why, "a fixed delay is written const:%g", extra);
        return ERR_INVALID;
    }
    err = check_limit(reading, &extra_limit, extra);
    take(&reading->rest, "+");
    return err;
}

static int refuse_part(const struct reading *reading, const char *sentence)
{
    quote(reading->why, reading->part);
    buffer_add_format(reading->why, "%s", sentence);
    return ERR_INVALID;
}

static int read_parts(struct reading *reading, struct delay *delay)
{
    do {
        struct delay_part *part = &delay->parts[delay->count];
        int err;

        reading->part = reading->rest;
        if (delay->count == DELAY_PARTS_MAX)
            return refuse_part(reading, "a delay may have 8 parts at most");
        err = read_part(reading, part);
        if (err)
            return err;
        delay->count += 1; // from here on delay_done frees what it holds
        err = check_limit(reading, &share_limit, part->share);
        if (err)
            return err;
        if (!reading->shared && (delay->count > 1 || take(&reading->rest, "+")))
            return refuse_part(reading, "each part of a mixture must have a share, "
                                        "as in 0.4*exp:1+0.6*const:5");
    } while (take(&reading->rest, "+"));
    if (reading->rest.size == 0)
        return 0;
    quote(reading->why, part_so_far(reading));
    buffer_add_format(reading->why, "the end or a + must follow, not \"");
    text_add_shown(reading->why, reading->rest);
    buffer_add_u8(reading->why, '"');
    return ERR_INVALID;
}

static int check_shares(const struct delay *delay, struct buffer *why)
{
    double sum = 0;

    for (unsigned i = 0; i < delay->count; i++)
        sum += delay->parts[i].share;
    if (sum > 1 - 1e-9 && sum < 1 + 1e-9)
        return 0;
    buffer_add_format(why, "the shares of a mixture must add up to 1, not to %.10g", sum);
    return ERR_INVALID;
}

int delay_read(const char *text, struct delay *out, struct buffer *why)
{
    struct reading reading = {.rest = slice_of_text(text), .why = why};
    struct delay delay = {0};
    int err = read_extra(&reading, &delay);

    if (!err)
        err = read_parts(&reading, &delay);
    if (!err)
        err = check_shares(&delay, why);
    if (err) {
        delay_done(&delay);
        return err;
    }
    *out = delay;
    return 0;
}
