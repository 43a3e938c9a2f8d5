// SPDX-License-Identifier: Apache-2.0

#include "tests/lib/damage.h"

#include "node/store/record.h"

#include <dirent.h>
#include <stdio.h>

// The id of the segment that a file holds, 0 when it holds none.
static uint64_t segment_of(const struct buffer *file, struct segment_header *out)
{
    uint64_t id = file->size < SEGMENT_HEADER_SIZE ? 0 : bytes_u64(file->data + 16);

    if (!id || segment_header_read(slice_of(file->data, SEGMENT_HEADER_SIZE), id, out))
        return 0;
    return id;
}

static void groups_walk(const struct buffer *file, const struct segment_header *header,
                        struct damage_log *out)
{
    struct group_header group;
    struct slice payload;
    uint64_t before_at = 0;
    uint64_t before_end = 0;
    uint64_t at = SEGMENT_HEADER_SIZE;

    while (group_read(slice_of(file->data + at, file->size - at), header, &group, &payload) == 0) {
        // This mark says that the group before it is on stable storage.
        if (before_at && group.mark >= before_end)
            out->marked_at = before_at;
        before_at = at;
        before_end = group.position + group_size(group.size);
        out->groups++;
        out->position = before_end;
        out->last_at = at;
        out->last_size = group_size(group.size);
        at += out->last_size;
    }
    out->segment = header->segment;
    out->salt = header->salt;
    out->end = at;
}

bool damage_find_log(const char *data, struct damage_log *out)
{
    char path[FILES_PATH_SIZE];
    uint64_t newest = 0;

    memset(out, 0, sizeof(*out));
    snprintf(path, sizeof(path), "%.400s/log", data);
    DIR *folder = opendir(path);
    for (struct dirent *entry = folder ? readdir(folder) : NULL; entry; entry = readdir(folder)) {
        struct damage_log found = {0};
        struct segment_header header;
        struct buffer file = {0};
        snprintf(found.path, sizeof(found.path), "%.400s/log/%.100s", data, entry->d_name);
        uint64_t id = files_read(found.path, &file) ? segment_of(&file, &header) : 0;
        if (id)
            groups_walk(&file, &header, &found);
        if (id > newest && found.groups) {
            newest = id;
            *out = found;
        }
        buffer_done(&file);
    }
    if (folder)
        closedir(folder);
    return newest != 0;
}

bool damage_add_torn_group(const struct damage_log *log)
{
    enum { PAYLOAD = 400 };
    uint8_t group[GROUP_HEADER_SIZE + PAYLOAD + GROUP_ALIGN];
    struct group_header header = {log->segment, log->position, log->position, PAYLOAD, log->salt};

    memset(group, 'p', sizeof(group));
    group_seal(group, &header);
    return files_patch(log->path, log->end, slice_of(group, group_size(PAYLOAD) / 2));
}

uint32_t damage_flip_all(const char *path, struct slice bytes)
{
    struct buffer file = {0};
    uint32_t places = 0;

    if (!files_read(path, &file))
        return 0;
    const uint8_t *at = file.data;
    const uint8_t *end = file.data + file.size;
    while ((at = memmem(at, (size_t)(end - at), bytes.data, bytes.size)) != NULL) {
        places += files_flip(path, (uint64_t)(at - file.data) + bytes.size / 2);
        at += bytes.size;
    }
    buffer_done(&file);
    return places;
}
