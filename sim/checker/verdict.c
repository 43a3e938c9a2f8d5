// SPDX-License-Identifier: Apache-2.0

#include "sim/checker/verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { SENTENCE_BYTES_MAX = 1024 };

static const char *const kind_texts[] = {
#define VERDICT_TEXT(kind, text) text,
    VERDICT_MAP(VERDICT_TEXT)
#undef VERDICT_TEXT
};

void verdict_done(struct verdict *verdict)
{
    buffer_done(&verdict->text);
    *verdict = (struct verdict){0};
}

const char *verdict_kind_text(enum verdict_kind kind)
{
    return kind_texts[kind];
}

void verdict_add(struct verdict *verdict, enum verdict_kind kind, const char *format, ...)
{
    char sentence[SENTENCE_BYTES_MAX];
    va_list arguments;

    if (++verdict->counts[kind] > VERDICT_TEXTS_MAX)
        return;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    buffer_add_format(&verdict->text, "%s: %s\n", kind_texts[kind], sentence);
}

uint64_t verdict_count(const struct verdict *verdict)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < VERDICT_KINDS; i++)
        count += verdict->counts[i];
    return count;
}

void verdict_summary(const struct verdict *verdict, struct buffer *out)
{
    static const char *const guarantees[] = {"read-your-writes", "monotonic-reads",
                                             "monotonic-writes", "writes-follow-reads",
                                             "monotonic-context"};

    buffer_add_format(
        out, "%" PRIu64 " reads and %" PRIu64 " writes judged, %" PRIu64 " promises to sessions",
        verdict->reads_judged, verdict->writes_judged, verdict->promises_tested);
    for (uint32_t i = 0; i < GUARANTEES; i++) {
        if (verdict->rates[i].tested)
            buffer_add_format(out, ", unpromised %s broken %" PRIu64 " of %" PRIu64, guarantees[i],
                              verdict->rates[i].broken, verdict->rates[i].tested);
    }
    buffer_add_format(out, "; %" PRIu64 " findings", verdict_count(verdict));
    for (uint32_t i = 0; i < VERDICT_KINDS; i++) {
        if (verdict->counts[i])
            buffer_add_format(out, ", %s %" PRIu64, kind_texts[i], verdict->counts[i]);
    }
    buffer_add_format(out, "\n");
}
