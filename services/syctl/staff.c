/*
 * Accounts of staff: made, listed, disabled, given new secrets. Password and one-time-code secret
 * are printed once and stored sealed; neither is ever an argument, where everybody on the machine
 * could read it. Every change is a row of the audit in the same transaction.
 */
#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "io/password.h"
#include "io/pg.h"
#include "io/seal.h"
#include "runtime/staff.h"
#include "schema/staff_account.h"
#include "services/syctl/command.h"
#include "syctl_sql.h"

enum { STAFF_TIMEOUT_MS = 10000, SECRET_LINE_MAX = 256, GENERATED_LENGTH = 20, TEXT_MAX = 64 };

struct desk {
    struct syctl *ctl;
    struct pg *pg;
    struct keyring *keyring;
    struct sealer *sealer;
};

/* What an account lets itself be known by; wiped when it has been told. */
struct secrets {
    char password[STAFF_PASSWORD_MAX + 1];
    unsigned char totp[TOTP_SECRET_SIZE];
};

static int
desk_run(struct syctl *ctl, const char *what, enum err_code (*work)(struct desk *, struct err *))
{
    struct desk desk = {.ctl = ctl};
    struct err err = {0};
    if (!syctl_locate(ctl, SYCTL_STAFF | SYCTL_KEYS))
        return 2;
    desk.pg = pg_new(&(struct pg_conf){ctl->staffing_dsn, "syctl", STAFF_TIMEOUT_MS, PG_ANY_WAY});
    enum err_code code = keyring_load(ctl->keys_file, &desk.keyring, &err);
    if (code == ERR_OK) {
        desk.sealer = sealer_new(desk.keyring);
        code = work(&desk, &err);
    }
    sealer_free(desk.sealer);
    keyring_free(desk.keyring);
    pg_free(desk.pg);
    return code ? syctl_fail(ctl, what, &err) : 0;
}

/* --- secrets --- */

/* 20 of 32 characters that cannot be taken for each other: 100 bits. Some of each kind, so that the
 * policy takes it whatever comes. */
static void
password_generate(char out[STAFF_PASSWORD_MAX + 1])
{
    static const char alphabet[] = "abcdefghjkmnpqrstuvwxyz23456789-";
    unsigned char bytes[GENERATED_LENGTH];
    do {
        crypto_random(bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++)
            out[i] = alphabet[bytes[i] % 32];
        out[sizeof bytes] = '\0';
    } while (staff_password_refusal(str_of(out), STR_NONE));
    crypto_wipe(bytes, sizeof bytes);
}

/* Of standard input's first line with --password-stdin, else a generated one. */
static enum err_code
secrets_make(const struct syctl *ctl, struct secrets *secrets, struct err *err)
{
    crypto_random(secrets->totp, sizeof secrets->totp);
    if (syctl_option(ctl, "password-stdin") == NULL) {
        password_generate(secrets->password);
        return ERR_OK;
    }
    if (fgets(secrets->password, sizeof secrets->password, stdin) == NULL)
        return ERR(err, ERR_INVALID, "no password on standard input");
    secrets->password[strcspn(secrets->password, "\r\n")] = '\0';
    const char *refusal = staff_password_refusal(str_of(secrets->password), str_of(ctl->args[0]));
    return refusal ? ERR(err, ERR_INVALID, "%s", refusal) : ERR_OK;
}

struct sealed {
    struct str password;
    struct str totp;
};

static struct sealed
secrets_seal(struct desk *desk, const struct secrets *secrets, struct str staff_id)
{
    char verifier[PASSWORD_VERIFIER_SIZE];
    char totp[2 * TOTP_SECRET_SIZE + 1];
    struct arena *arena = desk->ctl->arena;
    password_verifier(str_of(secrets->password), verifier);
    hex_encode(secrets->totp, sizeof secrets->totp, totp);
    struct sealed sealed = {
        seal_text(desk->sealer, str_of(verifier),
                  arena_printf(arena, "staff-password/%.*s", STR_ARG(staff_id)), arena),
        seal_text(desk->sealer, str_of(totp),
                  arena_printf(arena, "staff-totp/%.*s", STR_ARG(staff_id)), arena),
    };
    crypto_wipe(verifier, sizeof verifier);
    crypto_wipe(totp, sizeof totp);
    return sealed;
}

