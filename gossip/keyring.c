// SPDX-License-Identifier: Apache-2.0
#include "gossip/keyring.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"

#include <assert.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { AT_NONCE = 1, BLOCK = 16, LINE_SIZE_MAX = 128 };

static_assert((int)KEYRING_PADDING == (int)BLOCK, "a whole block when the size fits");

// --- The ring ------------------------------------------------------------------------------------

void keyring_done(struct keyring *keyring)
{
    OPENSSL_cleanse(keyring, sizeof *keyring);
}

// `count` when it is none of ours.
static size_t place_of(const struct keyring *keyring, struct slice key)
{
    size_t i = 0;

    while (i < keyring->count && !(keyring->keys[i].size == key.size &&
                                   CRYPTO_memcmp(keyring->keys[i].bytes, key.data, key.size) == 0))
        i++;
    return i;
}

int keyring_add(struct keyring *keyring, struct slice key)
{
    struct keyring_key *place;

    if (key.size != 16 && key.size != 24 && key.size != 32)
        return ERR_INVALID;
    if (place_of(keyring, key) < keyring->count)
        return 0;
    if (keyring->count == KEYRING_KEYS_MAX)
        return ERR_TOO_LARGE;
    place = &keyring->keys[keyring->count++];
    *place = (struct keyring_key){.size = (uint8_t)key.size};
    memcpy(place->bytes, key.data, key.size);
    return 0;
}

int keyring_use(struct keyring *keyring, struct slice key)
{
    size_t at = place_of(keyring, key);
    struct keyring_key chosen;

    if (at == keyring->count)
        return ERR_NOT_FOUND;
    chosen = keyring->keys[at];
    memmove(&keyring->keys[1], &keyring->keys[0], at * sizeof keyring->keys[0]);
    keyring->keys[0] = chosen;
    return 0;
}

int keyring_remove(struct keyring *keyring, struct slice key)
{
    size_t at = place_of(keyring, key);

    if (at == keyring->count)
        return ERR_NOT_FOUND;
    if (at == 0 && keyring->count > 1)
        return ERR_PRECONDITION;
    keyring->count--;
    memmove(&keyring->keys[at], &keyring->keys[at + 1],
            (keyring->count - at) * sizeof keyring->keys[0]);
    OPENSSL_cleanse(&keyring->keys[keyring->count], sizeof keyring->keys[0]);
    return 0;
}

// --- The key file --------------------------------------------------------------------------------

static struct slice trimmed(struct slice line)
{
    while (line.size && strchr(" \t\r", line.data[line.size - 1]))
        line.size--;
    while (line.size && strchr(" \t\r", line.data[0]))
        line = slice_of(line.data + 1, line.size - 1);
    return line;
}

static int read_line(struct keyring *keyring, struct slice line, struct buffer *key)
{
    int err;

    line = trimmed(line);
    if (line.size == 0 || line.data[0] == '#')
        return 0;
    if (line.size > LINE_SIZE_MAX)
        return ERR_INVALID;
    key->size = 0;
    err = text_read_base64(line, key);
    return err ? err : keyring_add(keyring, buffer_slice(key));
}

static int read_lines(struct keyring *keyring, struct slice text, struct buffer *key,
                      size_t *line_number)
{
    int err = 0;

    for (*line_number = 0; text.size && !err; ++*line_number) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) : text.size;
        size_t whole = end ? size + 1 : size;

        err = read_line(keyring, slice_of(text.data, size), key);
        text = slice_of(text.data + whole, text.size - whole);
    }
    return err;
}

int keyring_read(struct keyring *keyring, struct slice text, struct buffer *why)
{
    struct keyring read = {0};
    struct buffer key = {0};
    size_t line;
    int err = read_lines(&read, text, &key, &line);

    if (err == ERR_TOO_LARGE)
        buffer_add_format(why, "line %zu: more than %d keys", line, KEYRING_KEYS_MAX);
    else if (err)
        buffer_add_format(why, "line %zu: not a key of 16, 24 or 32 bytes in base64", line);
    else if (read.count == 0)
        buffer_add_format(why, "no key in it: give one of 16, 24 or 32 bytes in base64");
    else
        *keyring = read;
    err = err || read.count == 0 ? ERR_INVALID : 0;
    buffer_done(&key);
    keyring_done(&read);
    return err;
}

// --- Sealing -------------------------------------------------------------------------------------

static const EVP_CIPHER *cipher_of(const struct keyring_key *key)
{
    return key->size == 16   ? EVP_aes_128_gcm()
           : key->size == 24 ? EVP_aes_192_gcm()
                             : EVP_aes_256_gcm();
}

