#include "services/binding/card.h"

#include "base/clock.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "schema/json.h"
#include "schema/person.h"

void
card_set_phone(struct card *card, struct str phone)
{
    number_mask(phone, card->phone_masked);
    card->phone = str_of(card->phone_masked);
}

static void
card_write(struct jsonw *w, const struct card *card)
{
    jsonw_object_open(w);
    jsonw_member(w, "name", card->name);
    jsonw_member(w, "id_number", card->id_number);
    jsonw_member(w, "student_number", card->student_number);
    jsonw_member(w, "school", card->school);
    jsonw_member(w, "phone", card->phone);
    jsonw_object_close(w);
}

static struct str
card_context(struct str account_id, struct arena *arena)
{
    return arena_printf(arena, "card/%.*s", STR_ARG(account_id));
}

struct str
card_seal(struct sealer *sealer, struct str account_id, const struct card *card,
          struct arena *arena)
{
    struct buf text;
    buf_init(&text, LIMIT_MESSAGE);
    struct jsonw w = jsonw_on(&text);
    card_write(&w, card);
    struct str sealed = seal_text(sealer, buf_str(&text), card_context(account_id, arena), arena);
    buf_done(&text);
    return sealed;
}

static const struct json_row card_rows[] = {
    JSON_ROW(struct card, name, JSON_KIND_STR, true),
    JSON_ROW(struct card, id_number, JSON_KIND_STR, true),
    JSON_ROW(struct card, student_number, JSON_KIND_STR, true),
    JSON_ROW(struct card, school, JSON_KIND_STR, true),
    JSON_ROW(struct card, phone, JSON_KIND_STR, true),
};

enum err_code
card_open(struct api_call *call, struct card *ret_card, struct err *err)
{
    struct str plain;
    const struct json *root = NULL;
    *ret_card = (struct card){0};
    enum err_code code =
        seal_open(call->worker->sealer, call->session->card_sealed,
                  card_context(call->session->account_id, call->arena), call->arena, &plain, err);
    if (code == ERR_OK)
        code = json_parse_in(call->arena, plain, &root, err);
    if (code == ERR_OK)
        code = json_read(root, card_rows, sizeof card_rows / sizeof card_rows[0], true, ret_card,
                         NULL, err);
    return code;
}

void
card_answer(struct api_call *call, unsigned status, const char *token)
{
    struct err err = {0};
    struct card card;
    struct buf body;
    char expires[CLOCK_RFC3339_SIZE];
    if (card_open(call, &card, &err)) {
        api_problem_err(call, "card not opened", &err);
        return;
    }
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    jsonw_object_open(&w);
    jsonw_key(&w, "student");
    card_write(&w, &card);
    if (token) {
        jsonw_member_text(&w, "token", token);
        jsonw_member_text(&w, "expires_at",
                          clock_format_rfc3339(call->session->expires_at_ms, expires));
    }
    jsonw_object_close(&w);
    api_reply_json(call, status, buf_str(&body));
    buf_done(&body);
}

const struct session *
session_hold(struct api_call *call, const struct session *session)
{
    struct session *copy = arena_alloc(call->arena, sizeof *copy);
    *copy = *session; /* its texts live in the call's arena already */
    copy->phone_index = arena_copy(call->arena, session->phone_index);
    copy->document_index = arena_copy(call->arena, session->document_index);
    return copy;
}