static void
secrets_print(const struct syctl *ctl, const struct secrets *secrets)
{
    char base32[TOTP_BASE32_SIZE];
    struct buf out;
    totp_base32(secrets->totp, base32);
    buf_init(&out, 4096);
    if (ctl->json) {
        struct jsonw w = jsonw_on(&out);
        jsonw_object_open(&w);
        jsonw_member_text(&w, "account", ctl->args[0]);
        jsonw_member_text(&w, "password", secrets->password);
        jsonw_member_text(&w, "one_time_code_secret", base32);
        jsonw_object_close(&w);
    } else {
        buf_printf(&out,
                   "account                %s\npassword               %s\n"
                   "one-time-code secret   %s\n"
                   "otpauth://totp/shengyuan:%s?secret=%s&issuer=shengyuan\n"
                   "Shown once. Give each to its person by a way of its own.",
                   ctl->args[0], secrets->password, base32, ctl->args[0], base32);
    }
    syctl_print(&out);
    crypto_wipe(out.ptr, out.len);
    crypto_wipe(base32, sizeof base32);
    buf_done(&out);
}

/* --- changes --- */

/* The statement and its row of the audit, or neither. */
static enum err_code
change(struct desk *desk, const struct pg_statement *statement, const struct pg_param *params,
       size_t count, const char *action, struct str staff_id, struct str detail, struct err *err)
{
    const struct pg_param audit[] = {PG_STR(str_of(action)), PG_STR(staff_id), PG_STR(detail)};
    enum err_code code = pg_begin(desk->pg, err);
    if (code)
        return code;
    code = pg_exec(desk->pg, statement, params, count, NULL, err);
    if (code == ERR_OK)
        code = pg_exec(desk->pg, &SQL_AUDIT_APPEND, audit, 3, NULL, err);
    if (code == ERR_OK)
        return pg_commit(desk->pg, err);
    pg_rollback(desk->pg);
    return code;
}

static enum err_code
staff_find(struct desk *desk, struct str *ret_staff_id, struct err *err)
{
    CLEANUP(pg_result_free) struct pg_result *result = NULL;
    const struct pg_param params[] = {PG_STR(str_of(desk->ctl->args[0]))};
    enum err_code code = pg_exec(desk->pg, &SQL_STAFF_FIND, params, 1, &result, err);
    if (code == ERR_OK && pg_rows(result) == 0)
        code = ERR(err, ERR_NOT_FOUND, "no such account; HINT: syctl staff list");
    if (code == ERR_OK)
        *ret_staff_id = arena_copy(desk->ctl->arena, pg_str(result, 0, 0));
    return code;
}

static struct str
option_text(const struct syctl *ctl, const char *name)
{
    const char *text = syctl_option(ctl, name);
    return text ? str_of(text) : STR("");
}

/* Role, school and college have to fit each other; the database says the same. */
static enum err_code
place_check(const struct syctl *ctl, struct err *err)
{
    enum staff_role role;
    struct str name = option_text(ctl, "name");
    struct str school = option_text(ctl, "school");
    struct str college = option_text(ctl, "college");
    if (!staff_account_valid(str_of(ctl->args[0])))
        return ERR(
            err, ERR_INVALID,
            "an account has 3 to 32 of a-z, 0-9, '.', '_', '-', the first a letter or digit");
    if (!staff_role_parse(option_text(ctl, "role"), &role))
        return ERR(err, ERR_INVALID, "--role is counsellor, college, school or province");
    if (name.len == 0 || name.len > TEXT_MAX || !utf8_valid(name))
        return ERR(err, ERR_INVALID, "--name says who it is, in up to %d bytes of UTF-8", TEXT_MAX);
    if (school.len > TEXT_MAX || college.len > TEXT_MAX || !utf8_valid(school) ||
        !utf8_valid(college))
        return ERR(err, ERR_INVALID, "--school and --college have up to %d bytes of UTF-8",
                   TEXT_MAX);
    bool needs_college = role == STAFF_COUNSELLOR || role == STAFF_COLLEGE;
    if ((school.len > 0) != (role != STAFF_PROVINCE) || (college.len > 0) != needs_college)
        return ERR(err, ERR_INVALID,
                   "counsellor and college have --school and --college, school has --school, "
                   "province neither");
    return ERR_OK;
}

static enum err_code
add(struct desk *desk, struct err *err)
{
    const struct syctl *ctl = desk->ctl;
    struct secrets secrets;
    char id[SUBMISSION_ID_SIZE];
    enum err_code code = place_check(ctl, err);
    if (code == ERR_OK)
        code = secrets_make(ctl, &secrets, err);
    if (code)
        return code;
    uuid_random(id);
    struct sealed sealed = secrets_seal(desk, &secrets, str_of(id));
    const struct pg_param params[] = {
        PG_STR(str_of(id)),
        PG_STR(str_of(ctl->args[0])),
        PG_STR(option_text(ctl, "name")),
        PG_STR(option_text(ctl, "role")),
        PG_STR(option_text(ctl, "school")),
        PG_STR(option_text(ctl, "college")),
        PG_STR(sealed.password),
        PG_STR(sealed.totp),
    };
    struct str detail = arena_printf(ctl->arena, "{\"role\": \"%s\"}", syctl_option(ctl, "role"));
    code = change(desk, &SQL_STAFF_ADD, params, 8, "staff.add", str_of(id), detail, err);
    if (code == ERR_DUPLICATE)
        code = ERR(err, ERR_DUPLICATE, "there is such an account; HINT: syctl staff reset");
    if (code == ERR_OK)
        secrets_print(ctl, &secrets);
    crypto_wipe(&secrets, sizeof secrets);
    return code;
}

