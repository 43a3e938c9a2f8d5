// SPDX-License-Identifier: Apache-2.0
// The file: prose lines (#), and blocks of some command lines, "----" and what they give, ended by
// a blank line. The outputs that stand in the file are skipped, the present ones written in their
// place.
#include "tests/lib/scenario.h"

#include "base/check.h"
#include "tests/lib/scenario_stage.h"

#include <stdio.h>

static const struct {
    const char *name;
    command *run;
} commands[] = {
    {"cluster", scene_cluster}, {"run", scene_run},         {"pass", scene_pass},
    {"until", scene_until},     {"put", scene_put},         {"get", scene_get},
    {"del", scene_del},         {"wait", scene_wait},       {"bucket", scene_bucket},
    {"load", scene_load},       {"forge", scene_forge},     {"show", scene_show},
    {"status", scene_status},   {"full", scene_full},       {"room", scene_room},
    {"slander", scene_slander}, {"rot", scene_rot},         {"cut", scene_cut},
    {"mend", scene_mend},       {"isolate", scene_isolate}, {"oneway", scene_oneway},
    {"heal", scene_heal},       {"slow", scene_slow},       {"stop", scene_stop},
    {"start", scene_start},     {"power", scene_power},     {"empty", scene_empty},
    {"save", scene_save},       {"restore", scene_restore}, {"pause", scene_pause},
    {"resume", scene_resume},   {"damage", scene_damage},   {"wall", scene_wall},
    {"stall", scene_stall},     {"catch", scene_catch},     {"lose", scene_lose},
    {"deliver", scene_deliver},
};

static bool line_take(struct slice *text, struct slice *out)
{
    const uint8_t *end;

    if (text->size == 0)
        return false;
    end = memchr(text->data, '\n', text->size);
    *out = slice_of(text->data, end ? (size_t)(end - text->data) : text->size);
    text->data += out->size + (end != NULL);
    text->size -= out->size + (end != NULL);
    return true;
}

static command *command_find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run;
    }
    return NULL;
}

static void command_do(struct stage *stage, struct slice line, struct buffer *out)
{
    struct words words;
    command *run;

    script_split(&words, line);
    if (words.count == 0)
        return;
    stage->tell_items = script_flag(&words, "items");
    run = command_find(words.items[0]);
    stage->out = out;
    stage->event_count = 0;
    arena_reset(&stage->arena);
    if (!run)
        stage_wrong(stage, "no such command: %s", words.items[0]);
    else if (!stage->sim && run != scene_cluster)
        stage_wrong(stage, "the first command makes the cluster");
    else
        run(stage, &words);
    if (script_unused(&words))
        stage_wrong(stage, "%s does not know what to do with %s", words.items[0],
                    script_unused(&words));
}

static bool is_rule(struct slice line)
{
    return slice_is(line, "----");
}

static bool is_prose(struct slice line)
{
    return line.size == 0 || line.data[0] == '#';
}

static void output_skip(struct slice *text, uint32_t *number)
{
    struct slice line;
    struct slice at = *text;

    while (line_take(&at, &line) && line.size) {
        *text = at;
        *number += 1;
    }
}

static void scenario_lines(struct stage *stage, struct slice text, struct buffer *out,
                           uint32_t *number)
{
    struct buffer output = {0};
    struct slice line;

    while (!stage->wrong[0] && line_take(&text, &line)) {
        *number += 1;
        buffer_add_slice(out, line);
        buffer_add_u8(out, '\n');
        if (is_rule(line)) {
            buffer_add_slice(out, buffer_slice(&output));
            output.size = 0;
            output_skip(&text, number);
        } else if (!is_prose(line)) {
            size_t before = output.size;

            command_do(stage, line, &output);
            if (output.size == before)
                buffer_add_format(&output, "ok\n");
            say_calmly(&output, before);
        } else if (output.size) {
            stage_wrong(stage, "a line of ---- is missing above");
        }
    }
    buffer_done(&output);
}

bool scenario_run(struct slice text, struct buffer *out)
{
    struct stage *stage = memory_new(sizeof *stage);
    uint32_t number = 0;
    bool right;

    scenario_lines(stage, text, out, &number);
    right = !stage->wrong[0];
    if (!right) {
        out->size = 0;
        buffer_add_format(out, "line %u: %s", number, stage->wrong);
    }
    stage_done(stage);
    return right;
}
