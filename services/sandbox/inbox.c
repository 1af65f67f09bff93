/* The inbox that takes the place of telephones and of WeChat. */
#include "base/clock.h"
#include "base/jsonw.h"
#include "services/sandbox/state.h"

enum { INBOX_SHOWN_MAX = 50 };

void
inbox_keep(struct sandbox *sandbox, const struct message *message)
{
    (void)pthread_mutex_lock(&sandbox->lock);
    sandbox->messages[sandbox->message_count++ % INBOX_MAX] = *message;
    (void)pthread_mutex_unlock(&sandbox->lock);
}

unsigned
inbox_get(struct sandbox_call *call)
{
    struct sandbox *sandbox = call->sandbox;
    struct str phone = sandbox_query(call, "phone");
    struct str openid = sandbox_query(call, "openid");
    char time[CLOCK_RFC3339_SIZE];
    size_t shown = 0;
    struct jsonw w = jsonw_on(call->out);
    jsonw_object_open(&w);
    jsonw_key(&w, "messages");
    jsonw_array_open(&w);
    (void)pthread_mutex_lock(&sandbox->lock);
    size_t oldest = sandbox->message_count > INBOX_MAX ? sandbox->message_count - INBOX_MAX : 0;
    for (size_t i = sandbox->message_count; i > oldest && shown < INBOX_SHOWN_MAX; i--) {
        const struct message *message = &sandbox->messages[(i - 1) % INBOX_MAX];
        if ((phone.len && !str_eq_text(phone, message->phone)) ||
            (openid.len && !str_eq_text(openid, message->openid)))
            continue;
        shown++;
        jsonw_object_open(&w);
        jsonw_member_text(&w, "time", clock_format_rfc3339(message->time_ms, time));
        jsonw_member_text(&w, "channel", message->wechat ? "wechat" : "sms");
        if (message->wechat)
            jsonw_member_text(&w, "openid", message->openid);
        else
            jsonw_member_text(&w, "phone", message->phone);
        jsonw_member_text(&w, "template", message->template_id);
        jsonw_member_text(&w, "text", message->text);
        jsonw_member_text(&w, "code", message->code);
        jsonw_object_close(&w);
    }
    (void)pthread_mutex_unlock(&sandbox->lock);
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    return 200;
}
