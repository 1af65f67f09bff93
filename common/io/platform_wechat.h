/*
 * WeChat's server APIs as published (developers.weixin.qq.com): log-in code exchange of the
 * mini-program and of H5, access token, face check 2.0. Builds requests, reads answers, sorts every
 * published error code into what the caller can do. Keeps nothing: the access token is passed in
 * (callers share one through Redis). As thread-safe as the HTTP client it is given.
 */
#pragma once

#include "io/http_client.h"

struct wechat_conf {
    const char *base_url;
    const char *appid;
    const char *secret;
    const char *h5_appid;
    const char *h5_secret;
};

enum wechat_outcome {
    WECHAT_OK,
    WECHAT_CODE_INVALID, /* the user has to authorise again */
    WECHAT_USER_REFUSED, /* the platform blocks this user */
    WECHAT_TOKEN_STALE,  /* fetch a new access token and repeat */
    WECHAT_BUSY,         /* busy, limited or unreachable: try again later */
    WECHAT_REQUEST,      /* the platform finds our values wrong */
    WECHAT_MISCONFIGURED /* appid, secret or rights are wrong: the operator's */
};
const char *wechat_outcome_name(enum wechat_outcome outcome);
/* The row of a published error code; unknown codes are WECHAT_BUSY. */
enum wechat_outcome wechat_errcode_outcome(int64_t errcode);

/* What came of a call besides its values. */
struct wechat_answer {
    enum wechat_outcome outcome;
    int64_t errcode;
};

/* Exchanges a code; h5 uses OAuth2's access_token call. Repeats once when the platform is busy. */
struct wechat_answer wechat_login(struct http_client *client, const struct wechat_conf *conf,
                                  bool h5, struct str code, struct arena *arena,
                                  struct str *ret_openid);
struct wechat_answer wechat_stable_token(struct http_client *client, const struct wechat_conf *conf,
                                         bool force, struct arena *arena, struct str *ret_token,
                                         int64_t *ret_expires_in_s);

struct wechat_face {
    struct str out_seq_no; /* 5 to 32 of [0-9A-Za-z_-], unique per appid */
    struct str openid;
    struct str name;
    struct str number;
    struct str verify_id; /* for the result */
};
struct wechat_answer wechat_face_start(struct http_client *client, const struct wechat_conf *conf,
                                       struct str token, const struct wechat_face *face,
                                       struct arena *arena, struct str *ret_verify_id,
                                       int64_t *ret_expires_in_s);
/* Passed only if the outcome is WECHAT_OK and verify_ret is WECHAT_FACE_PASSED. */
enum { WECHAT_FACE_PASSED = 10000 };
struct wechat_answer wechat_face_result(struct http_client *client, const struct wechat_conf *conf,
                                        struct str token, const struct wechat_face *face,
                                        struct arena *arena, int64_t *ret_verify_ret);
/* A subscribe message (一次性订阅消息). The platform knows no idempotency key: what was sent twice
 * arrives twice. */
struct wechat_field {
    const char *name; /* "thing1": the kind and the place in the template */
    struct str value;
};
struct wechat_notice {
    struct str openid; /* of the mini-program */
    const char *template_id;
    const char *page; /* "pages/index" */
    const struct wechat_field *fields;
    size_t field_count;
};
enum wechat_delivery {
    WECHAT_ANSWERED,  /* *ret_errcode says what came of it; 0: sent */
    WECHAT_NOT_SENT,  /* no connection came about */
    WECHAT_MAYBE_SENT /* no answer, or none that can be read: the message may arrive */
};
enum wechat_delivery wechat_notice_send(struct http_client *client, const struct wechat_conf *conf,
                                        struct str token, const struct wechat_notice *notice,
                                        struct arena *arena, int64_t *ret_errcode);
/* Lower-hex SHA-256 over the base64 of type, name and number; 65 bytes. */
void wechat_cert_hash(struct str name, struct str number, char out[65]);
