/* What several handlers share: indexes, news, and trying a phone code. */
#include <inttypes.h>

#include "base/clock.h"
#include "services/binding/limits_redis.h"
#include "services/binding/service.h"

void
document_index_of(const struct binding *binding, struct str id_type, struct str number_text,
                  struct arena *arena, char out[INDEX_HEX_SIZE])
{
    keyring_index(binding->runtime->keyring, "document",
                  arena_printf(arena, "%.*s|%.*s", STR_ARG(id_type), STR_ARG(number_text)), out);
}

void
phone_index_of(const struct binding *binding, struct str phone, char out[INDEX_HEX_SIZE])
{
    keyring_index(binding->runtime->keyring, "phone", phone, out);
}

void
code_index_of(const struct binding *binding, struct str session_id, const char *phone_index,
              struct str code, struct arena *arena, char out[INDEX_HEX_SIZE])
{
    keyring_index(
        binding->runtime->keyring, "phone-code",
        arena_printf(arena, "%.*s|%s|%.*s", STR_ARG(session_id), phone_index, STR_ARG(code)), out);
}

bool
phone_code_accept(struct api_call *call, const char *phone_index, struct str code)
{
    struct err err = {0};
    enum code_verdict verdict;
    unsigned retry_s = 0;
    char code_index[INDEX_HEX_SIZE];
    bool used_up = false;
    const struct session *session = call->session;
    struct str tries = arena_printf(call->arena, "lim:tries:%.*s", STR_ARG(session->account_id));
    if (limit_used_up(call->worker->redis, tries, &limit_account_tries, call->arena, &used_up,
                      &retry_s, &err)) {
        api_problem_err(call, "limit not read", &err);
        return false;
    }
    if (used_up) {
        api_problem_retry(call, PROBLEM_TOO_MANY_TRIES, retry_s);
        return false;
    }
    code_index_of(call->worker->service, session->session_id, phone_index, code, call->arena,
                  code_index);
    if (phone_code_try(call->worker->redis, session->session_id, str_of(phone_index),
                       str_of(code_index), call->arena, &verdict, &retry_s, &err)) {
        api_problem_err(call, "phone code not tried", &err);
        return false;
    }
    if (verdict == CODE_RIGHT)
        return true;
    if (verdict == CODE_TOO_MANY) {
        api_problem_retry(call, PROBLEM_TOO_MANY_TRIES, retry_s);
        return false;
    }
    if (limit_take(call->worker->redis, tries, &limit_account_tries, call->arena, &used_up,
                   &retry_s, &err))
        api_problem_err(call, "wrong code not counted", &err);
    else
        api_problem(call, PROBLEM_PHONE_CODE_WRONG, NULL);
    return false;
}

struct identity_changed
news_of(const struct session *session, const char *kind)
{
    return (struct identity_changed){
        .account_id = session->account_id,
        .kind = str_of(kind),
        .document_index = session->document_index,
        .student_id = session->student_id,
        .school_code = session->school_code,
        .phone_index = session->phone_index,
        .phone_sealed = session->phone_sealed,
        .card_sealed = session->card_sealed,
    };
}

enum err_code
identity_remember(struct api_call *call, const struct session *session, struct err *err)
{
    struct redis_value value;
    const struct redis_command set = REDIS_COMMAND(
        STR("SET"), arena_printf(call->arena, "bound:%.*s", STR_ARG(session->account_id)),
        session_encode(session, call->arena), STR("EX"),
        arena_printf(call->arena, "%" PRId64, session_left_s(session)));
    return redis_call(call->worker->redis, &set, call->arena, &value, err);
}
