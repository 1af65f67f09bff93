#include "runtime/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/trace.h"

enum { DEAD_LETTER_HEADERS_MAX = 64, DEAD_LETTER_VALUE_MAX = 512 * 1024, TOPIC_NAME_MAX = 256 };

void
event_headers(struct event_envelope *envelope, int64_t now_ms)
{
    (void)clock_format_rfc3339(now_ms, envelope->time);
    const struct kafka_header headers[EVENT_HEADER_COUNT] = {
        {"ce_specversion", STR("1.0")},          {"ce_id", envelope->id},
        {"ce_source", str_of(envelope->source)}, {"ce_type", str_of(envelope->type)},
        {"ce_time", str_of(envelope->time)},     {"content-type", STR("application/json")},
        {"traceparent", envelope->traceparent},
    };
    memcpy(envelope->headers, headers, sizeof headers);
}

enum err_code
event_check(const struct kafka_record *record, const char *type, struct err *err)
{
    /* In the order of event_headers. */
    enum { SPECVERSION, ID, SOURCE, TYPE, TIME, CONTENT_TYPE, CHECKED };
    static const char *const names[CHECKED] = {"ce_specversion", "ce_id",   "ce_source",
                                               "ce_type",        "ce_time", "content-type"};
    struct str texts[CHECKED];
    int64_t time_ms;
    kafka_record_headers_find(record, names, CHECKED, texts);
    if (!str_eq(texts[SPECVERSION], STR("1.0")))
        return ERR(err, ERR_INVALID, "header ce_specversion is not 1.0");
    if (!str_eq_text(texts[TYPE], type))
        return ERR(err, ERR_INVALID, "header ce_type is not %s", type);
    if (texts[ID].len == 0)
        return ERR(err, ERR_INVALID, "header ce_id is missing");
    if (texts[SOURCE].len == 0)
        return ERR(err, ERR_INVALID, "header ce_source is missing");
    if (!clock_parse_rfc3339(texts[TIME], &time_ms))
        return ERR(err, ERR_INVALID, "header ce_time is not a time");
    if (!str_eq(texts[CONTENT_TYPE], STR("application/json")))
        return ERR(err, ERR_INVALID, "header content-type is not application/json");
    return ERR_OK;
}

struct str
event_traceparent(const struct kafka_record *record)
{
    struct str text = kafka_record_header(record, "traceparent");
    return traceparent_valid(text) ? text : STR_NONE;
}

void
event_offset_jump(const char *topic, int32_t partition, int64_t expected, int64_t found, void *ctx)
{
    (void)ctx;
    bool forward = found > expected;
    metric_add(METRIC_sy_offset_jumps_total, forward ? (double)(found - expected) : 1, topic,
               forward ? "forward" : "back", NULL);
    log_event(LOG_ERROR, forward ? "messages are missing" : "topic begins anew",
              LOG_TEXT("topic", topic), LOG_INT("partition", partition),
              LOG_INT("expected", expected), LOG_INT("found", found));
}

enum err_code
dead_letter_send(struct kafka_producer *producer, const struct kafka_record *record,
                 const char *reason, const char *text, void *message_ctx, struct err *err)
{
    struct kafka_header headers[DEAD_LETTER_HEADERS_MAX];
    char topic[TOPIC_NAME_MAX];
    char partition[16];
    char offset[24];
    char time[CLOCK_RFC3339_SIZE];
    struct str value = record->tombstone ? STR_NONE : record->value.len ? record->value : STR("");
    /* Larger than any message of ours, and than what the client sends: its beginning tells whose it
     * was, the origin where all of it is. */
    if (value.len > DEAD_LETTER_VALUE_MAX)
        value.len = DEAD_LETTER_VALUE_MAX;
    size_t count = kafka_record_headers(record, headers, DEAD_LETTER_HEADERS_MAX - 6);
    (void)snprintf(topic, sizeof topic, "%s.dlq", record->topic);
    (void)snprintf(partition, sizeof partition, "%" PRId32, record->partition);
    (void)snprintf(offset, sizeof offset, "%" PRId64, record->offset);
    headers[count++] = (struct kafka_header){"dlq_reason", str_of(reason)};
    headers[count++] = (struct kafka_header){"dlq_error", str_of(text)};
    headers[count++] = (struct kafka_header){"dlq_topic", str_of(record->topic)};
    headers[count++] = (struct kafka_header){"dlq_partition", str_of(partition)};
    headers[count++] = (struct kafka_header){"dlq_offset", str_of(offset)};
    headers[count++] =
        (struct kafka_header){"dlq_time", str_of(clock_format_rfc3339(clock_now_ms(), time))};
    metric_count(METRIC_sy_dead_letters_total, record->topic, reason);
    return kafka_producer_send(producer,
                               &(struct kafka_message){
                                   .topic = topic,
                                   .key = record->key,
                                   .value = value,
                                   .headers = headers,
                                   .header_count = count,
                                   .message_ctx = message_ctx,
                               },
                               err);
}
