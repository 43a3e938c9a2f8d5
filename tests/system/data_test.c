// SPDX-License-Identifier: Apache-2.0
//
// What puts, gets and deletes mean, over real nodes: siblings and contexts, buckets, times to live,
// limits, explanations. All tests share one cluster and use keys of their own.

#include "tests/lib/brief.h"
#include "tests/lib/cluster.h"
#include "tests/lib/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { VALUE_MAX = 64 << 10, KEY_MAX = 2048, BUCKET_MAX = 255 };

static struct quorate_client *client;

static struct quorate_result *get(const char *key)
{
    struct quorate_get_options options = {.r = 2};
    struct quorate_result *result;
    int err = quorate_get(client, brief_key(key), &options, &result);

    if (err)
        printf("get %s: %s %s\n", key, quorate_err_name(err), result->message);
    assert_int_equal(err, 0);
    return result;
}

static bool shows(const struct quorate_result *result, const char *value)
{
    for (size_t i = 0; i < result->value_count; i++) {
        const struct quorate_bytes *bytes = &result->values[i].value;
        if (bytes->size == strlen(value) && memcmp(bytes->data, value, bytes->size) == 0)
            return true;
    }
    return false;
}

static int put_with(const char *key, const char *value, const struct quorate_result *read)
{
    struct quorate_put_options options = {.w = 2, .context = read->context};

    return quorate_put(client, brief_key(key), quorate_text(value), &options, NULL);
}

// ---- siblings -----------------------------------------------------------------------------------

static void blind_writes_are_siblings_until_resolved(void **state)
{
    (void)state;
    assert_int_equal(brief_put(client, "sib", "red", 2), 0);
    assert_int_equal(brief_put(client, "sib", "green", 2), 0);
    struct quorate_result *both = get("sib");
    assert_int_equal(both->value_count, 2);
    assert_true(shows(both, "red") && shows(both, "green"));
    struct quorate_bytes value;
    assert_int_equal(quorate_result_value(both, &value), QUORATE_CONFLICT);
    assert_int_equal(put_with("sib", "brown", both), 0);
    assert_true(brief_get_is(client, "sib", 2, "brown"));
    assert_true(brief_get_is(client, "sib", 3, "brown"));
    // The old context again: it knows nothing of brown.
    assert_int_equal(put_with("sib", "blue", both), 0);
    struct quorate_result *after = get("sib");
    assert_int_equal(after->value_count, 2);
    assert_true(shows(after, "brown") && shows(after, "blue"));
    quorate_result_free(both);
    quorate_result_free(after);
}

static void delete_leaves_what_it_has_not_seen(void **state)
{
    (void)state;
    assert_int_equal(brief_put(client, "del", "old", 2), 0);
    struct quorate_result *old = get("del");
    assert_int_equal(brief_put(client, "del", "concurrent", 2), 0);
    struct quorate_put_options options = {.w = 2, .context = old->context};
    assert_int_equal(quorate_delete(client, brief_key("del"), &options, NULL), 0);
    assert_true(brief_get_is(client, "del", 2, "concurrent"));
    assert_int_equal(brief_delete(client, "del", 2), 0);
    assert_int_equal(brief_count(client, "del", 2), 0);
    // Deleting what is not there is no error, and writing again starts afresh.
    assert_int_equal(brief_delete(client, "del", 2), 0);
    assert_int_equal(brief_put(client, "del", "again", 2), 0);
    assert_true(brief_get_is(client, "del", 3, "again"));
    quorate_result_free(old);
}

static void put_tells_what_the_writer_has_seen(void **state)
{
    struct quorate_put_options options = {.w = 2};
    struct quorate_result *first;
    struct quorate_result *second;

    (void)state;
    assert_int_equal(quorate_put(client, brief_key("chain"), quorate_text("1"), &options, &first),
                     0);
    assert_true(first->acks >= 2);
    assert_int_equal(first->w, 2);
    assert_true(first->dot.actor && first->dot.counter);
    options.context = first->context;
    assert_int_equal(quorate_put(client, brief_key("chain"), quorate_text("2"), &options, &second),
                     0);
    assert_true(brief_get_is(client, "chain", 2, "2"));
    quorate_result_free(first);
    quorate_result_free(second);
}

static void overwrite_needs_no_read(void **state)
{
    struct quorate_put_options options = {.w = 3, .blind = QUORATE_BLIND_OVERWRITE};

    (void)state;
    assert_int_equal(brief_put(client, "blind", "a", 3), 0);
    assert_int_equal(brief_put(client, "blind", "b", 3), 0);
    assert_int_equal(quorate_put(client, brief_key("blind"), quorate_text("c"), &options, NULL), 0);
    assert_true(brief_get_is(client, "blind", 3, "c"));
}

