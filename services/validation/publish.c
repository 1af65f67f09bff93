#include "services/validation/publish.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/limits.h"
#include "runtime/event.h"
#include "runtime/service.h"
#include "runtime/trace.h"

enum {
    POLL_MS = 250,
    WARM_TIMEOUT_MS = 2000,
    PUBLISH_WAIT_MS = 10000,
    DELIVERY_TIMEOUT_MS = 8000,
    PRODUCER_QUEUE = 100000,
};

struct publisher {
    struct kafka_producer *producer;
    struct buf encoded;        /* one judgement at a time, on its way to Kafka */
    atomic_size_t undelivered; /* failures among the messages published last */
    struct pulse *pulse;
};

static void
on_delivered(void *message_ctx, enum err_code code, int32_t partition, int64_t offset, void *ctx)
{
    struct publisher *publisher = ctx;
    bool *delivered = message_ctx;
    (void)partition;
    (void)offset;
    *delivered = code == ERR_OK;
    if (code)
        atomic_fetch_add(&publisher->undelivered, 1);
}

static enum err_code
publish_judgement(struct publisher *publisher, const struct item *item, bool *delivered,
                  struct err *err)
{
    struct trace trace;
    trace_begin(&trace, item->traceparent);
    struct event_envelope envelope = {
        .id = item->message.submission_id,
        .type = TYPE_SUBMISSION_JUDGED,
        .source = "/validation",
        .traceparent = trace_parent(&trace),
    };
    const struct submission_judged message = {
        .submission_id = item->message.submission_id,
        .student_id = item->message.student_id,
        .campaign_id = item->message.campaign_id,
        .revision = item->revision,
        .outcome = item->accepted ? STR("accepted") : STR("rejected"),
        .judged_at_ms = item->judged_at_ms,
        .findings = item->findings,
    };
    buf_reset(&publisher->encoded);
    submission_judged_encode(&message, &publisher->encoded);
    event_headers(&envelope, item->judged_at_ms);
    const struct kafka_message out = {
        .topic = TOPIC_SUBMISSION_JUDGED,
        .key = item->message.student_id,
        .value = buf_str(&publisher->encoded),
        .headers = envelope.headers,
        .header_count = EVENT_HEADER_COUNT,
        .message_ctx = delivered,
    };
    return kafka_producer_send(publisher->producer, &out, err);
}

static bool
has_news(const struct item *item)
{
    return item->state == ITEM_DEAD || item->publish;
}

/* Until everything is reported; a stopping process does not wait for a broker that is away. */
static enum err_code
wait_for_reports(struct publisher *publisher, struct err *err)
{
    enum err_code code = ERR_OK;
    for (unsigned waited_ms = 0; waited_ms < PUBLISH_WAIT_MS; waited_ms += POLL_MS) {
        code = kafka_producer_flush(publisher->producer, POLL_MS, err);
        if (code == ERR_OK || service_stopping())
            break;
        progress_beat(publisher->pulse);
    }
    return code;
}

enum err_code
publisher_send(struct publisher *publisher, const struct kafka_batch *batch,
               const struct item *items, bool *delivered, struct err *err)
{
    size_t count = kafka_batch_count(batch);
    atomic_store(&publisher->undelivered, 0);
    for (size_t i = 0; i < count; i++) {
        enum err_code code = ERR_OK;
        if (delivered[i] || !has_news(&items[i]))
            continue;
        if (items[i].state == ITEM_DEAD)
            code = dead_letter_send(publisher->producer, kafka_batch_record(batch, i),
                                    items[i].reason, items[i].text, &delivered[i], err);
        else
            code = publish_judgement(publisher, &items[i], &delivered[i], err);
        if (code == ERR_BUSY) {
            code = wait_for_reports(publisher, err);
            if (code)
                return code;
            i--; /* the queue has room again: the same one once more */
            continue;
        }
        if (code)
            return code;
    }
    enum err_code code = wait_for_reports(publisher, err);
    if (code)
        return code;
    size_t failed = atomic_load(&publisher->undelivered);
    return failed ? ERR(err, ERR_UNAVAILABLE, "%zu messages were not delivered", failed) : ERR_OK;
}

enum err_code
publisher_warm(struct publisher *publisher, struct err *err)
{
    return kafka_producer_warm(publisher->producer, TOPIC_SUBMISSION_JUDGED, WARM_TIMEOUT_MS, err);
}

enum err_code
publisher_open(const struct runtime_conf *conf, struct pulse *pulse,
               struct publisher **ret_publisher, struct err *err)
{
    struct publisher *publisher = mem_zalloc(sizeof *publisher);
    const struct kafka_producer_conf producer = {
        .bootstrap = conf->kafka_bootstrap,
        .client_id = conf->instance,
        .linger_ms = 1,
        .delivery_timeout_ms = DELIVERY_TIMEOUT_MS,
        .queue_messages_max = PRODUCER_QUEUE,
        .on_delivered = on_delivered,
        .ctx = publisher,
    };
    buf_init(&publisher->encoded, LIMIT_MESSAGE);
    publisher->pulse = pulse;
    enum err_code code = kafka_producer_open(&producer, &publisher->producer, err);
    if (code) {
        publisher_close(publisher);
        return code;
    }
    *ret_publisher = publisher;
    return ERR_OK;
}

void
publisher_close(struct publisher *publisher)
{
    if (publisher == NULL)
        return;
    kafka_producer_close(publisher->producer);
    buf_done(&publisher->encoded);
    free(publisher);
}
