#include "tests/unit/test.h"

#include "io/platform_sms.h"
#include "io/platform_wechat.h"

static void
cert_hash_equals_the_published_vector(void **state)
{
    (void)state;
    char hash[65];
    wechat_cert_hash(STR("张三"), STR("310101199801011234"), hash);
    assert_string_equal(hash, "3c241f7ff324977aeb91f173bb2a7b06569e6fd784d5573db34a636d8671108b");
}

static void
tc3_signature_equals_the_published_vector(void **state)
{
    (void)state;
    struct arena *arena = arena_new(64 * 1024);
    /* The published example: service cvm, literal asterisks in the key, 2019-02-25. */
    const struct tc3_request request = {
        .service = "cvm",
        .host = "cvm.tencentcloudapi.com",
        .content_type = "application/json; charset=utf-8",
        .payload = STR("{\"Limit\": 1, \"Filters\": [{\"Values\": [\"\\u672a\\u547d\\u540d\"], "
                       "\"Name\": \"instance-name\"}]}"),
        .timestamp_s = 1551113065,
    };
    struct str text = tc3_authorization("AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******",
                                        "Gu5t9xGARNpq86cd98joQYCN3*******", &request, arena);
    if (strstr(text.ptr,
               "Signature=2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c") ==
        NULL)
        fail_msg("%s", text.ptr);
    arena_free(arena);
}

static void
every_published_code_has_its_class(void **state)
{
    (void)state;
    static const struct {
        int64_t errcode;
        enum wechat_outcome outcome;
    } rows[] = {{0, WECHAT_OK},
                {-1, WECHAT_BUSY},
                {40029, WECHAT_CODE_INVALID},
                {40163, WECHAT_CODE_INVALID},
                {42003, WECHAT_CODE_INVALID},
                {40226, WECHAT_USER_REFUSED},
                {40001, WECHAT_TOKEN_STALE},
                {42001, WECHAT_TOKEN_STALE},
                {40014, WECHAT_TOKEN_STALE},
                {40013, WECHAT_MISCONFIGURED},
                {48001, WECHAT_MISCONFIGURED},
                {45011, WECHAT_BUSY},
                {987654, WECHAT_BUSY}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(wechat_errcode_outcome(rows[i].errcode), rows[i].outcome);
    assert_int_equal(sms_code_outcome(STR("Ok")), SMS_SENT);
    assert_int_equal(sms_code_outcome(STR("LimitExceeded.PhoneNumberDailyLimit")), SMS_LIMITED);
    assert_int_equal(sms_code_outcome(STR("FailedOperation.PhoneNumberInBlacklist")), SMS_NUMBER);
    assert_int_equal(sms_code_outcome(STR("AuthFailure.SignatureExpire")), SMS_MISCONFIGURED);
    assert_int_equal(sms_code_outcome(STR("InternalError.Timeout")), SMS_BUSY);
    assert_int_equal(sms_code_outcome(STR("SomethingNew")), SMS_BUSY);
}

static void
refuses_plain_http_to_another_machine(void **state)
{
    (void)state;
    struct http_client *client = NULL;
    struct buf answer;
    unsigned status = 0;
    const struct http_client_request request = {
        .method = "GET", .url = "http://192.0.2.1/", .timeout_ms = 100, .answer_bytes_max = 100};
    assert_works(http_client_new(&client, &err));
    assert_fails(http_client_call(client, &request, &status, &answer, &err), ERR_CONFIG,
                 "HINT: use https");
    http_client_free(client);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cert_hash_equals_the_published_vector),
        cmocka_unit_test(tc3_signature_equals_the_published_vector),
        cmocka_unit_test(every_published_code_has_its_class),
        cmocka_unit_test(refuses_plain_http_to_another_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