static void context_of_another_key_is_refused(void **state)
{
    (void)state;
    assert_int_equal(brief_put(client, "mine", "a", 2), 0);
    struct quorate_result *mine = get("mine");
    assert_int_equal(put_with("yours", "b", mine), QUORATE_TOKEN);
    assert_int_equal(brief_count(client, "yours", 2), 0);
    struct quorate_put_options options = {.context = quorate_text("no context at all")};
    assert_int_equal(quorate_put(client, brief_key("mine"), quorate_text("c"), &options, NULL),
                     QUORATE_TOKEN);
    assert_true(brief_get_is(client, "mine", 2, "a"));
    quorate_result_free(mine);
}

static void siblings_have_a_limit(void **state)
{
    char value[32];
    int err = 0;
    uint32_t count;

    (void)state;
    for (count = 0; err == 0 && count < 200; count++) {
        snprintf(value, sizeof(value), "sibling %u", count);
        err = brief_put(client, "many", value, 3);
    }
    assert_int_equal(err, QUORATE_SIBLINGS);
    assert_in_range(count, 99, 102);
    // With a context it goes on.
    assert_int_equal(brief_replace(client, "many", "one", 2), 0);
    assert_true(brief_get_is(client, "many", 2, "one"));
}

// ---- buckets ------------------------------------------------------------------------------------

// A change is told to all nodes; until it has come there, some go on with what they remember.
struct change {
    struct cluster *cluster;
    const char *bucket;
    struct quorate_bucket wanted;
};

static bool change_is_known_to(const struct change *change, uint32_t node)
{
    struct quorate_client *asking = cluster_node_client(change->cluster, node);
    struct quorate_result *result;

    quorate_bucket_show(asking, quorate_text(change->bucket), &result);
    const struct quorate_bucket *got = result->bucket;
    const struct quorate_bucket *wanted = &change->wanted;
    bool same = got && got->lww == wanted->lww && got->r == wanted->r && got->w == wanted->w &&
                got->ttl_ms == wanted->ttl_ms;
    quorate_result_free(result);
    quorate_close(asking);
    return same;
}

static bool change_is_known(void *change)
{
    return change_is_known_to(change, 0) && change_is_known_to(change, 1) &&
           change_is_known_to(change, 2);
}

static void bucket_set(struct cluster *cluster, const char *bucket, unsigned set,
                       struct quorate_bucket wanted)
{
    struct change change = {cluster, bucket, wanted};
    struct quorate_result *result;
    int err = quorate_bucket_set(client, quorate_text(bucket), set, &wanted, &result);

    if (err)
        printf("bucket %s: %s %s\n", bucket, quorate_err_name(err), result->message);
    quorate_result_free(result);
    assert_int_equal(err, 0);
    assert_true(wait_until(change_is_known, &change, CLUSTER_WAIT_MS));
}

static void lww_bucket_shows_the_latest(void **state)
{
    bucket_set(*state, "latest", QUORATE_BUCKET_LWW, (struct quorate_bucket){.lww = true});
    for (uint32_t i = 0; i < 20; i++) {
        char value[16];
        snprintf(value, sizeof(value), "v%u", i);
        assert_int_equal(brief_put(client, "latest/k", value, 2), 0);
        assert_true(brief_get_is(client, "latest/k", 2, value));
    }
    // Versions kept side by side are still shown as one.
    struct quorate_put_options options = {.w = 3, .blind = QUORATE_BLIND_SIBLINGS};
    struct quorate_key key = brief_key("latest/k");
    assert_int_equal(quorate_put(client, key, quorate_text("beside"), &options, NULL), 0);
    assert_int_equal(brief_count(client, "latest/k", 3), 1);
    assert_true(brief_get_is(client, "latest/k", 3, "beside"));
    bucket_set(*state, "latest", QUORATE_BUCKET_LWW, (struct quorate_bucket){.lww = false});
    assert_true(brief_count(client, "latest/k", 3) > 1);
}

