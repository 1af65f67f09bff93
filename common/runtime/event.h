/*
 * The envelope of every message: CloudEvents 1.0 in Kafka's binary mode, and traceparent. Writes
 * the header fields of a message and checks those of a received one.
 */
#pragma once

#include "io/kafka.h"

enum { EVENT_HEADER_COUNT = 7 };

struct event_envelope {
    struct str id;      /* unique per event: the submission id, the outbox row's event id */
    const char *type;   /* cn.shengyuan.… */
    const char *source; /* "/intake" */
    struct str traceparent;
    char time[32];
    struct kafka_header headers[EVENT_HEADER_COUNT];
};

/* Fills `headers` from the other members; the envelope must outlive the send call. */
void event_headers(struct event_envelope *envelope, int64_t now_ms);
/* ERR_INVALID with what is wrong unless it is a CloudEvent 1.0 of this type carrying JSON. */
enum err_code event_check(const struct kafka_record *record, const char *type,
                          struct err *err) MUST_CHECK;
/* traceparent of a message when well-formed, else STR_NONE. */
struct str event_traceparent(const struct kafka_record *record);

/* on_jump of a consumer: what is missing is told loudly, and counted. */
void event_offset_jump(const char *topic, int32_t partition, int64_t expected, int64_t found,
                       void *ctx);

/* Moves a message to `<topic>.dlq`: key, value and header fields as they came, and dlq_* behind.
 * Sent only; the caller waits for delivery with a flush or by message_ctx. */
enum err_code dead_letter_send(struct kafka_producer *producer, const struct kafka_record *record,
                               const char *reason, const char *text, void *message_ctx,
                               struct err *err) MUST_CHECK;
