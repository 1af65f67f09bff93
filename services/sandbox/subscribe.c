/*
 * WeChat: subscribe messages. Whoever's openid ends in -e and digits is refused with that errcode
 * (demo-chen-e43101 logs such a one in); one that ends in -lost gets the message, and the sender no
 * answer.
 */
#include <stdio.h>

#include "base/clock.h"
#include "services/sandbox/state.h"

enum {
    DATA_INVALID = 47003,
    TEMPLATE_INVALID = 40037,
    OPENID_INVALID = 40003,
    PAGE_INVALID = 41030
};

/* Characters that a place takes, as published. */
static size_t
place_limit(struct str name)
{
    static const struct {
        const char *kind;
        size_t limit;
    } rows[] = {{"thing", 20}, {"phrase", 5},  {"name", 10}, {"character_string", 32},
                {"time", 32},  {"number", 32}, {"date", 32}, {"phone_number", 17}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (str_starts(name, str_of(rows[i].kind)))
            return rows[i].limit;
    return 0;
}

/* The text of all places; STR_NONE when one is wrong, whose name is *ret_wrong. */
static struct str
data_text(struct sandbox_call *call, const struct json *data, struct str *ret_wrong)
{
    struct str text = STR("");
    for (const struct json *one = json_first(data); one; one = json_next(one)) {
        struct str value = json_str(json_get(one, "value"));
        *ret_wrong = json_name(one);
        if (value.len == 0 || utf8_length(value) > place_limit(json_name(one)))
            return STR_NONE;
        text = arena_printf(call->arena, "%.*s%.*s=%.*s;", STR_ARG(text), STR_ARG(json_name(one)),
                            STR_ARG(value));
    }
    return text;
}

/* The errcode that an openid asks for; 0 for none. */
static int64_t
errcode_asked(struct str openid)
{
    size_t at = openid.len;
    uint64_t errcode = 0;
    while (at && openid.ptr[at - 1] >= '0' && openid.ptr[at - 1] <= '9')
        at--;
    struct str digits = {openid.ptr + at, openid.len - at};
    bool asked = at > 2 && openid.ptr[at - 1] == 'e' && openid.ptr[at - 2] == '-' &&
                 str_to_u64(digits, 99999, &errcode);
    return asked ? (int64_t)errcode : 0;
}

unsigned
wechat_subscribe_send(struct sandbox_call *call)
{
    struct sandbox *sandbox = call->sandbox;
    unsigned status = wechat_token_refused(call);
    struct message message = {.wechat = true, .time_ms = clock_now_ms()};
    struct str wrong = STR("data");
    if (status)
        return status;
    CLEANUP(json_doc_free) struct json_doc *doc = wechat_body(call, &status);
    if (doc == NULL)
        return status;
    struct str openid = sandbox_member(doc, "touser");
    struct str template_id = sandbox_member(doc, "template_id");
    if (!str_starts(openid, STR("sandbox-")))
        return wechat_errcode(call, OPENID_INVALID, "invalid openid");
    if (!sandbox_listed(sandbox->conf->wechat_templates, template_id))
        return wechat_errcode(call, TEMPLATE_INVALID, "invalid template_id");
    if (!str_starts(sandbox_member(doc, "page"), STR("pages/")))
        return wechat_errcode(call, PAGE_INVALID, "invalid page");
    struct str text = data_text(call, json_get(json_root(doc), "data"), &wrong);
    if (text.len == 0)
        return wechat_errcode(
            call, DATA_INVALID,
            arena_printf(call->arena, "argument invalid! data.%.*s.value invalid", STR_ARG(wrong))
                .ptr);
    int64_t asked = errcode_asked(openid);
    if (asked)
        return wechat_errcode(call, asked, "asked for");
    sandbox_copy(message.openid, sizeof message.openid, openid);
    sandbox_copy(message.template_id, sizeof message.template_id, template_id);
    sandbox_copy(message.text, sizeof message.text, text);
    inbox_keep(sandbox, &message);
    (void)wechat_errcode(call, 0, "ok");
    return str_ends(openid, STR("-lost")) ? 500 : 200;
}
