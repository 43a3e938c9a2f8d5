// SPDX-License-Identifier: Apache-2.0
// The quorum, exhaustively: every order of answers, failures and silences of up to five replicas,
// with every r or w, every pr or pw and every set of owners among them.
#include "node/core/quorum.h"
#include "node/core/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { RANKS_MAX = 5 };
enum outcome { OUTCOME_OK, OUTCOME_FAIL, OUTCOME_SILENT, OUTCOME_COUNT };

struct world {
    uint32_t ranks;
    uint32_t owners;
    uint32_t needed;
    uint32_t needed_owners;
    enum outcome outcomes[RANKS_MAX];
    uint64_t checked;
};

// What the verdict must be, counted the plain way.
static enum quorum_verdict expected(const struct world *world, uint32_t ok, uint32_t failed)
{
    uint32_t answers = 0, owner_answers = 0, possible = 0, owner_possible = 0;

    for (uint32_t rank = 0; rank < world->ranks; rank++) {
        uint32_t owner = world->owners >> rank & 1;

        answers += ok >> rank & 1;
        owner_answers += (ok >> rank & 1) & owner;
        possible += ~failed >> rank & 1;
        owner_possible += (~failed >> rank & 1) & owner;
    }
    if (answers >= world->needed && owner_answers >= world->needed_owners)
        return QUORUM_MET;
    if (possible < world->needed || owner_possible < world->needed_owners)
        return QUORUM_IMPOSSIBLE;
    return QUORUM_WAIT;
}

// Plays every order of the ranks not yet played, checking after each event.
static void play(struct world *world, const struct quorum *before, uint32_t left, uint32_t ok,
                 uint32_t failed)
{
    for (uint32_t rank = 0; rank < world->ranks; rank++) {
        struct quorum quorum = *before;
        uint32_t bit = 1u << rank;
        uint32_t ok_now = ok, failed_now = failed;

        if (!(left & bit))
            continue;
        if (world->outcomes[rank] == OUTCOME_OK) {
            quorum_add(&quorum, rank);
            quorum_add(&quorum, rank);
            ok_now |= bit;
        } else if (world->outcomes[rank] == OUTCOME_FAIL) {
            quorum_fail(&quorum, rank);
            failed_now |= bit;
        }
        world->checked += 1;
        if (quorum_verdict(&quorum) != expected(world, ok_now, failed_now))
            fail_msg("ranks %u owners %x needed %u/%u: ok %x failed %x", world->ranks,
                     world->owners, world->needed, world->needed_owners, ok_now, failed_now);
        // Once met or impossible, no other event of another rank may turn it into its opposite.
        if (quorum_verdict(before) != QUORUM_WAIT)
            assert_int_equal(quorum_verdict(&quorum), quorum_verdict(before));
        play(world, &quorum, left & ~bit, ok_now, failed_now);
    }
}

static void play_settings(struct world *world)
{
    struct quorum quorum;

    for (world->needed = 1; world->needed <= world->ranks; world->needed++) {
        for (world->needed_owners = 0; world->needed_owners <= world->ranks;
             world->needed_owners++) {
            quorum_init(&quorum, world->ranks, world->owners, world->needed, world->needed_owners);
            play(world, &quorum, (1u << world->ranks) - 1, 0, 0);
        }
    }
}

static void play_outcomes(struct world *world, uint32_t rank)
{
    if (rank == world->ranks) {
        play_settings(world);
        return;
    }
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        world->outcomes[rank] = (enum outcome)outcome;
        play_outcomes(world, rank + 1);
    }
}

static void every_order_of_up_to_four(void **state)
{
    struct world world = {0};

    (void)state;
    for (world.ranks = 1; world.ranks <= 4; world.ranks++) {
        for (world.owners = 0; world.owners < 1u << world.ranks; world.owners++)
            play_outcomes(&world, 0);
    }
    assert_true(world.checked > 1000000);
}

static void every_order_of_five(void **state)
{
    // All owners; and three owners with two guests.
    static const uint32_t owners[] = {0x1f, 0x07};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct world world = {.ranks = 5, .owners = owners[i]};

        play_outcomes(&world, 0);
        assert_true(world.checked > 1000000);
    }
}

// ---- with guests --------------------------------------------------------------------------------

// Owners, and stand-ins that join one by one: whenever somebody has failed or is given up.
struct sloppy {
    uint32_t owners;
    uint32_t stand_ins; // that there are in all
    uint32_t needed;
    uint32_t needed_owners;
    uint32_t ok; // by rank
    uint32_t failed;
    uint32_t joined; // stand-ins
    uint64_t checked;
};

static enum quorum_verdict sloppy_expected(const struct sloppy *is)
{
    uint32_t mask = (1u << is->owners) - 1;
    uint32_t count = is->owners + is->joined;
    uint32_t alive = count - (uint32_t)__builtin_popcount(is->failed);
    uint32_t owners_alive = is->owners - (uint32_t)__builtin_popcount(is->failed & mask);

