// SPDX-License-Identifier: Apache-2.0
#include "sim/placement/help.h"

#include "base/buffer.h"
#include "sim/question/question.h"

#include <argp.h>
#include <string.h>

// A name and what it is, wrapped to lines of 77 columns.
static void add_entry(struct buffer *out, const char *name, const char *text)
{
    enum { INDENT = 20, WIDTH = 77 };
    size_t column = INDENT;

    buffer_add_format(out, "  %-*s", INDENT - 2, name);
    while (*text) {
        size_t word = strcspn(text, " ");

        if (column + 1 + word > WIDTH) {
            buffer_add_format(out, "\n%*s", INDENT, "");
            column = INDENT;
        }
        buffer_add_format(out, "%s%.*s", column > INDENT ? " " : "", (int)word, text);
        column += word + (column > INDENT);
        text += word + (text[word] == ' ');
    }
    buffer_add_u8(out, '\n');
}

// What the help says of questions and schemes comes from their own tables. argp would fold the
// lines of one paragraph anew, but leaves lines alone that are short enough.
char *help_filter(int key, const char *text, void *input)
{
    struct buffer out = {0};

    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC)
        return (char *)text;
    buffer_add_format(&out, "Questions (balance, when none is named; all for all):\n");
    for (size_t i = 0; questions[i].name; i++)
        add_entry(&out, questions[i].name, questions[i].text);
    buffer_add_format(&out, "\nSchemes:\n");
    for (size_t i = 0; scheme_kinds[i]; i++)
        add_entry(&out, scheme_kinds[i]->name, scheme_kinds[i]->text);
    buffer_add_format(&out, "\n%s", text ? text : "");
    buffer_add_u8(&out, 0);
    return (char *)out.data;
}
