// SPDX-License-Identifier: Apache-2.0
// Counts in a key: reads it, adds one, writes it back with the context of the read, so that a count
// that another program made meanwhile is not lost but shows as a sibling, which the next run adds
// up.
//
//      cc count.c -lquorate -o count && ./count 127.0.0.1:7400 visits
#include "client/quorate.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(const char *what, struct quorate_result *result)
{
    fprintf(stderr, "%s: %s: %s\n", what, quorate_err_name(result->err), result->message);
    quorate_result_free(result);
    return 1;
}

static int count(struct quorate_client *client, struct quorate_key key)
{
    struct quorate_put_options options = {0};
    struct quorate_result *read, *written;
    unsigned long sum = 1;
    char text[32];

    if (quorate_get(client, key, NULL, &read))
        return failed("get", read);
    for (size_t i = 0; i < read->value_count; i++) {
        snprintf(text, sizeof text, "%.*s", (int)read->values[i].value.size,
                 (const char *)read->values[i].value.data);
        sum += strtoul(text, NULL, 10);
    }
    snprintf(text, sizeof text, "%lu", sum);
    options.context = read->context; // replaces all that was read
    if (quorate_put(client, key, quorate_text(text), &options, &written)) {
        quorate_result_free(read);
        return failed("put", written);
    }
    printf("%s, on %u disks\n", text, written->acks);
    quorate_result_free(written);
    quorate_result_free(read);
    return 0;
}

int main(int argc, char **argv)
{
    struct quorate_client *client;
    int code;

    if (argc != 3) {
        fprintf(stderr, "usage: count HOST:PORT KEY\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    if (quorate_open(argv[1], NULL, &client)) {
        fprintf(stderr, "%s is no HOST:PORT\n", argv[1]);
        return 2;
    }
    code = count(client, quorate_key("default", argv[2]));
    quorate_close(client);
    return code;
}
