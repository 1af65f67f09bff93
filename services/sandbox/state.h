/* What the simulated platforms remember, and what their calls have in common. Of the sandbox only.
 */
#pragma once

#include <pthread.h>

#include "schema/json.h"
#include "services/sandbox/sandbox.h"

enum {
    CODES_MAX = 65536, /* used log-in codes that are remembered; the oldest are forgotten */
    FACES_MAX = 16384,
    INBOX_MAX = 16384,
    TOKENS_MAX = 4,
};

struct used_code {
    char text[128];
};
struct face {
    char verify_id[65];
    char out_seq_no[33];
    char openid[128];
    char cert_hash[65];
    int64_t verify_ret;
    int64_t expires_ms;
};
struct token {
    char text[65];
    int64_t expires_ms;
};
struct message {
    bool wechat;      /* by subscribe message, else by SMS */
    char openid[128]; /* of the one, */
    char phone[24];   /* of the other */
    char code[16];
    char text[512];
    char template_id[64];
    int64_t time_ms;
};

struct sandbox {
    const struct sandbox_conf *conf;
    const struct sandbox_secrets *secrets;
    pthread_mutex_t lock;
    size_t code_count;
    struct used_code *codes; /* ring */
    size_t face_count;
    struct face *faces; /* ring */
    size_t message_count;
    struct message *messages; /* ring */
    size_t token_count;
    struct token tokens[TOKENS_MAX]; /* ring: the newest and the ones still valid beside it */
    int sent_fd;                     /* -1: only the inbox knows what was sent */
};

/* A message as it arrived; the oldest are forgotten. */
void inbox_keep(struct sandbox *sandbox, const struct message *message);
/* Whether `word` is one of a list such as "1000002,1000003". */
bool sandbox_listed(const char *list, struct str word);
unsigned wechat_errcode(struct sandbox_call *call, int64_t code, const char *text);
/* 0 when the call's access_token is one of ours. */
unsigned wechat_token_refused(struct sandbox_call *call);
/* The body as an object, or an errcode answered. */
struct json_doc *wechat_body(struct sandbox_call *call, unsigned *ret_status);
/* Cut to `size`, with a final NUL. */
void sandbox_copy(char *out, size_t size, struct str text);
/* The text of a member of a document's root; STR_NONE when there is none. */
struct str sandbox_member(const struct json_doc *doc, const char *name);