    if ((uint32_t)__builtin_popcount(is->ok) >= is->needed &&
        (uint32_t)__builtin_popcount(is->ok & mask) >= is->needed_owners)
        return QUORUM_MET;
    if (alive + is->stand_ins - is->joined < is->needed || owners_alive < is->needed_owners)
        return QUORUM_IMPOSSIBLE;
    return QUORUM_WAIT;
}

static void sloppy_play(struct sloppy *is, const struct quorum *before);

// Rank `rank` fails or is merely silent; a stand-in joins if there is one.
static void sloppy_replace(struct sloppy *is, const struct quorum *before, uint32_t rank,
                           bool fails)
{
    struct quorum quorum = *before;
    struct sloppy then = *is;

    if (fails) {
        quorum_fail(&quorum, rank);
        then.failed |= 1u << rank;
    }
    if (then.joined < then.stand_ins) {
        assert_int_equal(quorum_join(&quorum), then.owners + then.joined);
        then.joined += 1;
        quorum_set_spare(&quorum, then.stand_ins - then.joined);
    } else if (!fails) {
        return; // nothing would change
    }
    sloppy_play(&then, &quorum);
    is->checked = then.checked;
}

// Every order of answers, failures and silences of all who are asked. `ok` never shrinks, so each
// step answers, fails or lets one join: it ends.
static void sloppy_play(struct sloppy *is, const struct quorum *before)
{
    is->checked += 1;
    if (quorum_verdict(before) != sloppy_expected(is))
        fail_msg("owners %u stand-ins %u (%u joined) needed %u/%u: ok %x failed %x: %d", is->owners,
                 is->stand_ins, is->joined, is->needed, is->needed_owners, is->ok, is->failed,
                 quorum_verdict(before));
    assert_int_equal(quorum_count(before), __builtin_popcount(is->ok));
    assert_true(quorum_owner_count(before) <= is->owners);
    if (quorum_verdict(before) != QUORUM_WAIT)
        return;
    for (uint32_t rank = 0; rank < is->owners + is->joined; rank++) {
        struct quorum quorum = *before;
        struct sloppy then = *is;

        if ((is->ok | is->failed) >> rank & 1)
            continue;
        quorum_add(&quorum, rank);
        quorum_add(&quorum, rank); // the same node twice
        then.ok |= 1u << rank;
        sloppy_play(&then, &quorum);
        is->checked = then.checked;
        sloppy_replace(is, before, rank, true);
        sloppy_replace(is, before, rank, false);
    }
}

static uint64_t sloppy_count(uint32_t owners, uint32_t guests)
{
    uint64_t checked = 0;

    for (uint32_t w = 1; w <= owners; w++) {
        for (uint32_t pw = 0; pw <= owners; pw++) {
            struct sloppy is = {owners, guests, w, pw, 0, 0, 0, 0};
            struct quorum quorum;

            quorum_init(&quorum, owners, UINT32_MAX, w, pw);
            quorum_set_spare(&quorum, guests);
            sloppy_play(&is, &quorum);
            checked += is.checked;
        }
    }
    return checked;
}

static void every_order_with_guests(void **state)
{
    uint64_t checked = 0;

    (void)state;
    for (uint32_t owners = 1; owners <= 5; owners++) {
        for (uint32_t guests = 0; guests <= (owners < 4 ? 5 - owners : 1); guests++)
            checked += sloppy_count(owners, guests);
    }
    print_message("%llu states\n", (unsigned long long)checked);
    assert_true(checked > 1000000);
}

static void an_answer_outweighs_a_failure(void **state)
{
    struct quorum quorum;

    (void)state;
    quorum_init(&quorum, 3, 7, 2, 0);
    quorum_fail(&quorum, 0);
    quorum_fail(&quorum, 1);
    assert_int_equal(quorum_verdict(&quorum), QUORUM_IMPOSSIBLE);
    quorum_add(&quorum, 1);
    quorum_fail(&quorum, 1);
    assert_int_equal(quorum_verdict(&quorum), QUORUM_WAIT);
    quorum_add(&quorum, 2);
    assert_int_equal(quorum_verdict(&quorum), QUORUM_MET);
    assert_int_equal(quorum_count(&quorum), 2);
}

static void stamps_never_go_back(void **state)
{
    uint64_t last = 0;
    uint64_t first = stamp_next(&last, 1000);
    uint64_t second = stamp_next(&last, 1000);
    uint64_t third = stamp_next(&last, 900); // the wall clock was set back

    (void)state;
    assert_int_equal(first, (uint64_t)1000 << 16);
    assert_true(first < second && second < third);
    stamp_see(&last, 1000, (uint64_t)5000 << 16);
    assert_true(stamp_next(&last, 1000) > (uint64_t)5000 << 16);
    stamp_see(&last, 1000, (uint64_t)(2000 + STAMP_AHEAD_MS_MAX) << 16); // a clock gone mad
    assert_true(stamp_next(&last, 1000) < (uint64_t)6000 << 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_of_up_to_four),
        cmocka_unit_test(every_order_of_five),
        cmocka_unit_test(every_order_with_guests),
        cmocka_unit_test(an_answer_outweighs_a_failure),
        cmocka_unit_test(stamps_never_go_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
