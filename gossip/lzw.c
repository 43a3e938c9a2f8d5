// SPDX-License-Identifier: Apache-2.0
// A code stands for a text: the text of its prefix code, and one byte more. The reader keeps,
// instead of a table of texts, where in the output the text of each code stood when it was learnt:
// it was just written, so it is there to be copied. The writer keeps a hash table from prefix code
// and byte to code.
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

// --- Writing -------------------------------------------------------------------------------------

// A full table is cleared when its last code is taken, so at most half of the slots are used.
enum { SLOTS = 8192, CODE_BITS = 12, CODE_LAST = CODES - 1 };

struct writer {
    struct buffer *out;
    uint64_t bits;
    unsigned held;
    unsigned width;
    unsigned last;         // the code that was learnt last
    uint32_t slots[SLOTS]; // prefix code, byte and code; 0: free (no code that is learnt is 0)
};

static void start_table(struct writer *writer)
{
    writer->width = WIDTH_MIN;
    writer->last = CODE_END;
    memset(writer->slots, 0, sizeof writer->slots);
}

static void write_code(struct writer *writer, unsigned code)
{
    writer->bits |= (uint64_t)code << writer->held;
    writer->held += writer->width;
    while (writer->held >= 8) {
        buffer_add_u8(writer->out, (uint8_t)writer->bits);
        writer->bits >>= 8;
        writer->held -= 8;
    }
}

// The slot of prefix and byte: theirs, or the free one that could be.
static uint32_t *slot_of(struct writer *writer, uint32_t key)
{
    uint32_t at = key * 2654435761U >> 19; // Fibonacci hashing: the upper 13 bits

    while (writer->slots[at] && writer->slots[at] >> CODE_BITS != key)
        at = (at + 1) % SLOTS;
    return &writer->slots[at];
}

// Counts the code that the reader learns with the one just written. False when it was the last one:
// the table begins anew.
static bool count_code(struct writer *writer)
{
    writer->last++;
    if (writer->last == 1U << writer->width)
        writer->width++;
    if (writer->last < CODE_LAST)
        return true;
    write_code(writer, CODE_CLEAR);
    start_table(writer);
    return false;
}

void lzw_write(struct slice plain, struct buffer *out)
{
    struct writer writer = {.out = out};
    unsigned prefix = plain.size ? plain.data[0] : 0;

    start_table(&writer);
    write_code(&writer, CODE_CLEAR);
    for (size_t i = 1; i < plain.size; i++) {
        uint32_t key = prefix << 8 | plain.data[i];
        uint32_t *slot = slot_of(&writer, key);

        if (*slot) {
            prefix = *slot & (CODES - 1);
            continue;
        }
        write_code(&writer, prefix);
        prefix = plain.data[i];
        if (count_code(&writer))
            *slot = key << CODE_BITS | writer.last;
    }
    if (plain.size) {
        write_code(&writer, prefix);
        count_code(&writer);
    }
    write_code(&writer, CODE_END);
    if (writer.held)
        buffer_add_u8(out, (uint8_t)writer.bits);
}