static void bucket_levels_hold_until_a_request_says_other(void **state)
{
    struct quorate_bucket levels = {.r = 3, .w = QUORATE_LEVEL_ONE};
    struct quorate_result *result;

    bucket_set(*state, "levels", QUORATE_BUCKET_R | QUORATE_BUCKET_W, levels);
    struct quorate_key key = brief_key("levels/k");
    assert_int_equal(quorate_put(client, key, quorate_text("v"), NULL, &result), 0);
    assert_int_equal(result->w, 1);
    quorate_result_free(result);
    assert_int_equal(quorate_get(client, key, NULL, &result), 0);
    assert_int_equal(result->r, 3);
    quorate_result_free(result);
    struct quorate_get_options options = {.r = QUORATE_LEVEL_QUORUM};
    assert_int_equal(quorate_get(client, key, &options, &result), 0);
    assert_int_equal(result->r, 2);
    quorate_result_free(result);
    options.r = 4;
    assert_int_equal(quorate_get(client, key, &options, &result), QUORATE_INVALID);
    quorate_result_free(result);
}

static void system_buckets_are_not_for_clients(void **state)
{
    (void)state;
    assert_int_equal(brief_put(client, "$buckets/x", "v", 2), QUORATE_INVALID);
}

// ---- time to live -------------------------------------------------------------------------------

// Lets the time of what was written before pass; from then on not one read may show it.
static void outlive(uint32_t ttl_ms, const char *key)
{
    wait_ms(ttl_ms + 5);
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(brief_count(client, key, 2), 0);
}

static void ttl_expires(void **state)
{
    struct quorate_put_options options = {.w = 3, .ttl_ms = 400};
    uint64_t began = wait_now_ms();

    assert_int_equal(quorate_put(client, brief_key("ttl"), quorate_text("short"), &options, NULL),
                     0);
    if (brief_count(client, "ttl", 2) != 1)
        assert_true(wait_now_ms() - began >= 400);
    outlive(400, "ttl");
    // A bucket's default.
    bucket_set(*state, "mayfly", QUORATE_BUCKET_TTL, (struct quorate_bucket){.ttl_ms = 300});
    assert_int_equal(brief_put(client, "mayfly/k", "v", 3), 0);
    outlive(300, "mayfly/k");
}

// ---- limits -------------------------------------------------------------------------------------

static int put_sized(size_t bucket_size, size_t key_size, size_t value_size, char message[256])
{
    static char bytes[VALUE_MAX + 1];
    struct quorate_result *result;
    struct quorate_key key = {quorate_bytes(bytes, bucket_size), quorate_bytes(bytes, key_size)};

    memset(bytes, 'x', sizeof(bytes));
    int err = quorate_put(client, key, quorate_bytes(bytes, value_size), NULL, &result);
    snprintf(message, 256, "%s", result->message);
    quorate_result_free(result);
    if (err)
        printf("bucket %zu key %zu value %zu: %s %s\n", bucket_size, key_size, value_size,
               quorate_err_name(err), message);
    return err;
}

static void sizes_have_limits_and_errors_name_them(void **state)
{
    char message[256];

    (void)state;
    assert_int_equal(put_sized(4, 1, 1, message), 0);
    assert_int_equal(put_sized(4, KEY_MAX, 1, message), 0);
    assert_int_equal(put_sized(BUCKET_MAX, 1, 1, message), 0);
    assert_int_equal(put_sized(BUCKET_MAX, KEY_MAX, VALUE_MAX, message), 0);
    assert_int_equal(put_sized(4, 1, 0, message), 0);

    assert_int_equal(put_sized(4, 0, 1, message), QUORATE_INVALID);
    assert_int_equal(put_sized(4, KEY_MAX + 1, 1, message), QUORATE_TOO_LARGE);
    assert_non_null(strstr(message, "2048"));
    assert_int_equal(put_sized(BUCKET_MAX + 1, 1, 1, message), QUORATE_TOO_LARGE);
    assert_non_null(strstr(message, "255"));
    assert_int_equal(put_sized(4, 1, VALUE_MAX + 1, message), QUORATE_TOO_LARGE);
    assert_non_null(strstr(message, "65536"));
}

static void values_are_any_bytes(void **state)
{
    static unsigned char value[VALUE_MAX];
    struct quorate_key key = {quorate_bytes("\0\xff", 2), quorate_bytes("\0\n\xfe", 3)};
    struct quorate_result *result;

    (void)state;
    for (size_t i = 0; i < sizeof(value); i++)
        value[i] = (unsigned char)(i * 31 ^ i >> 8);
    assert_int_equal(quorate_put(client, key, quorate_bytes(value, sizeof(value)), NULL, NULL), 0);
    assert_int_equal(quorate_get(client, key, NULL, &result), 0);
    assert_int_equal(result->value_count, 1);
    assert_int_equal(result->values[0].value.size, sizeof(value));
    assert_memory_equal(result->values[0].value.data, value, sizeof(value));
    quorate_result_free(result);
}

