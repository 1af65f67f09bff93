/* What Redis holds of a session, as text. Pure. */
#include <inttypes.h>
#include <string.h>

#include "runtime/session.h"

enum { SESSION_FIELDS = 14 };
#define SESSION_VERSION "s1"

bool
session_is_bound(const struct session *session)
{
    return session->student_id.len > 0;
}

struct str
session_encode(const struct session *s, struct arena *arena)
{
    return arena_printf(arena,
                        SESSION_VERSION "\t%.*s\t%.*s\t%.*s\t%" PRId64 "\t%" PRId64
                                        "\t%.*s\t%.*s\t%.*s\t%.*s\t%.*s\t%.*s\t%.*s\t%" PRId64,
                        STR_ARG(s->session_id), STR_ARG(s->account_id), STR_ARG(s->channel),
                        s->opened_at_ms, s->expires_at_ms, STR_ARG(s->openid_sealed),
                        STR_ARG(s->document_index), STR_ARG(s->student_id), STR_ARG(s->school_code),
                        STR_ARG(s->phone_index), STR_ARG(s->phone_sealed), STR_ARG(s->card_sealed),
                        s->identity_sequence);
}

bool
session_decode(struct str text, struct session *ret)
{
    struct str part[SESSION_FIELDS];
    uint64_t opened = 0;
    uint64_t expires = 0;
    uint64_t sequence = 0;
    if (text.len && memchr(text.ptr, '\0', text.len))
        return false; /* not text: it could not be written again as it is */
    for (size_t i = 0; i < SESSION_FIELDS; i++) {
        if (text.ptr == NULL)
            return false;
        part[i] = str_cut(&text, '\t');
    }
    if (text.ptr || !str_eq(part[0], STR(SESSION_VERSION)) || part[1].len == 0 ||
        part[2].len == 0 || !str_to_u64(part[4], INT64_MAX, &opened) ||
        !str_to_u64(part[5], INT64_MAX, &expires) || !str_to_u64(part[13], INT64_MAX, &sequence))
        return false;
    ret->session_id = part[1];
    ret->account_id = part[2];
    ret->channel = part[3];
    ret->opened_at_ms = (int64_t)opened;
    ret->expires_at_ms = (int64_t)expires;
    ret->openid_sealed = part[6];
    ret->document_index = part[7];
    ret->student_id = part[8];
    ret->school_code = part[9];
    ret->phone_index = part[10];
    ret->phone_sealed = part[11];
    ret->card_sealed = part[12];
    ret->identity_sequence = (int64_t)sequence;
    return true;
}
