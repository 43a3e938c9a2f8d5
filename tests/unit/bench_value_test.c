// SPDX-License-Identifier: Apache-2.0
// Values that can be told right from wrong, and reads that are too old: every byte changed, other
// keys, histories of concurrent writes on a register that is right, and on one that is not.
#include "base/rng.h"
#include "client/bench/ledger.h"
#include "client/bench/tally.h"
#include "client/bench/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RUN = 77 };

static void names(void **state)
{
    uint8_t name[KEY_NAME_SIZE];

    (void)state;
    key_name(0, name);
    assert_memory_equal(name, "user000000000000", KEY_NAME_SIZE);
    key_name(1234, name);
    assert_memory_equal(name, "user000000001234", KEY_NAME_SIZE);
    key_name(KEY_NUMBER_MAX, name);
    assert_memory_equal(name, "user999999999999", KEY_NAME_SIZE);
}

static void sizes(void **state)
{
    struct values values;
    uint8_t nothing[1];
    uint64_t sum = 0;

    (void)state;
    values_init(&values, 10, 19, RUN);
    for (uint64_t key = 0; key < 10000; key++) {
        uint32_t size = values_size(&values, key);

        assert_in_range(size, 10, 19);
        assert_int_equal(size, values_size(&values, key));
        sum += size;
    }
    assert_in_range(sum, 143000, 147000);
    values_done(&values);
    values_init(&values, 0, 0, RUN);
    assert_int_equal(values_size(&values, 5), 0);
    values_write(&values, 5, 1, nothing);
    values_done(&values);
}

static void right_and_wrong(void **state)
{
    static const uint32_t all[] = {VALUE_HEADER, VALUE_HEADER + 1, 100, 1000};

    (void)state;
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        uint8_t value[1000];
        struct values values;
        struct value_seen seen;

        values_init(&values, all[i], all[i], RUN);
        values_write(&values, 12, 34, value);
        seen = value_look(slice_of(value, all[i]), 12);
        assert_int_equal(seen.fault, VALUE_RIGHT);
        assert_int_equal(seen.run, RUN);
        assert_int_equal(seen.number, 34);
        assert_int_equal(value_look(slice_of(value, all[i]), 13).fault, VALUE_OTHER_KEY);
        for (uint32_t at = 0; at < all[i]; at++) {
            value[at] ^= 0x10;
            assert_int_equal(value_look(slice_of(value, all[i]), 12).fault,
                             at < 4 ? VALUE_FOREIGN : VALUE_TORN);
            value[at] ^= 0x10;
        }
        for (uint32_t size = 0; size < all[i]; size++)
            assert_int_equal(value_look(slice_of(value, size), 12).fault,
                             size < VALUE_HEADER ? VALUE_FOREIGN : VALUE_TORN);
        values_done(&values);
    }
}

// Half of one write and half of another.
static void torn(void **state)
{
    struct values values;
    uint8_t one[200], other[200];

    (void)state;
    values_init(&values, 200, 200, RUN);
    values_write(&values, 1, 1, one);
    values_write(&values, 1, 2, other);
    assert_memory_not_equal(one + 100, other + 100, 100);
    memcpy(one + 100, other + 100, 100);
    assert_int_equal(value_look(slice_of(one, 200), 1).fault, VALUE_TORN);
    values_done(&values);
}

// ---- the ledger ---------------------------------------------------------------------------------

static void batches(void **state)
{
    struct ledger *ledger = ledger_new(2);
    struct claim first, second, third;

    (void)state;
    assert_int_equal(ledger_oldest(ledger, 0), 0);
    first = ledger_begin(ledger, 0);
    assert_int_equal(first.number, 1);
    assert_int_equal(ledger_oldest(ledger, 0), 0);
    second = ledger_begin(ledger, 0); // beside the first: either may be the one that stays
    ledger_end(ledger, 0, second, CLAIM_ACKNOWLEDGED);
    assert_int_equal(ledger_oldest(ledger, 0), 1);
    third = ledger_begin(ledger, 0);
    ledger_end(ledger, 0, third, CLAIM_ACKNOWLEDGED);
    assert_int_equal(ledger_oldest(ledger, 0), 1); // the first is still under way
    ledger_end(ledger, 0, first, CLAIM_REFUSED);
    first = ledger_begin(ledger, 0);
    assert_int_equal(first.number, 4);
    ledger_end(ledger, 0, first, CLAIM_ACKNOWLEDGED);
    assert_int_equal(ledger_oldest(ledger, 0), 4);
    first = ledger_begin(ledger, 0);
    ledger_end(ledger, 0, first, CLAIM_UNKNOWN);
    second = ledger_begin(ledger, 0);
    ledger_end(ledger, 0, second, CLAIM_ACKNOWLEDGED);
    assert_int_equal(ledger_oldest(ledger, 0), 5); // it may still take effect
    assert_int_equal(ledger_oldest(ledger, 1), 0);
    assert_int_equal(ledger_oldest(ledger, 2), 0); // beyond the keys
    assert_int_equal(ledger_begin(ledger, 2).number, 1);
    ledger_free(ledger);
    ledger_free(NULL);
}

// Writes and reads that overlap at random, on a register that takes each write at one moment
// between its beginning and its end, those of unknown outcome at any later time or never. What a
// read sees is what was there at some moment of it: it must never be called too old.
enum { WRITES = 6, STEPS = 4000 };

struct history {
    struct ledger *ledger;
    struct rng rng;
    struct {
        bool open, taken, lost;
        struct claim claim;
    } writes[WRITES];
    uint32_t seen; // number in the register
    uint32_t reads, demanded;
    // a read under way
    bool reading;
    uint32_t oldest;
    uint32_t worst; // what was there when it began
};

