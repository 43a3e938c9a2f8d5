// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/store_site.h"

#include "base/err.h"
#include "tests/lib/store_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void site_command(const char *format, const char *path)
{
    char text[2 * FILES_PATH_SIZE + 128];

    snprintf(text, sizeof text, format, path);
    assert_int_equal(system(text), 0);
}

int site_open(struct site *site)
{
    site->store = NULL;
    return engine_open_directory(&site->place, &site->settings, &site->store, &site->found);
}

void site_make(struct site *site)
{
    memset(site, 0, sizeof *site);
    files_make_folder(site->root);
    snprintf(site->path, sizeof site->path, "%s/data", site->root);
    site->place = (struct engine_place){.path = site->path, .no_sync = true};
    site->settings = kit_file_settings();
}

void site_done(struct site *site)
{
    arena_done(&site->arena);
    site_command("chmod -R u+rwX '%s' && rm -rf '%1$s'", site->root);
}

int site_put(struct site *site, int number, const char *value)
{
    char name[16];
    struct key key = kit_key_number(number, name);
    struct dot dot = store_mint(site->store, key.shard);
    struct version version = {.dot = dot, .value = slice_of_text(value)};
    struct delta delta = {&version, 1, clock_in(&site->arena), clock_in(&site->arena), {0}};
    uint64_t position;

    clock_copy(&delta.context, store_clock(site->store, key.shard));
    clock_add(&delta.context, dot);
    clock_add(&delta.dots, dot);
    return store_apply(site->store, &key, &delta, &site->arena, &position);
}

int site_value_is(struct site *site, int number, const char *value)
{
    char name[16];
    struct key key = kit_key_number(number, name);
    struct store_view view;
    int err = store_read(site->store, &key, &site->arena, &view);

    if (err)
        return err;
    return view.object.count == 1 && slice_is(view.object.versions[0].value, value);
}

void site_turn(struct site *site)
{
    static uint64_t now_ms;

    store_turn_end(site->store, ++now_ms);
    assert_int_equal(store_poll(site->store), 0);
    arena_reset(&site->arena);
}

void site_declare(struct site *site)
{
    uint64_t position;

    assert_int_equal(store_set_shards(site->store, KIT_SHARDS, &position), 0);
}

void site_fill(struct site *site, int count, const char *value)
{
    for (int i = 0; i < count;) {
        int err = site_put(site, i, value);

        assert_true(!err || err == ERR_OVERLOADED);
        i += !err;
        if (i % 16 == 0 || err) {
            site_turn(site);
            assert_int_equal(store_flush(site->store), 0);
        }
    }
    assert_int_equal(store_flush(site->store), 0);
}
