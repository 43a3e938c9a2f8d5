// SPDX-License-Identifier: Apache-2.0
// Tickets against a plain model; the waits of a back-off.
#include "node/io/ticket.h"

#include "node/io/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MAX = 100, HOLDERS = 5, STEPS = 20000 };

static void test_bound(void **state)
{
    struct ticket_list list = {0};
    struct tickets tickets;
    uint64_t names[MAX];
    int holder, i;

    (void)state;
    tickets_init(&tickets, MAX);
    assert_null(tickets_find(&tickets, 0));
    assert_null(tickets_find(&tickets, 1));
    for (i = 0; i < MAX; i++) {
        names[i] = tickets_add(&tickets, &list, &holder, (uint32_t)i);
        assert_true(names[i] != 0);
    }
    assert_int_equal(tickets_add(&tickets, &list, &holder, 0), 0);
    assert_int_equal(list.count, MAX);
    for (i = 0; i < MAX; i++)
        assert_int_equal(tickets_find(&tickets, names[i])->request_id, i);
    tickets_remove(&tickets, &list, tickets_find(&tickets, names[50]));
    assert_null(tickets_find(&tickets, names[50]));
    assert_true(tickets_add(&tickets, &list, &holder, 7) != 0);
    assert_null(tickets_find(&tickets, names[50])); // its place is used again, its name is not
    tickets_done(&tickets);
}

struct model {
    uint64_t name;
    uint32_t id;
    int holder;
};

static void check_model(struct tickets *tickets, const struct model *model,
                        struct ticket_list *lists)
{
    uint32_t counts[HOLDERS] = {0};
    int i;

    for (i = 0; i < MAX; i++) {
        if (!model[i].name)
            continue;
        assert_int_equal(tickets_find(tickets, model[i].name)->request_id, model[i].id);
        assert_ptr_equal(tickets_find(tickets, model[i].name)->holder, &lists[model[i].holder]);
        counts[model[i].holder]++;
    }
    for (i = 0; i < HOLDERS; i++) {
        assert_int_equal(lists[i].count, counts[i]);
        assert_int_equal(tickets_first(tickets, &lists[i]) != 0, counts[i] > 0);
    }
}

static void drop_all(struct tickets *tickets, struct model *model, struct ticket_list *lists,
                     int holder)
{
    uint64_t name;
    int i;

    while ((name = tickets_first(tickets, &lists[holder])))
        tickets_remove(tickets, &lists[holder], tickets_find(tickets, name));
    for (i = 0; i < MAX; i++)
        if (model[i].holder == holder)
            model[i].name = 0;
}

// Any mix of adding, removing and dropping all of one holder.
static void test_model(void **state)
{
    struct ticket_list lists[HOLDERS] = {{0}};
    struct model model[MAX] = {{0}};
    struct tickets tickets;
    struct rng rng;
    int step, i, k;

    (void)state;
    rng_init(&rng, 1);
    tickets_init(&tickets, MAX);
    for (step = 0; step < STEPS; step++) {
        i = (int)rng_below(&rng, MAX);
        k = (int)rng_below(&rng, HOLDERS);
        if (rng_below(&rng, 500) == 0) {
            drop_all(&tickets, model, lists, k);
        } else if (model[i].name) {
            tickets_remove(&tickets, &lists[model[i].holder],
                           tickets_find(&tickets, model[i].name));
            assert_null(tickets_find(&tickets, model[i].name));
            model[i].name = 0;
        } else {
            model[i] = (struct model){.id = (uint32_t)step, .holder = k};
            model[i].name = tickets_add(&tickets, &lists[k], &lists[k], (uint32_t)step);
            assert_true(model[i].name != 0);
        }
        if (step % 16 == 0)
            check_model(&tickets, model, lists);
    }
    tickets_done(&tickets);
}

static void test_backoff(void **state)
{
    struct backoff backoff;
    uint32_t wait, range;
    struct rng rng;
    int run, i;

    (void)state;
    rng_init(&rng, 2);
    for (run = 0; run < 1000; run++) {
        backoff = (struct backoff){.min_ms = 50, .max_ms = 2000};
        for (i = 0, range = 50; i < 12; i++, range = range * 2 < 2000 ? range * 2 : 2000) {
            wait = backoff_next_ms(&backoff, &rng);
            assert_in_range(wait, range - range / 2, range);
        }
    }
    backoff = (struct backoff){.min_ms = 0, .max_ms = 10, .failures = UINT32_MAX - 1};
    assert_in_range(backoff_next_ms(&backoff, &rng), 1, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_backoff),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
