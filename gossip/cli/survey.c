// SPDX-License-Identifier: Apache-2.0
#include "gossip/cli/survey.h"

#include "base/check.h"
#include "base/err.h"
#include "base/text.h"

#include <stdlib.h>

void survey_done(struct survey *survey)
{
    for (size_t i = 0; i < survey->count; i++) {
        free(survey->tellers[i].text);
        free(survey->tellers[i].views);
        buffer_done(&survey->tellers[i].refusal);
    }
    free(survey->tellers);
    observation_done(&survey->all);
    *survey = (struct survey){0};
}

// --- Taking in -----------------------------------------------------------------------------------

static void take_told(struct teller *teller, struct slice user_state)
{
    teller->views = memory_new(META_VIEWS_MAX * sizeof *teller->views);
    if (meta_decode_told(user_state, &teller->load, teller->views, META_VIEWS_MAX,
                         &teller->view_count))
        teller->view_count = 0;
    teller->views = memory_grow(teller->views, (teller->view_count + 1) * sizeof *teller->views);
}

static int read_refusal(struct slice answer, struct teller *teller)
{
    struct message message;

    if (message_decode(answer, &message) || message.type != MESSAGE_ERROR)
        return ERR_PROTOCOL;
    buffer_add_slice(&teller->refusal, message.payload);
    return ERR_PRECONDITION;
}

static int take_answer(struct survey *survey, size_t at, struct slice answer,
                       const struct survey_look *look)
{
    struct observation said = {0};
    struct buffer user_state = {0};
    int err;

    if (answer.size && answer.data[0] == MESSAGE_ERROR)
        return read_refusal(answer, &survey->tellers[at]);
    err = observation_take(&said, answer, &user_state);
    if (!err) {
        take_told(&survey->tellers[at], buffer_slice(&user_state));
        buffer_reset(&user_state, 0);
        err = observation_take(&survey->all, answer, &user_state);
    }
    if (!err && look)
        look->answered(look->data, at, &said);
    observation_done(&said);
    buffer_done(&user_state);
    return err;
}

void survey_take(struct survey *survey, const struct question *question,
                 const struct survey_look *look)
{
    size_t at = survey->count++;
    struct teller *teller;

    survey->tellers = memory_grow(survey->tellers, survey->count * sizeof *teller);
    teller = &survey->tellers[at];
    *teller = (struct teller){.text = memory_text(question->text),
                              .address = question->address,
                              .err = question->err,
                              .rtt_us = question->rtt_us,
                              .took_us = question->took_us};
    if (!teller->err)
        teller->err = take_answer(survey, at, buffer_slice(&question->answer), look);
    survey->answered += teller->err == 0;
}

// --- Asking --------------------------------------------------------------------------------------

void survey_ask(struct survey *survey, char *const *addresses, size_t count,
                const struct survey_how *how)
{
    struct question *questions = memory_new((count + 1) * sizeof *questions);

    for (size_t i = 0; i < count; i++)
        questions[i].text = addresses[i];
    ask_all(&how->ask, questions, count);
    for (size_t i = 0; i < count; i++) {
        survey_take(survey, &questions[i], how->look);
        buffer_done(&questions[i].answer);
    }
    free(questions);
}

static bool was_asked(const struct survey *survey, const struct swim_address *address)
{
    for (size_t i = 0; i < survey->count; i++) {
        if (swim_address_equal(&survey->tellers[i].address, address))
            return true;
    }
    return false;
}

void survey_ask_rest(struct survey *survey, const struct survey_how *how)
{
    char **addresses = memory_new((survey->all.count + 1) * sizeof *addresses);
    size_t count = 0;

    for (size_t i = 0; i < survey->all.count; i++) {
        const struct observed *row = &survey->all.rows[i];
        char text[SWIM_ADDRESS_TEXT];

        if (row->state <= MEMBER_SUSPECT && !was_asked(survey, &row->address))
            addresses[count++] = memory_text(swim_address_text(&row->address, text));
    }
    survey_ask(survey, addresses, count, how);
    for (size_t i = 0; i < count; i++)
        free(addresses[i]);
    free(addresses);
}

void survey_finish(struct survey *survey)
{
    observation_finish(&survey->all);
}

// --- Problems ------------------------------------------------------------------------------------

static const struct {
    int err;
    const char *what;
    const char *to_do;
} problems[] = {
    {ERR_NOT_FOUND, "no such host", "check the name"},
    {ERR_CONNECT, "cannot connect",
     "check that a member runs there, and that this is its gossip "
     "address"},
    {ERR_TIMEOUT, "no answer in time",
     "check that this is a gossip address, or give it more time "
     "with --timeout"},
    {ERR_CLOSED, "it hangs up without an answer",
     "check that this is a gossip address; a ring "
     "with a label wants --label"},
    {ERR_PRECONDITION, "its keys are not the ones given",
     "give the ring's with --key-file, or none when it is not encrypted"},
    {ERR_WRONG_CLUSTER, "the ring has another label", "give it with --label"},
    {ERR_TOO_LARGE, "the answer is larger than can be", "check that this is a gossip address"},
};

void survey_write_problem(const struct survey *survey, const struct teller *teller,
                          struct buffer *out)
{
    const char *what = "the answer is no memberlist's";
    const char *to_do = "check that this is a gossip address, not one for clients";

    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        if (problems[i].err != teller->err)
            continue;
        what = problems[i].what;
        to_do = problems[i].to_do;
    }
    buffer_add_format(out, "%s: %s", teller->text, what);
    if (teller->refusal.size) {
        buffer_add_format(out, " (");
        text_add_shown(out, buffer_slice(&teller->refusal));
        buffer_add_format(out, ")");
    }
    buffer_add_format(out, ": %zu of %zu asked answered: %s", survey->answered, survey->count,
                      to_do);
}
