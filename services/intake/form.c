/* GET /api/v1/form: the parts and fields a client shows, with what is known of each. */
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/limits.h"
#include "schema/rule.h"
#include "services/intake/domain.h"
#include "services/intake/draft.h"
#include "services/intake/service.h"

/* In the order of enum field_part. */
static const struct {
    const char *id;
    const char *title;
} parts[] = {{"school", "学校"}, {"person", "个人"}, {"other", "其他"}};

/* In the order of enum field_type: what a client picks its control by. */
static const char *
type_word(enum field_type type)
{
    switch (type) {
    case FIELD_TEXT:
        return "text";
    case FIELD_CODE:
        return "code";
    case FIELD_DATE:
        return "date";
    case FIELD_MONTH:
        return "month";
    case FIELD_AREA:
        return "area";
    case FIELD_PHONE:
        return "phone";
    case FIELD_EMAIL:
        return "email";
    case FIELD_DIGITS:
        return "digits";
    case FIELD_FLAG:
        return "flag";
    default:
        return "text";
    }
}

struct form {
    const struct campaign *campaign;
    struct record_values values;
};

static void
field_write(struct jsonw *w, const struct form *form, const struct field *field)
{
    struct str fixed = form->campaign->fixed_value[field->id];
    struct str value = fixed.len ? fixed : form->values.value[field->id];
    jsonw_object_open(w);
    jsonw_member_text(w, "name", field->name);
    jsonw_member_text(w, "label", field->label);
    jsonw_member_text(w, "type", type_word(field->type));
    jsonw_member_int(w, "max_length", field->length_max);
    jsonw_member_bool(w, "required", record_requires(form->campaign, &form->values, field->id));
    if (field->required_when)
        jsonw_member_text(w, "required_when", field->required_when);
    jsonw_member_bool(w, "editable", field_is_students(field->id) && fixed.len == 0);
    if (field->type == FIELD_CODE || field->type == FIELD_AREA || field->type == FIELD_FLAG)
        jsonw_member_text(w, "codes", field->name);
    if (field->help)
        jsonw_member_text(w, "help", field->help);
    jsonw_key(w, "value");
    if (value.len)
        jsonw_str(w, value);
    else
        jsonw_null(w);
    jsonw_object_close(w);
}

static void
campaign_write(struct jsonw *w, const struct campaign *campaign, int64_t now_ms)
{
    static const char *const windows[] = {"before", "open", "closed"};
    char opens[CLOCK_RFC3339_SIZE];
    char closes[CLOCK_RFC3339_SIZE];
    jsonw_object_open(w);
    jsonw_member(w, "id", campaign->campaign_id);
    jsonw_member(w, "name", campaign->name);
    jsonw_member_text(w, "opens_at", clock_format_rfc3339(campaign->opens_at_ms, opens));
    jsonw_member_text(w, "closes_at", clock_format_rfc3339(campaign->closes_at_ms, closes));
    jsonw_member_text(w, "window", windows[window_at(campaign, now_ms)]);
    jsonw_object_close(w);
}

static void
form_write(struct jsonw *w, const struct form *form, int64_t now_ms)
{
    jsonw_object_open(w);
    jsonw_key(w, "campaign");
    campaign_write(w, form->campaign, now_ms);
    jsonw_member(w, "edition", form->campaign->edition);
    jsonw_key(w, "parts");
    jsonw_array_open(w);
    for (unsigned part = 0; part < sizeof parts / sizeof parts[0]; part++) {
        jsonw_object_open(w);
        jsonw_member_text(w, "id", parts[part].id);
        jsonw_member_text(w, "title", parts[part].title);
        jsonw_key(w, "fields");
        jsonw_array_open(w);
        for (unsigned i = 0; i < FIELD_COUNT_; i++)
            if ((unsigned)fields[i].part == part)
                field_write(w, form, &fields[i]);
        jsonw_array_close(w);
        jsonw_object_close(w);
    }
    jsonw_array_close(w);
    jsonw_object_close(w);
}

/* Opens a sealed value in place; an empty one stays empty. */
static enum err_code
open_value(struct api_call *call, struct str *value, const char *kind, struct str index,
           struct err *err)
{
    if (value->len == 0)
        return ERR_OK;
    struct str context = arena_printf(call->arena, "%s/%.*s", kind, STR_ARG(index));
    return seal_open(call->worker->sealer, *value, context, call->arena, value, err);
}

static enum err_code
form_gather(struct api_call *call, struct form *form, struct err *err)
{
    struct str document_index;
    struct str drafted[FIELD_COUNT_] = {{0}};
    int64_t version = 0;
    enum err_code code = store_roster(call->worker->pg, call->session->student_id, call->arena,
                                      form->values.value, &document_index, err);
    if (code == ERR_OK)
        code = open_value(call, &form->values.value[FIELD_KSH], "ksh", document_index, err);
    form->values.value[FIELD_SJHM] = call->session->phone_sealed;
    if (code == ERR_OK)
        code = open_value(call, &form->values.value[FIELD_SJHM], "phone",
                          call->session->phone_index, err);
    if (code == ERR_OK)
        code = draft_load(call, form->campaign->campaign_id, &version, drafted, err);
    if (code)
        return code;
    for (unsigned i = 0; i < FIELD_COUNT_; i++) {
        if (drafted[i].len)
            form->values.value[i] = drafted[i];
        else if (form->values.value[i].len == 0 && fields[i].default_value)
            form->values.value[i] = str_of(fields[i].default_value);
    }
    return ERR_OK;
}

void
form_get(struct api_call *call)
{
    struct intake_campaign held;
    struct err err = {0};
    struct form *form = arena_alloc(call->arena, sizeof *form);
    struct buf body;
    if (!intake_campaign_of(call, &held))
        return;
    form->campaign = held.campaign;
    if (form_gather(call, form, &err)) {
        intake_campaign_done(call, &held);
        api_problem_err(call, "form not read", &err);
        return;
    }
    buf_init(&body, LIMIT_HTTP_ANSWER);
    struct jsonw w = jsonw_on(&body);
    form_write(&w, form, call->now_ms);
    intake_campaign_done(call, &held);
    reply_tagged(call, buf_str(&body), NULL);
    buf_done(&body);
}
