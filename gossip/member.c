// SPDX-License-Identifier: Apache-2.0
#include "gossip/member.h"

#include <stdio.h>

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

void member_write_name(uint64_t node_id, char out[MEMBER_NAME_DIGITS + 1])
{
    snprintf(out, MEMBER_NAME_DIGITS + 1, "%016llx", (unsigned long long)node_id);
}

uint64_t member_read_name(struct slice name)
{
    uint64_t node_id = 0;

    if (name.size != MEMBER_NAME_DIGITS)
        return 0;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t digit = name.data[i];

        if (digit >= '0' && digit <= '9')
            node_id = node_id << 4 | (uint64_t)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            node_id = node_id << 4 | (uint64_t)(digit - 'a' + 10);
        else
            return 0;
    }
    return node_id;
}
