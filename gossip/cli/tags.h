// SPDX-License-Identifier: Apache-2.0
// What a Serf agent (or Consul, or Nomad) announces about itself: tags, name=value. On the wire the
// byte ff and a MessagePack map of texts.
#ifndef GOSSIP_CLI_TAGS_H
#define GOSSIP_CLI_TAGS_H

#include "base/buffer.h"

enum { TAGS_MAX = 32, TAGS_TEXT_MAX = 512 };

struct tag {
    const char *name;
    const char *value;
};

// Sorted by name. The texts are terminated, printable, and live in the struct: it must not be
// moved.
struct tags {
    struct tag items[TAGS_MAX];
    size_t count;
    char texts[TAGS_TEXT_MAX + 2 * TAGS_MAX];
};

// ERR_PROTOCOL when the meta is no such map; *out is empty then.
int tags_read(struct slice meta, struct tags *out);

// The value of the tag, NULL when there is none.
const char *tags_find(const struct tags *tags, const char *name);

// "dc=east role=web"; nothing for no tags.
void tags_write(const struct tags *tags, struct buffer *out);

#endif
