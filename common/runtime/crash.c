#include "runtime/crash.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

enum { CRASH_TIMES_MAX = 1000000 };

static enum crash_point armed;
static atomic_uint_fast64_t passes_left;

enum err_code
crash_arm(const char *spec, const char *profile, struct err *err)
{
    static const struct {
        const char *name;
        enum crash_point point;
    } rows[] = {
#define X(id, name, meaning) {(name), id},
        CRASH_POINTS(X)
#undef X
    };
    struct str times = str_of(spec);
    struct str name = str_cut(&times, ':');
    uint64_t count = 1;
    if (name.len == 0)
        return ERR_OK;
    if (strcmp(profile, "demo") != 0)
        return ERR(err, ERR_CONFIG, "crash-point is for profile demo only; HINT: leave it out");
    if (times.ptr && (!str_to_u64(times, CRASH_TIMES_MAX, &count) || count == 0))
        return ERR(err, ERR_CONFIG, "crash-point '%s' is not NAME or NAME:N", spec);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!str_eq_text(name, rows[i].name))
            continue;
        armed = rows[i].point;
        atomic_store(&passes_left, count);
        return ERR_OK;
    }
    return ERR(err, ERR_CONFIG, "no crash-point '%.*s'; HINT: common/runtime/crash.h",
               STR_ARG(name));
}

void
crash_at(enum crash_point point)
{
    if (armed == point && atomic_fetch_sub(&passes_left, 1) == 1)
        (void)kill(getpid(), SIGKILL);
}
