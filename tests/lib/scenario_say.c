// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/scenario_stage.h"

#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

static const struct life *life_of(const struct stage *stage, uint64_t actor)
{
    static const struct life nobody = {.letter = '?'};

    for (uint32_t i = 0; i < stage->life_count; i++) {
        if (stage->lives[i].actor == actor)
            return &stage->lives[i];
    }
    return &nobody;
}

static void say_life(const struct stage *stage, uint64_t actor, struct buffer *out)
{
    const struct life *life = life_of(stage, actor);

    if (life->actor)
        buffer_add_format(out, "n%" PRIu32 "%c", life->node + 1, life->letter);
    else
        buffer_add_format(out, "?");
}

void say_dot(const struct stage *stage, struct dot dot, struct buffer *out)
{
    say_life(stage, dot.actor, out);
    buffer_add_format(out, ":%" PRIu64, dot.counter);
}

// Actors are random: what a story shows is in the order of nodes and lives.
static uint32_t life_order(const struct stage *stage, uint64_t actor)
{
    const struct life *life = life_of(stage, actor);

    return life->actor ? life->node << 8 | (uint32_t)(uint8_t)life->letter : UINT32_MAX;
}

static bool dot_before(const struct stage *stage, struct dot a, struct dot b)
{
    uint32_t left = life_order(stage, a.actor);
    uint32_t right = life_order(stage, b.actor);

    return left != right ? left < right : a.counter < b.counter;
}

static struct dot run_dot(const struct run *run)
{
    return (struct dot){run->actor, run->first};
}

// The next run behind `last` (NULL: the first) in the order of the story.
static const struct run *run_next(const struct stage *stage, const struct clock *clock,
                                  const struct run *last)
{
    const struct run *next = NULL;

    for (uint32_t i = 0; i < clock->count; i++) {
        const struct run *run = &clock->runs[i];

        if (last && !dot_before(stage, run_dot(last), run_dot(run)))
            continue;
        if (!next || dot_before(stage, run_dot(run), run_dot(next)))
            next = run;
    }
    return next;
}

void say_clock(const struct stage *stage, const struct clock *clock, struct buffer *out)
{
    const struct run *run = NULL;
    const char *between = "";

    buffer_add_format(out, "{");
    while ((run = run_next(stage, clock, run))) {
        buffer_add_format(out, "%s", between);
        say_dot(stage, run_dot(run), out);
        if (run->last > run->first)
            buffer_add_format(out, "-%" PRIu64, run->last);
        between = ", ";
    }
    buffer_add_format(out, "}");
}

static const struct version *version_next(const struct stage *stage, const struct slice versions,
                                          const struct version *last)
{
    const struct version *list = (const void *)versions.data;
    const struct version *next = NULL;

    for (size_t i = 0; i < versions.size; i++) {
        if (last && !dot_before(stage, last->dot, list[i].dot))
            continue;
        if (!next || dot_before(stage, list[i].dot, next->dot))
            next = &list[i];
    }
    return next;
}

void say_versions(const struct stage *stage, const struct version *versions, uint32_t count,
                  struct buffer *out)
{
    const struct version *version = NULL;
    const char *between = "";

    if (count == 0)
        buffer_add_format(out, "-");
    while ((version = version_next(stage, slice_of(versions, count), version))) {
        buffer_add_format(out, "%s", between);
        say_dot(stage, version->dot, out);
        buffer_add_format(out, "=");
        text_add_shown(out, version->value);
        between = " ";
    }
}

// ---- sentences ----------------------------------------------------------------------------------

static bool begins(struct slice at, const char *text)
{
    size_t size = strlen(text);

    return at.size >= size && memcmp(at.data, text, size) == 0;
}

static size_t digits_at(struct slice at)
{
    size_t size = 0;

    while (size < at.size && isdigit(at.data[size]))
        size += 1;
    return size;
}

enum { ID_DIGITS = 16 };

// An id in hex, between blanks and punctuation.
static bool is_id(struct slice at)
{
    size_t size = 0;

    while (size < at.size && isxdigit(at.data[size]))
        size += 1;
    return size == ID_DIGITS;
}

// Numbers that may change at will, with what stands around them and what a story has instead.
struct fickle {
    const char *before;
    const char *after;
    const char *instead;
};

static const struct fickle fickles[] = {
    {" after ", " us", ""},       {" at log position ", "", ""},
    {" at offset ", "", ""},      {" with stamp ", "", " with stamp .."},
    {" in ", " ms", " in .. ms"},
};

// How many bytes stand here of such a shape; 0: this is none.
static size_t fickle_size(const struct fickle *fickle, struct slice at)
{
    size_t before = strlen(fickle->before);
    size_t digits;

    if (!begins(at, fickle->before))
        return 0;
    at = slice_of(at.data + before, at.size - before);
    digits = digits_at(at);
    if (!digits || !begins(slice_of(at.data + digits, at.size - digits), fickle->after))
        return 0;
    return before + digits + strlen(fickle->after);
}

static size_t id_size(struct slice at)
{
    size_t before = strlen(" of cluster ");

    if (!begins(at, " of cluster ") || !is_id(slice_of(at.data + before, at.size - before)))
        return 0;
    return before + ID_DIGITS;
}

static size_t fickle_skip(struct slice at, struct buffer *out)
{
    for (size_t i = 0; i < sizeof fickles / sizeof *fickles; i++) {
        size_t size = fickle_size(&fickles[i], at);

        if (size) {
            buffer_add_format(out, "%s", fickles[i].instead);
            return size;
        }
    }
    return id_size(at);
}

void say_sentence(struct slice sentence, struct buffer *out)
{
    for (size_t i = 0; i < sentence.size;) {
        size_t size = fickle_skip(slice_of(sentence.data + i, sentence.size - i), out);

        if (!size)
            buffer_add_u8(out, sentence.data[i]);
        i += size ? size : 1;
    }
}
