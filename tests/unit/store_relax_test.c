// SPDX-License-Identifier: Apache-2.0
// Memory is given back when a store over real files is hardly written to any more.
#include "base/err.h"
#include "tests/lib/store_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

// A store with a large checkpoint behind it, which knows that it holds memory for the next.
static void large_checkpoint(struct site *site)
{
    enum { KEYS = 6000, PATIENCE_MS = 20000 };

    site_make(site);
    site->settings.segment_bytes = 1 << 20;
    site->settings.memtable_bytes = 8 << 20;
    assert_int_equal(site_open(site), 0);
    site_declare(site);
    site_fill(site, KEYS, "value");
    store_checkpoint(site->store);
    for (int ms = 0; store_deadline(site->store) == UINT64_MAX; ms++) {
        site_turn(site);
        assert_true(ms < PATIENCE_MS);
        usleep(1000);
    }
}

static void test_memory_is_given_back_when_nobody_writes(void **state)
{
    struct site site;
    uint64_t first;

    (void)state;
    large_checkpoint(&site);
    first = store_deadline(site.store);
    site_fill(&site, 1000, "newer");
    assert_true(store_deadline(site.store) == first);
    store_turn_end(site.store, first);
    assert_true(store_deadline(site.store) > first && store_deadline(site.store) < UINT64_MAX);
    site_fill(&site, 999, "newest"); // the keys are in the memtable already: no new ones
    assert_int_equal(site_value_is(&site, 5999, "value"), 1);
    store_turn_end(site.store, store_deadline(site.store));
    assert_true(store_deadline(site.store) == UINT64_MAX);
    assert_int_equal(store_poll(site.store), 0);
    assert_int_equal(site_value_is(&site, 5999, "value"), 1);
    assert_int_equal(site_value_is(&site, 998, "newest"), 1);
    assert_int_equal(site_value_is(&site, 999, "newer"), 1);
    assert_int_equal(store_close(site.store), 0);
    assert_int_equal(site_open(&site), 0);
    assert_int_equal(site.found.keys, 6000);
    assert_int_equal(site_value_is(&site, 998, "newest"), 1);
    assert_int_equal(store_close(site.store), 0);
    site_done(&site);
}

// It goes on in the file that is open.
static void test_tree_that_was_moved_is_kept_open(void **state)
{
    struct site site;

    (void)state;
    large_checkpoint(&site);
    site_command("mv '%s/data/tree' '%1$s/away' && mkdir '%1$s/data/tree'", site.root);
    store_turn_end(site.store, store_deadline(site.store));
    assert_int_equal(store_poll(site.store), 0);
    assert_int_equal(site_value_is(&site, 1, "value"), 1);
    assert_int_equal(site_put(&site, 1, "newer"), 0);
    assert_int_equal(store_close(site.store), 0);
    site_command("rmdir '%s/data/tree' && mv '%1$s/away' '%1$s/data/tree'", site.root);
    assert_int_equal(site_open(&site), 0);
    assert_int_equal(site.found.keys, 6000);
    assert_int_equal(site_value_is(&site, 1, "newer"), 1);
    assert_int_equal(store_close(site.store), 0);
    site_done(&site);
}

// Nothing can be opened: no descriptors are left.
static void test_tree_that_cannot_be_opened_anew_ends_all(void **state)
{
    struct rlimit before;
    struct rlimit none = {0};
    struct site site;

    (void)state;
    large_checkpoint(&site);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    store_turn_end(site.store, store_deadline(site.store));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(store_poll(site.store), ERR_IO);
    assert_int_equal(site_value_is(&site, 1, "value"), ERR_IO);
    assert_int_equal(site_put(&site, 1, "value"), ERR_IO);
    store_abandon(site.store);
    assert_int_equal(site_open(&site), 0);
    assert_int_equal(site.found.keys, 6000);
    assert_int_equal(store_close(site.store), 0);
    site_done(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_given_back_when_nobody_writes),
        cmocka_unit_test(test_tree_that_was_moved_is_kept_open),
        cmocka_unit_test(test_tree_that_cannot_be_opened_anew_ends_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
