// SPDX-License-Identifier: Apache-2.0
// A node is asked to compact its tree: it does so for itself alone, goes on answering, and tells
// how it stands to whoever asks.
#include "base/err.h"
#include "node/store/tree_memory.h"
#include "tests/lib/query.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SECOND = 1000000 };

static struct compaction ask(struct world *world, uint32_t node, bool start)
{
    struct request request;
    struct world_reply answer;

    request_init(&request, METHOD_COMPACT);
    request.start = start;
    answer = query(world, node, &request);
    assert_int_equal(answer.err, 0);
    return answer.reply->compaction;
}

static void it_is_done_beside_other_work(void **state)
{
    struct world *world =
        world_new(&(struct world_settings){.nodes = 3, .seed = 1, .delay_us_max = 1000});
    struct tree *tree = world_node(world, 1)->tree;

    (void)state;
    assert_int_equal(world_init(world, 4, 3), 0);
    query_put_ok(world, 0, "k", "before");
    world_run(world, SECOND);
    assert_int_equal(ask(world, 1, false).state, COMPACTION_IDLE);
    tree_memory_eager(tree, false);
    assert_int_equal(ask(world, 1, true).state, COMPACTION_RUNNING);
    assert_true(tree_memory_complete(tree)); // the checkpoint that comes first
    query_put_ok(world, 1, "k2", "meanwhile");
    query_expect(world, 1, "k2", "meanwhile");
    assert_int_equal(ask(world, 1, true).state, COMPACTION_RUNNING);
    tree_memory_eager(tree, true);
    world_run(world, SECOND);
    assert_int_equal(ask(world, 1, false).state, COMPACTION_DONE);
    assert_true(ask(world, 1, false).bytes_after > 0);
    assert_int_equal(ask(world, 0, false).state, COMPACTION_IDLE);
    query_expect(world, 1, "k2", "meanwhile");
    world_free(world);
}

static void a_failure_is_told(void **state)
{
    struct world *world =
        world_new(&(struct world_settings){.nodes = 1, .seed = 2, .delay_us_max = 1000});
    struct compaction compaction;

    (void)state;
    assert_int_equal(ask(world, 0, true).state, COMPACTION_RUNNING); // there is no cluster yet
    world_run(world, SECOND);
    assert_int_equal(ask(world, 0, false).state, COMPACTION_DONE);
    tree_memory_fail(world_node(world, 0)->tree, 1, ERR_IO, false);
    (void)ask(world, 0, true);
    world_run(world, SECOND);
    compaction = ask(world, 0, false);
    assert_int_equal(compaction.state, COMPACTION_FAILED);
    assert_int_equal(compaction.err, ERR_IO);
    assert_true(compaction.text.size > 0);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_done_beside_other_work),
        cmocka_unit_test(a_failure_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
