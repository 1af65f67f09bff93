/*
 * RFC 9457 problems as a table: every error an HTTP caller can get. `type` is PROBLEM_TYPE_BASE and
 * the stable word. Titles are Chinese and say what to do.
 */
#pragma once

#include "base/buf.h"

#define PROBLEM_TYPE_BASE "https://shengyuan.example/problems/"

/* clang-format off */
/*        id                      status word                    title */
#define PROBLEM_TABLE(X) \
    X(PROBLEM_MALFORMED,             400, "malformed",             "请求格式不正确，请检查后重新提交") \
    X(PROBLEM_UNKNOWN_MEMBER,        400, "unknown-member",        "请求中有不认识的成员，请删除后重新提交") \
    X(PROBLEM_MISSING_MEMBER,        400, "missing-member",        "请求中缺少必需的成员，请补上后重新提交") \
    X(PROBLEM_IDEMPOTENCY_KEY,       400, "idempotency-key",       "请带上 Idempotency-Key（1 至 255 个可见 ASCII 字符）") \
    X(PROBLEM_UNAUTHORIZED,          401, "unauthorized",          "登录已失效或尚未登录，请重新登录") \
    X(PROBLEM_LOGIN_CODE_INVALID,    401, "login-code-invalid",    "登录凭证无效、已使用或已过期，请重新授权") \
    X(PROBLEM_STAFF_LOGIN,           401, "staff-login-refused",   "账号、密码或动态口令不正确，或账号已停用；请核对后重试") \
    X(PROBLEM_LOGIN_REFUSED,         403, "login-refused",         "微信暂不允许该账号登录，请联系微信客服或学校") \
    X(PROBLEM_FACE_REQUIRED,         403, "face-required",         "请先完成实名认证") \
    X(PROBLEM_BINDING_REQUIRED,      403, "binding-required",      "请先完成学籍绑定") \
    X(PROBLEM_CSRF,                  403, "csrf",                  "请求缺少页面令牌或令牌不对，请刷新页面后重试") \
    X(PROBLEM_FORBIDDEN,             403, "forbidden",             "您的账号没有这项权限，请联系上级单位的管理员") \
    X(PROBLEM_NOT_FOUND,             404, "not-found",             "没有找到") \
    X(PROBLEM_ROSTER_NO_MATCH,       404, "roster-no-match",       "与学籍信息不一致，请核对；也可以改用学号绑定，或提交申请由学校处理") \
    X(PROBLEM_METHOD,                405, "method-not-allowed",    "此地址不支持该方法") \
    X(PROBLEM_TIMEOUT,               408, "timeout",               "请求发送过慢，请检查网络后重试") \
    X(PROBLEM_ALREADY_BOUND,         409, "already-bound",         "该学籍或该账号已经绑定，如非本人操作请联系学校") \
    X(PROBLEM_APPEAL_OPEN,           409, "appeal-open",           "同样的申请已经提交，请等待学校处理，或先撤回原申请") \
    X(PROBLEM_APPEAL_CLOSED,         409, "appeal-closed",         "该申请已有结果或已撤回，不能再改；如有需要请重新申请") \
    X(PROBLEM_EVIDENCE_FULL,         409, "evidence-full",         "每份申请最多上传 4 张图片，请把材料合并后重新申请") \
    X(PROBLEM_WINDOW_CLOSED,         409, "window-closed",         "现在不在上报时间内，请联系学校就业部门") \
    X(PROBLEM_LOCKED,                409, "locked",                "已审核，不能修改；需要修改的，请联系学院或学校退回") \
    X(PROBLEM_NOT_ALLOWED,           409, "not-allowed",           "现在不能这样做，请刷新后再看") \
    X(PROBLEM_STALE,                 412, "stale",                 "内容已在别处修改，请刷新后再改") \
    X(PROBLEM_TOO_LARGE,             413, "too-large",             "请求内容过大") \
    X(PROBLEM_TARGET_TOO_LONG,       414, "target-too-long",       "请求地址过长") \
    X(PROBLEM_MEDIA_TYPE,            415, "media-type",            "请以 application/json 发送") \
    X(PROBLEM_INVALID_VALUE,         422, "invalid-value",         "有内容不符合要求，请按提示修改") \
    X(PROBLEM_PHONE_CODE_WRONG,      422, "phone-code-wrong",      "验证码不正确或已失效，请重新获取") \
    X(PROBLEM_IDEMPOTENCY_CONFLICT,  422, "idempotency-conflict",  "同一个 Idempotency-Key 已用于另一份内容，请换一个新的") \
    X(PROBLEM_PRECONDITION_REQUIRED, 428, "precondition-required", "请带上 If-Match，以免覆盖别处的修改") \
    X(PROBLEM_TOO_MANY_TRIES,        429, "too-many-tries",        "尝试次数过多，请稍后再试") \
    X(PROBLEM_TOO_MANY_REQUESTS,     429, "too-many-requests",     "操作过于频繁，请稍后再试") \
    X(PROBLEM_HEADERS_TOO_LARGE,     431, "headers-too-large",     "请求头过大") \
    X(PROBLEM_UNAVAILABLE,           503, "unavailable",           "系统繁忙，请稍后重试，已填写的内容不会丢失")
/* clang-format on */

enum problem_id {
#define X(id, status, word, title) id,
    PROBLEM_TABLE(X)
#undef X
        PROBLEM_COUNT_
};

struct problem {
    enum problem_id id;
    unsigned status;
    const char *word;
    const char *title;
};
extern const struct problem problems[PROBLEM_COUNT_];

struct problem_field {
    const char *field;
    const char *rule;
    struct str message; /* never the value of a sensitive field */
};

/* The problem+json body. `detail` may be NULL; `trace_id` may be empty. */
void problem_write(struct buf *out, enum problem_id id, const char *detail,
                   const struct problem_field *fields, size_t field_count, struct str trace_id);
void problem_write_docs(struct buf *out);
