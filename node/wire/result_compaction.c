// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/pack.h"
#include "node/wire/result.h"

void compaction_write(const struct compaction *compaction, struct buffer *out)
{
    pack_map(out, 6);
    write_name(out, "state");
    pack_text(out, compaction_state_name(compaction->state));
    write_name(out, "error");
    if (compaction->err)
        pack_text(out, err_code(compaction->err));
    else
        pack_nil(out);
    write_name(out, "text");
    write_text(out, compaction->text);
    write_number(out, "bytes_before", compaction->bytes_before);
    write_number(out, "bytes_after", compaction->bytes_after);
    write_number(out, "elapsed_ms", compaction->elapsed_ms);
}

void compaction_read(struct fields *fields, struct compaction *out)
{
    struct slice code = field_bytes(fields, "error");

    if (compaction_state_of(field_bytes(fields, "state"), &out->state))
        fields->failed = true;
    out->err = code.size ? err_of_code((const char *)code.data, code.size) : 0;
    out->text = field_bytes(fields, "text");
    out->bytes_before = field_u64(fields, "bytes_before", UINT64_MAX);
    out->bytes_after = field_u64(fields, "bytes_after", UINT64_MAX);
    out->elapsed_ms = field_u64(fields, "elapsed_ms", UINT64_MAX);
}