// ---- the rest -----------------------------------------------------------------------------------

static void explain_tells_how(void **state)
{
    struct quorate_get_options options = {.r = 2, .explain = true};
    struct quorate_result *result;
    uint32_t answered = 0;

    (void)state;
    assert_int_equal(brief_put(client, "why", "because", 3), 0);
    assert_int_equal(quorate_get(client, brief_key("why"), &options, &result), 0);
    const struct quorate_explain *explain = result->explain;
    assert_non_null(explain);
    assert_int_equal(explain->epoch, 1);
    assert_true(explain->shard < 16);
    assert_int_equal(explain->replica_count, 3);
    for (size_t i = 0; i < explain->replica_count; i++) {
        assert_string_equal(explain->replicas[i].role, "owner");
        answered += explain->replicas[i].answered_us >= 0;
    }
    assert_true(answered >= 2);
    assert_true(explain->trace_count > 0);
    for (size_t i = 0; i < explain->trace_count; i++)
        printf("  %s\n", explain->trace[i]);
    quorate_result_free(result);
    struct quorate_put_options writing = {.w = 2, .explain = true};
    assert_int_equal(quorate_put(client, brief_key("why"), quorate_text("so"), &writing, &result),
                     0);
    assert_non_null(result->explain);
    quorate_result_free(result);
}

enum { SCANNED = 50 };

// Marks the keys of one answer: bucket "scan", keys "0" to "49".
static void scan_mark(const struct quorate_result *result, bool met[SCANNED])
{
    for (size_t i = 0; i < result->item_count; i++) {
        const struct quorate_key *key = &result->items[i].key;
        char number[8] = "";
        if (key->bucket.size != 4 || memcmp(key->bucket.data, "scan", 4) != 0)
            continue;
        memcpy(number, key->key.data, key->key.size < 8 ? key->key.size : 7);
        assert_in_range(atoi(number), 0, SCANNED - 1);
        assert_false(met[atoi(number)]);
        met[atoi(number)] = true;
    }
}

static void scan_shard(uint32_t shard, bool met[SCANNED])
{
    unsigned char after[16];
    struct quorate_scan_options options = {.shard = shard, .items_max = 3};
    bool more = true;

    while (more) {
        struct quorate_result *result;
        assert_int_equal(quorate_scan(client, &options, &result), 0);
        scan_mark(result, met);
        more = result->more;
        if (more) {
            assert_int_equal(result->after.size, sizeof(after));
            memcpy(after, result->after.data, sizeof(after));
        }
        options.after = quorate_bytes(after, sizeof(after));
        quorate_result_free(result);
    }
}

static void scans_meet_every_key_once(void **state)
{
    bool met[SCANNED] = {false};
    char name[32];

    (void)state;
    for (uint32_t i = 0; i < SCANNED; i++) {
        snprintf(name, sizeof(name), "scan/%u", i);
        assert_int_equal(brief_put(client, name, "v", 3), 0);
    }
    for (uint32_t shard = 0; shard < 16; shard++)
        scan_shard(shard, met);
    for (uint32_t i = 0; i < SCANNED; i++)
        assert_true(met[i]);
}

static int group_setup(void **state)
{
    static const char *const settings[] = {"--value-max", "64K", NULL};

    cluster_setup(state);
    cluster_start(*state, &(struct cluster_options){.settings = settings});
    client = cluster_client(*state, NULL);
    return 0;
}

static void nodes_end_well(void **state)
{
    quorate_close(client);
    cluster_pass(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blind_writes_are_siblings_until_resolved),
        cmocka_unit_test(delete_leaves_what_it_has_not_seen),
        cmocka_unit_test(put_tells_what_the_writer_has_seen),
        cmocka_unit_test(overwrite_needs_no_read),
        cmocka_unit_test(context_of_another_key_is_refused),
        cmocka_unit_test(siblings_have_a_limit),
        cmocka_unit_test(lww_bucket_shows_the_latest),
        cmocka_unit_test(bucket_levels_hold_until_a_request_says_other),
        cmocka_unit_test(system_buckets_are_not_for_clients),
        cmocka_unit_test(ttl_expires),
        cmocka_unit_test(sizes_have_limits_and_errors_name_them),
        cmocka_unit_test(values_are_any_bytes),
        cmocka_unit_test(explain_tells_how),
        cmocka_unit_test(scans_meet_every_key_once),
        cmocka_unit_test(nodes_end_well),
    };

    return cmocka_run_group_tests(tests, group_setup, cluster_teardown);
}