static void history_take(struct history *history, unsigned which)
{
    history->writes[which].taken = true;
    history->seen = history->writes[which].claim.number;
}

// Now, later, or never.
static void lost_takes(struct history *history, unsigned which)
{
    if (rng_below(&history->rng, 4) == 0)
        history_take(history, which);
}

static void history_write(struct history *history, unsigned which)
{
    bool fails = rng_below(&history->rng, 400) == 0;

    if (history->writes[which].lost && !history->writes[which].taken) {
        lost_takes(history, which);
    } else if (!history->writes[which].open) {
        history->writes[which].open = true;
        history->writes[which].taken = history->writes[which].lost = false;
        history->writes[which].claim = ledger_begin(history->ledger, 0);
    } else if (fails) {
        history->writes[which].open = false;
        history->writes[which].lost = true;
        ledger_end(history->ledger, 0, history->writes[which].claim, CLAIM_UNKNOWN);
    } else if (!history->writes[which].taken) {
        history_take(history, which);
    } else {
        history->writes[which].open = false;
        ledger_end(history->ledger, 0, history->writes[which].claim, CLAIM_ACKNOWLEDGED);
    }
}

static bool history_read(struct history *history, uint32_t number)
{
    struct wrongs wrongs = {0};
    struct values values;
    uint8_t bytes[VALUE_HEADER];
    struct slice value = slice_of(bytes, sizeof bytes);
    struct reading reading = {0, RUN, history->oldest, &value, number ? 1 : 0};

    values_init(&values, VALUE_HEADER, VALUE_HEADER, RUN);
    values_write(&values, 0, number, bytes);
    wrongs_look(&wrongs, &reading);
    values_done(&values);
    assert_int_equal(wrongs_values(&wrongs), 0);
    return wrongs.stale == 0;
}

static void history_step(struct history *history)
{
    unsigned which = (unsigned)rng_below(&history->rng, WRITES + 2);

    if (which < WRITES) {
        history_write(history, which);
    } else if (!history->reading) {
        history->reading = true;
        history->oldest = ledger_oldest(history->ledger, 0);
        history->worst = history->seen;
    } else {
        history->reading = false;
        history->reads++;
        history->demanded += history->oldest > 0;
        assert_true(history_read(history, history->worst));
        assert_true(history_read(history, history->seen));
    }
}

static void right_register(void **state)
{
    uint32_t demanded = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct history history = {.ledger = ledger_new(1)};

        rng_init(&history.rng, seed);
        for (int step = 0; step < STEPS; step++)
            history_step(&history);
        demanded += history.demanded;
        ledger_free(history.ledger);
    }
    assert_true(demanded > 1000);
}

// A replica that has not heard of the last write, one that has lost the key, one from an old disk.
static void wrong_register(void **state)
{
    struct history history = {.ledger = ledger_new(1)};
    struct claim claim = ledger_begin(history.ledger, 0);
    struct wrongs wrongs = {0};
    struct values values;
    uint8_t bytes[VALUE_HEADER];
    struct slice value = slice_of(bytes, sizeof bytes);
    struct reading reading = {.key = 0, .run = RUN, .values = &value, .count = 1};

    (void)state;
    ledger_end(history.ledger, 0, claim, CLAIM_ACKNOWLEDGED);
    claim = ledger_begin(history.ledger, 0);
    ledger_end(history.ledger, 0, claim, CLAIM_ACKNOWLEDGED);
    history.oldest = reading.oldest = ledger_oldest(history.ledger, 0);
    assert_true(history_read(&history, 2));
    assert_false(history_read(&history, 1));
    assert_false(history_read(&history, 0));
    values_init(&values, VALUE_HEADER, VALUE_HEADER, RUN - 1);
    values_write(&values, 0, 9, bytes);
    wrongs_look(&wrongs, &reading);
    assert_int_equal(wrongs.stale, 1);
    assert_non_null(strstr(wrongs.first, "user000000000000: a value of another run"));
    reading.oldest = 0; // nothing was written by this run: it is right
    wrongs_look(&wrongs, &reading);
    assert_int_equal(wrongs.stale, 1);
    values_done(&values);
    ledger_free(history.ledger);
}

// Of several values one is enough; a wrong one among them is counted.
static void siblings(void **state)
{
    struct wrongs wrongs = {0};
    struct values values;
    uint8_t bytes[3][VALUE_HEADER];
    struct slice seen[3];
    struct reading reading = {.key = 4, .run = RUN, .oldest = 5, .values = seen, .count = 3};

    (void)state;
    values_init(&values, VALUE_HEADER, VALUE_HEADER, RUN);
    for (unsigned i = 0; i < 3; i++) {
        values_write(&values, 4, 3 + i, bytes[i]);
        seen[i] = slice_of(bytes[i], VALUE_HEADER);
    }
    wrongs_look(&wrongs, &reading);
    assert_int_equal(wrongs.stale, 0);
    assert_int_equal(wrongs.faults[VALUE_RIGHT], 3);
    reading.oldest = 6;
    wrongs_look(&wrongs, &reading);
    assert_int_equal(wrongs.stale, 1);
    bytes[1][30] ^= 1;
    wrongs_look(&wrongs, &reading);
    assert_int_equal(wrongs_values(&wrongs), 1);
    assert_int_equal(wrongs.faults[VALUE_TORN], 1);
    assert_non_null(strstr(wrongs.first, "write 5 seen after write 6"));
    values_done(&values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),           cmocka_unit_test(sizes),
        cmocka_unit_test(right_and_wrong), cmocka_unit_test(torn),
        cmocka_unit_test(batches),         cmocka_unit_test(right_register),
        cmocka_unit_test(wrong_register),  cmocka_unit_test(siblings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
