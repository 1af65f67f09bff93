#include "io/platform_sms.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/jsonw.h"
#include "base/limits.h"
#include "io/crypto.h"
#include "schema/json.h"

enum { SMS_TIMEOUT_MS = 3000, SMS_BODY_MAX = 2048, DATE_SIZE = 16 };

struct code_row {
    const char *prefix;
    enum sms_outcome outcome;
};
/* clang-format off */
static const struct code_row codes[] = {
    {"Ok",                                                SMS_SENT},
    {"LimitExceeded",                                     SMS_LIMITED},
    {"FailedOperation.PhoneNumberInBlacklist",            SMS_NUMBER},
    {"InvalidParameterValue.IncorrectPhoneNumber",        SMS_NUMBER},
    {"UnsupportedOperation",                              SMS_NUMBER},
    {"FailedOperation.SignatureIncorrectOrUnapproved",    SMS_MISCONFIGURED},
    {"FailedOperation.TemplateIncorrectOrUnapproved",     SMS_MISCONFIGURED},
    {"FailedOperation.ContainSensitiveWord",              SMS_MISCONFIGURED},
    {"FailedOperation",                                   SMS_BUSY},
    {"InternalError",                                     SMS_BUSY},
    {"RequestLimitExceeded",                              SMS_BUSY},
    {"AuthFailure",                                       SMS_MISCONFIGURED},
    {"UnauthorizedOperation",                             SMS_MISCONFIGURED},
    {"InvalidParameter",                                  SMS_MISCONFIGURED},
    {"MissingParameter",                                  SMS_MISCONFIGURED},
};
/* clang-format on */

const char *
sms_outcome_name(enum sms_outcome outcome)
{
    static const char *const names[] = {"sent", "limited",    "number",
                                        "busy", "maybe-sent", "misconfigured"};
    return names[outcome];
}

enum sms_outcome
sms_code_outcome(struct str code)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (str_starts(code, str_of(codes[i].prefix)))
            return codes[i].outcome;
    return SMS_BUSY;
}

static void
utc_date(int64_t time_s, char out[DATE_SIZE])
{
    struct tm tm;
    time_t seconds = (time_t)time_s;
    (void)gmtime_r(&seconds, &tm);
    (void)strftime(out, DATE_SIZE, "%Y-%m-%d", &tm);
}

/* HMAC chain over date, service and the fixed word. */
static void
signing_key(const char *secret_key, const char *date, const char *service, struct arena *arena,
            unsigned char out[SHA256_SIZE])
{
    unsigned char first[SHA256_SIZE];
    unsigned char second[SHA256_SIZE];
    crypto_hmac_sha256(arena_printf(arena, "TC3%s", secret_key), str_of(date), first);
    crypto_hmac_sha256((struct str){(char *)first, sizeof first}, str_of(service), second);
    crypto_hmac_sha256((struct str){(char *)second, sizeof second}, STR("tc3_request"), out);
}

struct str
tc3_authorization(const char *secret_id, const char *secret_key, const struct tc3_request *request,
                  struct arena *arena)
{
    char date[DATE_SIZE];
    char payload_hash[SHA256_HEX_SIZE];
    char canonical_hash[SHA256_HEX_SIZE];
    char signature[SHA256_HEX_SIZE];
    unsigned char key[SHA256_SIZE];
    unsigned char digest[SHA256_SIZE];
    utc_date(request->timestamp_s, date);
    crypto_sha256_hex(request->payload, payload_hash);
    struct str canonical =
        arena_printf(arena, "POST\n/\n\ncontent-type:%s\nhost:%s\n\ncontent-type;host\n%s",
                     request->content_type, request->host, payload_hash);
    crypto_sha256_hex(canonical, canonical_hash);
    struct str to_sign = arena_printf(arena, "TC3-HMAC-SHA256\n%" PRId64 "\n%s/%s/tc3_request\n%s",
                                      request->timestamp_s, date, request->service, canonical_hash);
    signing_key(secret_key, date, request->service, arena, key);
    crypto_hmac_sha256((struct str){(char *)key, sizeof key}, to_sign, digest);
    hex_encode(digest, sizeof digest, signature);
    return arena_printf(arena,
                        "TC3-HMAC-SHA256 Credential=%s/%s/%s/tc3_request, "
                        "SignedHeaders=content-type;host, Signature=%s",
                        secret_id, date, request->service, signature);
}

bool
sms_phone_abroad(struct str phone)
{
    return phone.len && phone.ptr[0] == '+';
}

/* As the platform takes it: one without a country's code is a mainland number. */
static struct str
number_of(struct str phone, struct arena *arena)
{
    return sms_phone_abroad(phone) ? phone : arena_printf(arena, "+86%.*s", STR_ARG(phone));
}

