#include "base/clock.h"

#include <time.h>

enum { CHINA_OFFSET_MS = 8 * 3600 * 1000 };

int64_t
clock_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t
clock_mono_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void
clock_pause_ms(unsigned ms)
{
    struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
}

void
clock_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(cond, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

bool
clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t ms)
{
    uint64_t until_ns = clock_mono_ns() + ms * 1000000;
    struct timespec until = {(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};
    return pthread_cond_timedwait(cond, lock, &until) == 0;
}

enum { DAY_S = 86400 };

/* gmtime_r takes a lock and looks for a time zone; this is arithmetic. Days are counted from
 * 0000-03-01, so that a leap day is the last of its year (Gregorian rule, 400 years = 146097 days).
 * For times from 1970 on. */
static void
clock_split(int64_t time_ms, struct tm *ret_tm)
{
    int64_t seconds = time_ms / 1000;
    int64_t days = seconds / DAY_S + 719468;
    int second = (int)(seconds % DAY_S);
    int64_t era = days / 146097;
    int day_of_era = (int)(days % 146097);
    int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month = (5 * day_of_year + 2) / 153; /* 0: March */
    int year = (int)era * 400 + year_of_era + (month >= 10);
    *ret_tm = (struct tm){
        .tm_year = year - 1900,
        .tm_mon = month < 10 ? month + 2 : month - 10,
        .tm_mday = day_of_year - (153 * month + 2) / 5 + 1,
        .tm_hour = second / 3600,
        .tm_min = second / 60 % 60,
        .tm_sec = second % 60,
    };
}

/* The inverse: seconds since 1970. */
static int64_t
clock_join(const struct tm *tm)
{
    int64_t year = tm->tm_year + 1900 - (tm->tm_mon < 2);
    int month = tm->tm_mon < 2 ? tm->tm_mon + 10 : tm->tm_mon - 2;
    int64_t year_of_era = year % 400;
    int64_t day_of_year = (153 * month + 2) / 5 + tm->tm_mday - 1;
    int64_t days = year / 400 * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
                   day_of_year - 719468;
    return days * DAY_S + (int64_t)tm->tm_hour * 3600 + tm->tm_min * 60 + tm->tm_sec;
}

uint32_t
clock_china_date(int64_t now_ms)
{
    struct tm tm;
    clock_split(now_ms + CHINA_OFFSET_MS, &tm);
    return (uint32_t)((tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday);
}

/* Writes `value` with leading zeros and returns the place behind it. */
static char *
put_digits(char *out, unsigned value, unsigned width)
{
    for (unsigned i = width; i-- > 0; value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + width;
}

const char *
clock_format_rfc3339(int64_t time_ms, char out[CLOCK_RFC3339_SIZE])
{
    struct tm tm;
    clock_split(time_ms, &tm);
    const struct {
        int value;
        unsigned width;
        char behind;
    } parts[] = {
        {tm.tm_year + 1900, 4, '-'},
        {tm.tm_mon + 1, 2, '-'},
        {tm.tm_mday, 2, 'T'},
        {tm.tm_hour, 2, ':'},
        {tm.tm_min, 2, ':'},
        {tm.tm_sec, 2, '.'},
        {(int)(time_ms % 1000), 3, 'Z'},
    };
    char *at = out;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        at = put_digits(at, (unsigned)parts[i].value, parts[i].width);
        *at++ = parts[i].behind;
    }
    *at = '\0';
    return out;
}

static int
take_digits(const char *from, unsigned width)
{
    int value = 0;
    for (unsigned i = 0; i < width; i++)
        value = value * 10 + (from[i] - '0');
    return value;
}

static bool
tm_exists(const struct tm *tm)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = tm->tm_year + 1900;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (tm->tm_mon < 0 || tm->tm_mon > 11)
        return false;
    return tm->tm_mday >= 1 && tm->tm_mday <= days[tm->tm_mon] + (leap && tm->tm_mon == 1) &&
           tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

/* ".123Z" or "Z"; at most three digits. */
static bool
parse_fraction(struct str text, int64_t *ret_ms)
{
    size_t digits = text.len > 2 ? text.len - 2 : 0;
    *ret_ms = 0;
    if (text.len == 0 || text.ptr[text.len - 1] != 'Z')
        return false;
    if (text.len == 1)
        return true;
    if (text.ptr[0] != '.' || digits < 1 || digits > 3 ||
        !str_is_digits((struct str){text.ptr + 1, digits}))
        return false;
    *ret_ms = take_digits(text.ptr + 1, (unsigned)digits);
    for (size_t i = digits; i < 3; i++)
        *ret_ms *= 10;
    return true;
}

bool
clock_parse_rfc3339(struct str text, int64_t *ret_time_ms)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    enum { SHAPE_LENGTH = sizeof shape - 1 };
    int64_t fraction_ms;
    if (text.len <= SHAPE_LENGTH || text.len >= CLOCK_RFC3339_SIZE)
        return false;
    for (size_t i = 0; i < SHAPE_LENGTH; i++) {
        bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (shape[i] == 'd' ? !digit : text.ptr[i] != shape[i])
            return false;
    }
    if (!parse_fraction((struct str){text.ptr + SHAPE_LENGTH, text.len - SHAPE_LENGTH},
                        &fraction_ms))
        return false;
    struct tm tm = {
        .tm_year = take_digits(text.ptr, 4) - 1900,
        .tm_mon = take_digits(text.ptr + 5, 2) - 1,
        .tm_mday = take_digits(text.ptr + 8, 2),
        .tm_hour = take_digits(text.ptr + 11, 2),
        .tm_min = take_digits(text.ptr + 14, 2),
        .tm_sec = take_digits(text.ptr + 17, 2),
    };
    if (!tm_exists(&tm) || tm.tm_year < 70)
        return false;
    *ret_time_ms = clock_join(&tm) * 1000 + fraction_ms;
    return true;
}
