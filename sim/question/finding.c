// SPDX-License-Identifier: Apache-2.0
#include "sim/question/finding.h"

#include "base/check.h"

#include <stdlib.h>

void findings_done(struct findings *findings)
{
    free(findings->list);
    arena_done(&findings->texts);
    *findings = (struct findings){0};
}

void findings_add(struct findings *findings, const struct finding *finding)
{
    struct finding *next;

    if (findings->count == findings->capacity) {
        findings->capacity = findings->capacity ? findings->capacity * 2 : 64;
        findings->list = memory_grow(findings->list, findings->capacity * sizeof *findings->list);
    }
    next = &findings->list[findings->count++];
    *next = *finding;
    next->event = finding->event ? finding->event : "";
    next->subject = finding->subject ? finding->subject : "";
    next->copies = finding->copies ? finding->copies : "";
    next->unit = finding->unit ? finding->unit : "";
    next->note = finding->note ? finding->note : "";
}
