// SPDX-License-Identifier: Apache-2.0
// A code stands for a text: the text of its prefix code, and one byte more. Instead of a table of
// texts we keep, for each code, where in the output its text stood when it was learnt: the text of
// every learnt code was just written, so it is there to be copied.
#include "gossip/lzw.h"

#include "base/err.h"

enum {
    CODE_CLEAR = 256,
    CODE_END = 257,
    CODE_FIRST = 258,
    CODES = 4096,
    WIDTH_MIN = 9,
    WIDTH_MAX = 12
};

struct lzw {
    struct reader in;
    uint64_t bits; // read and not yet used, lowest first
    unsigned held; // how many
    unsigned width;
    unsigned next;               // the code to be learnt next
    bool has_last;               // a text was written since the last clear
    uint32_t at[CODES];          // where the text of a learnt code begins in the output
    uint32_t size[CODES];        // and its length
    uint32_t last_at, last_size; // the text written last
};

static void clear(struct lzw *lzw)
{
    lzw->width = WIDTH_MIN;
    lzw->next = CODE_FIRST;
    lzw->has_last = false;
}

// CODE_END at the end of the input too; `in.failed` tells.
static unsigned read_code(struct lzw *lzw)
{
    unsigned code;

    while (lzw->held < lzw->width) {
        lzw->bits |= (uint64_t)reader_u8(&lzw->in) << lzw->held;
        lzw->held += 8;
    }
    code = (unsigned)(lzw->bits & ((1U << lzw->width) - 1));
    lzw->bits >>= lzw->width;
    lzw->held -= lzw->width;
    return lzw->in.failed ? CODE_END : code;
}

// The text of the code that is learnt by writing this one: the last text and the first byte of this
// one, which stands right behind it in the output.
static void learn(struct lzw *lzw)
{
    if (!lzw->has_last || lzw->next == CODES)
        return;
    lzw->at[lzw->next] = lzw->last_at;
    lzw->size[lzw->next] = lzw->last_size + 1;
    lzw->next++;
    if (lzw->next == 1U << lzw->width && lzw->width < WIDTH_MAX)
        lzw->width++;
}

// Byte by byte: the text may reach into what is being written (a code used while it is learnt).
static void copy(struct buffer *out, size_t from, size_t size)
{
    buffer_reserve(out, size);
    for (size_t i = 0; i < size; i++)
        out->data[out->size + i] = out->data[from + i];
    out->size += size;
}

static int write_text(struct lzw *lzw, unsigned code, size_t size_left, struct buffer *out)
{
    size_t start = out->size;
    bool literal = code < CODE_CLEAR;
    bool learnt = code >= CODE_FIRST && code < lzw->next;
    bool learning = code == lzw->next && lzw->has_last && lzw->next < CODES;
    size_t size = literal ? 1 : learnt ? lzw->size[code] : lzw->last_size + 1;

    if (!literal && !learnt && !learning)
        return ERR_PROTOCOL;
    if (size > size_left)
        return ERR_TOO_LARGE;
    if (literal)
        buffer_add_u8(out, (uint8_t)code);
    else
        copy(out, learnt ? lzw->at[code] : lzw->last_at, size);
    learn(lzw);
    lzw->last_at = (uint32_t)start;
    lzw->last_size = (uint32_t)size;
    lzw->has_last = true;
    return 0;
}

int lzw_read(struct slice packed, size_t size_max, struct buffer *out)
{
    struct lzw lzw = {.in = reader_of(packed)};
    size_t start = out->size;

    clear(&lzw);
    for (;;) {
        unsigned code = read_code(&lzw);
        int err;

        if (code == CODE_END)
            return lzw.in.failed ? ERR_PROTOCOL : 0;
        if (code == CODE_CLEAR) {
            clear(&lzw);
            continue;
        }
        err = write_text(&lzw, code, size_max - (out->size - start), out);
        if (err)
            return err;
    }
}
