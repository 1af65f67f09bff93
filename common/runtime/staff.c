/* What a staff session says, pure (staff.h). */
#include "runtime/staff.h"

#include <inttypes.h>
#include <string.h>

#include "io/crypto.h"

enum { STAFF_FIELDS = 9 };
#define STAFF_VERSION "f1"

static const char *const role_names[STAFF_ROLE_COUNT_] = {
    [STAFF_COUNSELLOR] = "counsellor",
    [STAFF_COLLEGE] = "college",
    [STAFF_SCHOOL] = "school",
    [STAFF_PROVINCE] = "province",
};

const char *
staff_role_name(enum staff_role role)
{
    return role_names[role];
}

bool
staff_role_parse(struct str name, enum staff_role *ret_role)
{
    for (unsigned i = 0; i < STAFF_ROLE_COUNT_; i++) {
        if (!str_eq_text(name, role_names[i]))
            continue;
        *ret_role = (enum staff_role)i;
        return true;
    }
    return false;
}

/* An empty school or college of somebody who has to have one covers nothing. */
bool
staff_covers(const struct staff *staff, struct str school_code, struct str college)
{
    bool school = staff->school_code.len && str_eq(staff->school_code, school_code);
    switch (staff->role) {
    case STAFF_PROVINCE:
        return true;
    case STAFF_SCHOOL:
        return school;
    case STAFF_COLLEGE:
    case STAFF_COUNSELLOR:
        return school && staff->college.len && str_eq(staff->college, college);
    case STAFF_ROLE_COUNT_:
        break;
    }
    return false;
}

void
staff_csrf(struct str token, char ret_csrf[STAFF_CSRF_SIZE])
{
    unsigned char digest[SHA256_SIZE];
    crypto_hmac_sha256(token, STR("csrf"), digest);
    hex_encode(digest, sizeof digest, ret_csrf);
}

struct str
cookie_value(struct str header, const char *name)
{
    struct str found = STR_NONE;
    while (header.len) {
        struct str value = str_cut(&header, ';');
        while (value.len && value.ptr[0] == ' ')
            value = (struct str){value.ptr + 1, value.len - 1};
        if (!str_eq_text(str_cut(&value, '='), name))
            continue;
        if (found.ptr)
            return STR_NONE; /* one of them was put there by somebody else */
        found = value;
    }
    return found;
}

struct str
staff_encode(const struct staff *s, struct arena *arena)
{
    return arena_printf(
        arena, STAFF_VERSION "\t%.*s\t%.*s\t%s\t%.*s\t%.*s\t%" PRId64 "\t%" PRId64 "\t%.*s",
        STR_ARG(s->session_id), STR_ARG(s->staff_id), staff_role_name(s->role),
        STR_ARG(s->school_code), STR_ARG(s->college), s->opened_at_ms, s->expires_at_ms,
        STR_ARG(s->who_sealed));
}

bool
staff_decode(struct str text, struct staff *ret)
{
    struct str part[STAFF_FIELDS];
    uint64_t opened = 0;
    uint64_t expires = 0;
    if (text.len && memchr(text.ptr, '\0', text.len))
        return false;
    for (size_t i = 0; i < STAFF_FIELDS; i++) {
        if (text.ptr == NULL)
            return false;
        part[i] = str_cut(&text, '\t');
    }
    if (text.ptr || !str_eq(part[0], STR(STAFF_VERSION)) || part[1].len == 0 || part[2].len == 0 ||
        !staff_role_parse(part[3], &ret->role) || !str_to_u64(part[6], INT64_MAX, &opened) ||
        !str_to_u64(part[7], INT64_MAX, &expires) || part[8].len == 0)
        return false;
    ret->session_id = part[1];
    ret->staff_id = part[2];
    ret->school_code = part[4];
    ret->college = part[5];
    ret->opened_at_ms = (int64_t)opened;
    ret->expires_at_ms = (int64_t)expires;
    ret->who_sealed = part[8];
    return true;
}

struct str
staff_seal_context(struct str staff_id, struct arena *arena)
{
    return arena_printf(arena, "staff/%.*s", STR_ARG(staff_id));
}

bool
staff_read(const struct session_look *look, int64_t now_ms, struct sealer *sealer,
           struct arena *arena, struct staff *ret_staff)
{
    struct staff staff = {0};
    struct str who = STR_NONE;
    struct err err = {0};
    if (!staff_decode(look->record, &staff) || now_ms >= staff.expires_at_ms ||
        seal_open(sealer, staff.who_sealed, staff_seal_context(staff.staff_id, arena), arena, &who,
                  &err))
        return false;
    memcpy(staff.hash, look->hash, sizeof staff.hash);
    staff.account = str_cut(&who, '\t');
    staff.name = who;
    *ret_staff = staff;
    return true;
}

struct staff *
staff_copy(const struct staff *staff, struct arena *arena)
{
    struct staff *copy = arena_alloc(arena, sizeof *copy);
    struct str *const texts[] = {
        &copy->staff_id, &copy->account,    &copy->name,       &copy->school_code,
        &copy->college,  &copy->session_id, &copy->who_sealed,
    };
    *copy = *staff;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = arena_copy(arena, *texts[i]);
    return copy;
}
