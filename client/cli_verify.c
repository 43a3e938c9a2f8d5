// SPDX-License-Identifier: Apache-2.0
// verify: asks every member for the clock, the counts and the digest of each replica that it holds,
// and compares. While writes go on copies differ for moments, so those that do are asked again
// until they are equal or the time given is over.
#include "client/cli_verify.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"
#include "client/cli_command.h"

#include <stdlib.h>
#include <time.h>

enum { PAUSE_MS = 250 };

// ---- gathering ----------------------------------------------------------------------------------

static void table_clear(struct verify *verify)
{
    for (uint32_t shard = 0; shard < verify->shards; shard++) {
        struct shard_copies *copies = &verify->table[shard];

        for (uint32_t i = 0; i < copies->count; i++)
            clock_done(&copies->copies[i].clock);
        free(copies->copies);
        *copies = (struct shard_copies){0};
    }
    verify->differing = verify->unseen = 0;
    verify->logged = 0;
}

static bool is_wanted(const struct verify *verify, uint32_t shard)
{
    return shard < verify->shards && (verify->cli->shard < 0 || verify->cli->shard == shard);
}

static void copy_add(struct verify *verify, uint32_t holder, const struct quorate_copy *from)
{
    struct shard_copies *copies = &verify->table[from->shard];
    struct reader reader = reader_of(slice_of(from->clock.data, from->clock.size));
    struct copy copy = {.holder = holder,
                        .owner = from->owner,
                        .complete = from->complete,
                        .keys = from->keys,
                        .digest = from->digest,
                        .unknown = from->unknown,
                        .seen = from->dots,
                        .logged = from->dots_logged};

    check(clock_decode(&reader, &copy.clock) == 0);
    copies->copies = memory_grow(copies->copies, (copies->count + 1) * sizeof *copies->copies);
    copies->copies[copies->count++] = copy;
    verify->logged += copy.logged;
}

static void holder_gather(struct verify *verify, uint32_t index)
{
    struct holder *holder = &verify->holders[index];
    uint32_t first = verify->cli->shard < 0 ? 0 : (uint32_t)verify->cli->shard;
    bool more = true;

    holder->err = 0;
    while (more && !holder->err && is_wanted(verify, first)) {
        struct quorate_result *result;

        holder->err = quorate_replicas(verify->client, holder->address, first, 0, &result);
        for (size_t i = 0; i < result->copy_count; i++) {
            if (is_wanted(verify, result->copies[i].shard))
                copy_add(verify, index, &result->copies[i]);
            first = result->copies[i].shard + 1;
        }
        more = result->more && result->copy_count > 0;
        quorate_result_free(result);
    }
}

// ---- judging ------------------------------------------------------------------------------------

static void lacks_count(struct shard_copies *copies)
{
    struct clock all = {0};

    for (uint32_t i = 0; i < copies->count; i++)
        clock_join(&all, &copies->copies[i].clock);
    for (uint32_t i = 0; i < copies->count; i++)
        copies->copies[i].lacks = clock_size(&all) - copies->copies[i].seen;
    clock_done(&all);
}

// Why the copies of a shard are not all that they should be; NULL when they are.
static const char *copies_trouble(const struct shard_copies *copies)
{
    const struct copy *first = NULL;
    const char *trouble = NULL;

    for (uint32_t i = 0; i < copies->count; i++) {
        const struct copy *copy = &copies->copies[i];

        if (!copy->owner) {
            trouble = "a stand-in still holds some of it";
            continue;
        }
        if (!copy->complete)
            return "a copy is not complete";
        if (copy->unknown)
            return "a copy has damaged keys";
        if (first && !clock_equal(&first->clock, &copy->clock))
            return "the copies have not seen the same writes";
        if (first && first->digest != copy->digest)
            trouble = "the copies have seen the same writes and hold different values";
        first = first ? first : copy;
    }
    return trouble;
}

static uint32_t owners_count(const struct shard_copies *copies)
{
    uint32_t owners = 0;

    for (uint32_t i = 0; i < copies->count; i++)
        owners += copies->copies[i].owner;
    return owners;
}

static void judge(struct verify *verify)
{
    for (uint32_t shard = 0; shard < verify->shards; shard++) {
        struct shard_copies *copies = &verify->table[shard];

        if (!is_wanted(verify, shard))
            continue;
        lacks_count(copies);
        copies->trouble = copies_trouble(copies);
        copies->unseen = owners_count(copies) < verify->replicas;
        verify->differing += copies->trouble != NULL;
        verify->unseen += copies->unseen;
    }
}

// ---- the command --------------------------------------------------------------------------------

static int holder_compare(const void *a, const void *b)
{
    return strcmp(((const struct holder *)a)->name, ((const struct holder *)b)->name);
}

static void holders_take(struct verify *verify, const struct quorate_topology *topology)
{
    verify->holders = memory_new((topology->member_count + 1) * sizeof *verify->holders);
    for (size_t i = 0; i < topology->member_count; i++) {
        const struct quorate_member *member = &topology->members[i];

        if (!member->owner)
            continue;
        verify->holders[verify->holder_count++] =
            (struct holder){memory_text(member->name), memory_text(member->client_address), 0};
    }
    qsort(verify->holders, verify->holder_count, sizeof *verify->holders, holder_compare);
    verify->shards = topology->shards;
    verify->replicas = topology->replicas;
    verify->table = memory_new(topology->shards * sizeof *verify->table);
}

static int begin(struct verify *verify)
{
    struct quorate_result *result;
    int code = 0;

    if (quorate_topology(verify->client, &result)) {
        code = complain_result(result);
    } else if (result->topology->epoch == 0) {
        complain("verify: this node belongs to no cluster yet");
        code = err_exit(ERR_NO_CLUSTER);
    } else if (verify->cli->shard >= (int64_t)result->topology->shards) {
        complain("verify: shards are numbered 0..%u", result->topology->shards - 1);
        code = err_exit(ERR_INVALID);
    } else {
        holders_take(verify, result->topology);
    }
    quorate_result_free(result);
    return code;
}

static uint64_t now_ms(void)
{
    struct timespec now;

    check(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void compare(struct verify *verify)
{
    const struct timespec pause = {0, PAUSE_MS * 1000000L};
    uint64_t deadline_ms = now_ms() + verify->cli->wait_ms;

    for (;;) {
        table_clear(verify);
        for (uint32_t i = 0; i < verify->holder_count; i++)
            holder_gather(verify, i);
        judge(verify);
        if (verify->differing + verify->unseen == 0 || now_ms() + PAUSE_MS > deadline_ms)
            return;
        (void)nanosleep(&pause, NULL);
    }
}

static void verify_done(struct verify *verify)
{
    if (verify->table)
        table_clear(verify);
    free(verify->table);
    for (uint32_t i = 0; i < verify->holder_count; i++) {
        free(verify->holders[i].name);
        free(verify->holders[i].address);
    }
    free(verify->holders);
    quorate_close(verify->client);
}

int command_verify(struct cli *cli)
{
    struct verify verify = {.cli = cli, .client = cli_open(cli)};
    int code = begin(&verify);

    if (!code) {
        compare(&verify);
        verify_show(&verify);
        code = verify.differing + verify.unseen ? err_exit(ERR_UNAVAILABLE) : 0;
    }
    verify_done(&verify);
    return code;
}
