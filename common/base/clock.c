#include "base/clock.h"

#include <stdio.h>
#include <string.h>
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

static void
clock_split(int64_t time_ms, struct tm *ret_tm)
{
    time_t seconds = (time_t)(time_ms / 1000);
    (void)gmtime_r(&seconds, ret_tm);
}

uint32_t
clock_china_date(int64_t now_ms)
{
    struct tm tm;
    clock_split(now_ms + CHINA_OFFSET_MS, &tm);
    return (uint32_t)((tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday);
}

const char *
clock_format_rfc3339(int64_t time_ms, char out[CLOCK_RFC3339_SIZE])
{
    struct tm tm;
    clock_split(time_ms, &tm);
    size_t length = strftime(out, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(out + length, CLOCK_RFC3339_SIZE - length, ".%03uZ",
                   (unsigned)(time_ms % 1000) % 1000u);
    return out;
}

bool
clock_parse_rfc3339(struct str text, int64_t *ret_time_ms)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    if (text.len < sizeof shape || text.len >= CLOCK_RFC3339_SIZE)
        return false;
    for (size_t i = 0; i + 1 < sizeof shape; i++) {
        bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (shape[i] == 'd' ? !digit : text.ptr[i] != shape[i])
            return false;
    }
    char copy[CLOCK_RFC3339_SIZE];
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    struct tm tm = {0};
    char *rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == NULL)
        return false;
    int64_t fraction_ms = 0;
    if (*rest == '.') {
        int64_t scale = 100;
        const char *digits = ++rest;
        for (; *rest >= '0' && *rest <= '9' && scale; rest++, scale /= 10)
            fraction_ms += (*rest - '0') * scale;
        if (rest == digits)
            return false;
    }
    if (strcmp(rest, "Z") != 0)
        return false;
    /* A day that does not exist comes back as another one. */
    char again[CLOCK_RFC3339_SIZE];
    int64_t time_ms = (int64_t)timegm(&tm) * 1000 + fraction_ms;
    if (time_ms < 0 || memcmp(clock_format_rfc3339(time_ms, again), copy, sizeof shape - 1) != 0)
        return false;
    *ret_time_ms = time_ms;
    return true;
}
