// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/retype.h"

#include "base/check.h"

#include <stdio.h>

#include <msgpack.h>

struct walk {
    msgpack_packer packer;
    unsigned left; // values to pass before the one to replace
    bool done;
    char name[64];
    char *out_name;
};

static int write_out(void *out, const char *bytes, size_t size)
{
    buffer_add(out, bytes, size);
    return 0;
}

static void value(struct walk *walk, const msgpack_object *from);

static void pair(struct walk *walk, const msgpack_object_kv *from)
{
    if (from->key.type == MSGPACK_OBJECT_STR)
        snprintf(walk->name, sizeof walk->name, "%.*s", (int)from->key.via.str.size,
                 from->key.via.str.ptr);
    msgpack_pack_object(&walk->packer, from->key);
    value(walk, &from->val);
}

static void value(struct walk *walk, const msgpack_object *from)
{
    if (!walk->done && walk->left-- == 0) {
        walk->done = true;
        snprintf(walk->out_name, sizeof walk->name, "%s", walk->name);
        msgpack_pack_ext(&walk->packer, 1, 7);
        msgpack_pack_ext_body(&walk->packer, "x", 1);
        return;
    }
    if (from->type == MSGPACK_OBJECT_ARRAY) {
        msgpack_pack_array(&walk->packer, from->via.array.size);
        for (uint32_t i = 0; i < from->via.array.size; i++)
            value(walk, &from->via.array.ptr[i]);
    } else if (from->type == MSGPACK_OBJECT_MAP) {
        msgpack_pack_map(&walk->packer, from->via.map.size);
        for (uint32_t i = 0; i < from->via.map.size; i++)
            pair(walk, &from->via.map.ptr[i]);
    } else {
        msgpack_pack_object(&walk->packer, *from);
    }
}

bool retype_value(struct slice frame, unsigned n, struct buffer *out, char out_name[64])
{
    struct walk walk = {.left = n, .out_name = out_name};
    msgpack_unpacked unpacked;
    size_t at = 0;

    msgpack_unpacked_init(&unpacked);
    check(msgpack_unpack_next(&unpacked, (const char *)frame.data, frame.size, &at) ==
          MSGPACK_UNPACK_SUCCESS);
    msgpack_packer_init(&walk.packer, out, write_out);
    value(&walk, &unpacked.data);
    msgpack_unpacked_destroy(&unpacked);
    return walk.done;
}
