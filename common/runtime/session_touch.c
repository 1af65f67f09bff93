/* Which sessions a thread touched lately (session.h). */
#include <stdlib.h>
#include <string.h>

#include "runtime/session.h"

enum { TOUCHES = 4096, TOUCH_TAG_SIZE = 24, TOUCH_PAUSE_MS_MAX = 60000 };

struct session_touches {
    struct {
        char hash[TOUCH_TAG_SIZE]; /* begins like this */
        int64_t until_ms;
    } rows[TOUCHES];
};

struct session_touches *
session_touches_new(void)
{
    return mem_zalloc(sizeof(struct session_touches));
}

void
session_touches_free(struct session_touches *touches)
{
    free(touches);
}

/* One row for all hashes that begin alike: who is pushed out is touched once more than needed. */
static size_t
touch_row(const char *hash)
{
    size_t row = 0;
    for (size_t i = 0; i < 3; i++)
        row = row << 4 | (size_t)(hash[i] <= '9' ? hash[i] - '0' : hash[i] - 'a' + 10);
    return row % TOUCHES;
}

bool
session_touch_due(const struct session_touches *touches, const char *hash, int64_t now_ms)
{
    size_t row = touch_row(hash);
    return now_ms >= touches->rows[row].until_ms ||
           memcmp(touches->rows[row].hash, hash, TOUCH_TAG_SIZE) != 0;
}

void
session_touched(struct session_touches *touches, const char *hash, int64_t now_ms, unsigned idle_s)
{
    size_t row = touch_row(hash);
    int64_t pause_ms = (int64_t)idle_s * 1000 / 16;
    memcpy(touches->rows[row].hash, hash, TOUCH_TAG_SIZE);
    touches->rows[row].until_ms =
        now_ms + (pause_ms < TOUCH_PAUSE_MS_MAX ? pause_ms : TOUCH_PAUSE_MS_MAX);
}
