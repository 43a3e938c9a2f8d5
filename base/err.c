// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"

#include <stdbool.h>
#include <string.h>

struct err_row {
    int number;
    const char *code;
    int exit_code;
    const char *text;
};

static const struct err_row rows[] = {
#define X(name, number, code, exit_code, text) {number, code, exit_code, text},
    ERR_MAP(X)
#undef X
};

static const struct err_row *row_find(int err)
{
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].number == err)
            return &rows[i];
    }
    return NULL;
}

const char *err_code(int err)
{
    const struct err_row *row = row_find(err);

    if (err == 0)
        return "OK";
    return row ? row->code : "INTERNAL";
}

const char *err_text(int err)
{
    const struct err_row *row = row_find(err);

    if (err == 0)
        return "no error";
    return row ? row->text : "an unknown error";
}

int err_exit(int err)
{
    const struct err_row *row = row_find(err);

    if (err == 0)
        return 0;
    return row ? row->exit_code : 8;
}

int err_of_code(const char *text, unsigned long size)
{
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t length = strlen(rows[i].code);
        bool whole = size == length || (size > length && text[length] == ' ');

        if (whole && memcmp(rows[i].code, text, length) == 0)
            return rows[i].number;
    }
    return ERR_INTERNAL;
}

int err_known(int err)
{
    return row_find(err) != NULL;
}