static uint8_t padding_of(enum keyring_version version, size_t size)
{
    return version == KEYRING_PADDED ? (uint8_t)(BLOCK - size % BLOCK) : 0;
}

size_t keyring_sealed_size(enum keyring_version version, size_t plain_size)
{
    return KEYRING_OVERHEAD + plain_size + padding_of(version, plain_size);
}

// What cannot fail but for want of memory, which aborts here as everywhere.
static void must(int ok)
{
    check(ok == 1);
}

// An update without bytes would mean the end.
static void encrypt(EVP_CIPHER_CTX *context, uint8_t *out, struct slice bytes)
{
    int done;

    if (bytes.size)
        must(EVP_EncryptUpdate(context, out, &done, bytes.data, (int)bytes.size));
}

static void decrypt(EVP_CIPHER_CTX *context, uint8_t *out, struct slice bytes)
{
    int done;

    if (bytes.size)
        must(EVP_DecryptUpdate(context, out, &done, bytes.data, (int)bytes.size));
}

void keyring_seal(const struct keyring *keyring, const struct keyring_terms *terms,
                  struct slice plain, struct buffer *out)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t padding[BLOCK];
    uint8_t padded = padding_of(terms->version, plain.size);
    size_t size = keyring_sealed_size(terms->version, plain.size);
    uint8_t *at = buffer_reserve(out, size);
    int done = 0;

    check(context && keyring->count && size < INT_MAX);
    *at++ = (uint8_t)terms->version;
    memcpy(at, terms->nonce, KEYRING_NONCE);
    at += KEYRING_NONCE;
    memset(padding, padded, sizeof padding);
    must(EVP_EncryptInit_ex(context, cipher_of(&keyring->keys[0]), NULL, keyring->keys[0].bytes,
                            terms->nonce));
    encrypt(context, NULL, terms->associated);
    encrypt(context, at, plain);
    encrypt(context, at + plain.size, slice_of(padding, padded));
    at += plain.size + padded;
    must(EVP_EncryptFinal_ex(context, at, &done));
    must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, KEYRING_TAG, at));
    EVP_CIPHER_CTX_free(context);
    out->size += size;
}

// --- Opening -------------------------------------------------------------------------------------

static bool open_with(EVP_CIPHER_CTX *context, const struct keyring_key *key, struct slice sealed,
                      struct slice associated, uint8_t *plain)
{
    const uint8_t *nonce = sealed.data + AT_NONCE;
    const uint8_t *inside = nonce + KEYRING_NONCE;
    size_t size = sealed.size - KEYRING_OVERHEAD;
    uint8_t tag[KEYRING_TAG];
    int done = 0;

    memcpy(tag, inside + size, KEYRING_TAG);
    must(EVP_DecryptInit_ex(context, cipher_of(key), NULL, key->bytes, nonce));
    decrypt(context, NULL, associated);
    decrypt(context, plain, slice_of(inside, size));
    must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, KEYRING_TAG, tag));
    return EVP_DecryptFinal_ex(context, plain + size, &done) == 1;
}

// The padding was sealed too, so only who holds a key can have made it wrong.
static int strip(const uint8_t *plain, size_t *size)
{
    uint8_t padded = *size ? plain[*size - 1] : 0;

    if (padded == 0 || padded > BLOCK || padded > *size)
        return ERR_PROTOCOL;
    for (size_t i = 0; i < padded; i++) {
        if (plain[*size - 1 - i] != padded)
            return ERR_PROTOCOL;
    }
    *size -= padded;
    return 0;
}

int keyring_open(const struct keyring *keyring, struct slice sealed, struct slice associated,
                 struct buffer *out)
{
    EVP_CIPHER_CTX *context;
    bool opened = false;
    uint8_t *plain;
    size_t size;
    int err;

    if (sealed.size < KEYRING_OVERHEAD || sealed.size >= INT_MAX || sealed.data[0] > KEYRING_PLAIN)
        return ERR_PROTOCOL;
    size = sealed.size - KEYRING_OVERHEAD;
    plain = buffer_reserve(out, size + BLOCK);
    context = EVP_CIPHER_CTX_new();
    check(context && associated.size < INT_MAX);
    for (size_t i = 0; i < keyring->count && !opened; i++)
        opened = open_with(context, &keyring->keys[i], sealed, associated, plain);
    EVP_CIPHER_CTX_free(context);
    if (!opened)
        return ERR_PRECONDITION;
    err = sealed.data[0] == KEYRING_PADDED ? strip(plain, &size) : 0;
    if (!err)
        out->size += size;
    return err;
}
