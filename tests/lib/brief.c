// SPDX-License-Identifier: Apache-2.0

#include "tests/lib/brief.h"

#include <stdio.h>

struct quorate_key brief_key(const char *key)
{
    const char *slash = strchr(key, '/');

    if (!slash)
        return quorate_key("test", key);
    return (struct quorate_key){quorate_bytes(key, (size_t)(slash - key)), quorate_text(slash + 1)};
}

// Tells of a failure, frees the result.
static int brief_end(const char *what, const char *key, struct quorate_result *result)
{
    int err = result->err;

    if (err) {
        printf("%s %s: %s: %s (%u attempts, %llu ms)\n", what, key, quorate_err_name(err),
               result->message, result->attempts, (unsigned long long)result->elapsed_us / 1000);
        fflush(stdout);
    }
    quorate_result_free(result);
    return err;
}

int brief_put(struct quorate_client *client, const char *key, const char *value, int w)
{
    struct quorate_put_options options = {.w = w};
    struct quorate_result *result;

    quorate_put(client, brief_key(key), quorate_text(value), &options, &result);
    return brief_end("put", key, result);
}

// Reads, then puts the value, or deletes when there is none.
static int brief_write_over(struct quorate_client *client, const char *key, const char *value,
                            int w)
{
    struct quorate_get_options reading = {0};
    struct quorate_put_options options = {.w = w};
    struct quorate_result *read;
    struct quorate_result *result;

    if (quorate_get(client, brief_key(key), &reading, &read))
        return brief_end("get", key, read);
    options.context = read->context;
    if (value)
        quorate_put(client, brief_key(key), quorate_text(value), &options, &result);
    else
        quorate_delete(client, brief_key(key), &options, &result);
    quorate_result_free(read);
    return brief_end(value ? "put" : "delete", key, result);
}

int brief_replace(struct quorate_client *client, const char *key, const char *value, int w)
{
    return brief_write_over(client, key, value, w);
}

int brief_delete(struct quorate_client *client, const char *key, int w)
{
    return brief_write_over(client, key, NULL, w);
}

int brief_get(struct quorate_client *client, const char *key, int r, char out[BRIEF_VALUE_SIZE])
{
    struct quorate_get_options options = {.r = r};
    struct quorate_result *result;
    struct quorate_bytes value;

    out[0] = 0;
    quorate_get(client, brief_key(key), &options, &result);
    int err = quorate_result_value(result, &value);
    if (err == 0) {
        size_t size = value.size < BRIEF_VALUE_SIZE ? value.size : BRIEF_VALUE_SIZE - 1;
        memcpy(out, value.data, size);
        out[size] = 0;
    }
    int failed = brief_end("get", key, result);
    return failed ? failed : err;
}

bool brief_get_is(struct quorate_client *client, const char *key, int r, const char *value)
{
    char got[BRIEF_VALUE_SIZE];
    int err = brief_get(client, key, r, got);

    if (err == 0 && strcmp(got, value) == 0)
        return true;
    printf("get %s: '%s' (%s) where '%s' was expected\n", key, got, quorate_err_name(err), value);
    return false;
}

int brief_count(struct quorate_client *client, const char *key, int r)
{
    struct quorate_get_options options = {.r = r};
    struct quorate_result *result;

    quorate_get(client, brief_key(key), &options, &result);
    int count = result->err ? -1 : (int)result->value_count;
    brief_end("get", key, result);
    return count;
}