/* All of its sessions, in Redis. The account is closed already: who logs in at this moment looks at
 * it again behind his own session. */
static enum err_code
sessions_end(struct desk *desk, struct str staff_id, size_t *ret_ended, struct err *err)
{
    struct syctl *ctl = desk->ctl;
    struct redis *redis = NULL;
    enum err_code code =
        redis_new(&(struct redis_conf){ctl->redis_url, ctl->redis_password_file, STAFF_TIMEOUT_MS},
                  &redis, err);
    if (code == ERR_OK)
        code = staff_sessions_end(redis, staff_id, NULL, ctl->arena, ret_ended, err);
    redis_free(redis);
    return code;
}

static enum err_code
disable(struct desk *desk, struct err *err)
{
    struct str staff_id = STR_NONE;
    size_t ended = 0;
    enum err_code code = staff_find(desk, &staff_id, err);
    const struct pg_param params[] = {PG_STR(staff_id)};
    if (code == ERR_OK)
        code =
            change(desk, &SQL_STAFF_DISABLE, params, 1, "staff.disable", staff_id, STR("{}"), err);
    if (code)
        return code;
    struct err left = {0};
    if (sessions_end(desk, staff_id, &ended, &left))
        return ERR(err, left.code,
                   "the account is disabled, its sessions are not ended (%s); HINT: again when "
                   "Redis is there",
                   left.text);
    printf(desk->ctl->json ? "{\"account\": \"%s\", \"sessions_ended\": %zu}\n"
                           : "%s is disabled, %zu sessions ended\n",
           desk->ctl->args[0], ended);
    return ERR_OK;
}

static enum err_code
reset(struct desk *desk, struct err *err)
{
    struct secrets secrets;
    struct str staff_id = STR_NONE;
    size_t ended = 0;
    enum err_code code = staff_find(desk, &staff_id, err);
    if (code == ERR_OK)
        code = secrets_make(desk->ctl, &secrets, err);
    if (code)
        return code;
    struct sealed sealed = secrets_seal(desk, &secrets, staff_id);
    const struct pg_param params[] = {PG_STR(staff_id), PG_STR(sealed.password),
                                      PG_STR(sealed.totp)};
    code = change(desk, &SQL_STAFF_RESET, params, 3, "staff.reset", staff_id, STR("{}"), err);
    if (code == ERR_OK)
        code = sessions_end(desk, staff_id, &ended, err);
    if (code == ERR_OK)
        secrets_print(desk->ctl, &secrets);
    crypto_wipe(&secrets, sizeof secrets);
    return code;
}

/* --- the list --- */

static enum err_code
list(struct desk *desk, struct err *err)
{
    static const char *const members[] = {"account",      "name",         "role",
                                          "school_code",  "college",      "state",
                                          "failed_count", "logged_in_at", "created_at"};
    enum { MEMBERS = sizeof members / sizeof members[0] };
    CLEANUP(pg_result_free) struct pg_result *result = NULL;
    struct buf out;
    enum err_code code = pg_exec(desk->pg, &SQL_STAFF_LIST, NULL, 0, &result, err);
    if (code)
        return code;
    buf_init(&out, (size_t)64 * 1024 * 1024);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    jsonw_key(&w, "staff");
    jsonw_array_open(&w);
    for (size_t row = 0; row < pg_rows(result); row++) {
        jsonw_object_open(&w);
        for (int i = 0; i < MEMBERS; i++)
            jsonw_member(&w, members[i], pg_str(result, row, i));
        jsonw_object_close(&w);
        if (!desk->ctl->json)
            printf("%-20.*s %-10.*s %-9.*s %-8.*s %.*s  %.*s\n", STR_ARG(pg_str(result, row, 0)),
                   STR_ARG(pg_str(result, row, 2)), STR_ARG(pg_str(result, row, 5)),
                   STR_ARG(pg_str(result, row, 3)), STR_ARG(pg_str(result, row, 1)),
                   STR_ARG(pg_str(result, row, 4)));
    }
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    if (desk->ctl->json)
        syctl_print(&out);
    buf_done(&out);
    return ERR_OK;
}

int
staff_add_run(struct syctl *ctl)
{
    return desk_run(ctl, "staff add", add);
}

int
staff_list_run(struct syctl *ctl)
{
    return desk_run(ctl, "staff list", list);
}

int
staff_disable_run(struct syctl *ctl)
{
    return desk_run(ctl, "staff disable", disable);
}

int
staff_reset_run(struct syctl *ctl)
{
    return desk_run(ctl, "staff reset", reset);
}