static void
body_write(const struct sms_conf *conf, const struct sms_message *message, struct arena *arena,
           struct buf *body)
{
    struct jsonw w = jsonw_on(body);
    jsonw_object_open(&w);
    jsonw_key(&w, "PhoneNumberSet");
    jsonw_array_open(&w);
    jsonw_str(&w, number_of(message->phone, arena));
    jsonw_array_close(&w);
    jsonw_member_text(&w, "SmsSdkAppId", conf->sdk_app_id);
    jsonw_member_text(&w, "TemplateId", message->template_id);
    jsonw_member_text(&w, "SignName", conf->sign_name);
    jsonw_key(&w, "TemplateParamSet");
    jsonw_array_open(&w);
    for (size_t i = 0; i < message->param_count; i++)
        jsonw_str(&w, message->params[i]);
    jsonw_array_close(&w);
    jsonw_object_close(&w);
}

/* "Response": {"SendStatusSet": [{"Code": …}]} or {"Error": {"Code": …}}. */
static enum sms_outcome
answer_outcome(struct str text)
{
    struct err err = {0};
    CLEANUP(json_doc_free) struct json_doc *doc = NULL;
    if (json_parse(text, &doc, &err))
        return SMS_MAYBE_SENT;
    const struct json *response = json_get(json_root(doc), "Response");
    const struct json *error = json_get(response, "Error");
    if (error)
        return sms_code_outcome(json_str(json_get(error, "Code")));
    const struct json *status = json_first(json_get(response, "SendStatusSet"));
    return status ? sms_code_outcome(json_str(json_get(status, "Code"))) : SMS_MAYBE_SENT;
}

/* Host and port of "https://host:port". */
static struct str
host_of(const char *base_url, struct arena *arena)
{
    const char *host = strstr(base_url, "://");
    struct str rest = str_of(host ? host + 3 : base_url);
    return arena_copy(arena, str_cut(&rest, '/'));
}

static enum sms_outcome
message_send(struct http_client *client, const struct sms_conf *conf,
             const struct sms_message *message, int64_t now_s, struct arena *arena)
{
    struct err err = {0};
    struct buf body;
    struct buf answer;
    unsigned status = 0;
    buf_init(&body, SMS_BODY_MAX);
    body_write(conf, message, arena, &body);
    struct str host = host_of(conf->base_url, arena);
    const struct tc3_request tc3 = {"sms", host.ptr, "application/json; charset=utf-8",
                                    buf_str(&body), now_s};
    struct str authorization = tc3_authorization(conf->secret_id, conf->secret_key, &tc3, arena);
    const char *const headers[] = {
        "Content-Type: application/json; charset=utf-8",
        "X-TC-Action: SendSms",
        "X-TC-Version: 2021-01-11",
        arena_printf(arena, "X-TC-Timestamp: %" PRId64, now_s).ptr,
        arena_printf(arena, "X-TC-Region: %s", conf->region).ptr,
        arena_printf(arena, "Authorization: %.*s", STR_ARG(authorization)).ptr,
        NULL,
    };
    const struct http_client_request request = {
        .method = "POST",
        .url = arena_printf(arena, "%s/", conf->base_url).ptr,
        .headers = headers,
        .body = buf_str(&body),
        .timeout_ms = SMS_TIMEOUT_MS,
        .answer_bytes_max = LIMIT_PLATFORM_ANSWER,
    };
    enum err_code code = http_client_call(client, &request, &status, &answer, &err);
    buf_done(&body);
    if (code)
        return SMS_MAYBE_SENT;
    enum sms_outcome outcome = status == 200 ? answer_outcome(buf_str(&answer)) : SMS_MAYBE_SENT;
    buf_done(&answer);
    return outcome;
}

enum sms_outcome
sms_send_code(struct http_client *client, const struct sms_conf *conf, struct str phone,
              struct str digits, int64_t now_s, struct arena *arena)
{
    const char *apart = sms_phone_abroad(phone) ? conf->template_id_abroad : NULL;
    const struct sms_message message = {apart && apart[0] ? apart : conf->template_id, phone,
                                        &digits, 1};
    return message_send(client, conf, &message, now_s, arena);
}

enum sms_outcome
sms_message_send(struct http_client *client, const struct sms_conf *conf,
                 const struct sms_message *message, int64_t now_s, struct arena *arena)
{
    enum sms_outcome outcome = message_send(client, conf, message, now_s, arena);
    return outcome == SMS_MAYBE_SENT && !http_client_reached(client) ? SMS_BUSY : outcome;
}
