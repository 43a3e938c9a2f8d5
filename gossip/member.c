// SPDX-License-Identifier: Apache-2.0
#include "gossip/member.h"

#include "base/check.h"
#include "base/text.h"

#include <assert.h>
#include <stdlib.h>

static_assert((int)MEMBER_NAME_DIGITS == (int)TEXT_ID_SIZE, "a name is an id");

const char *member_state_text(enum member_state state)
{
    static const char *const texts[] = {
        [MEMBER_ALIVE] = "alive",
        [MEMBER_SUSPECT] = "suspect",
        [MEMBER_DEAD] = "dead",
        [MEMBER_LEFT] = "left",
    };

    return texts[state];
}

void member_set_meta(struct swim_member *member, struct slice meta)
{
    check(meta.size <= SWIM_META_MAX);
    if (meta.size != member->meta_size) {
        free(member->meta);
        member->meta = meta.size ? memory_new(meta.size) : NULL;
        member->meta_size = (uint16_t)meta.size;
    }
    if (meta.size)
        memmove(member->meta, meta.data, meta.size);
}

void member_free(struct swim_member *member)
{
    if (!member)
        return;
    free(member->meta);
    free(member->doubt);
    free(member);
}

void member_write_name(uint64_t node_id, char out[MEMBER_NAME_DIGITS + 1])
{
    text_write_id(node_id, (uint8_t *)out);
    out[MEMBER_NAME_DIGITS] = '\0';
}

uint64_t member_read_name(struct slice name)
{
    uint64_t node_id = 0;

    return text_read_id(name, &node_id) ? 0 : node_id;
}
