#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "io/kafka.h"
#include "io/kafka_conf.h"

enum { PRODUCER_POLL_MS = 100, PRODUCER_RETIRE_MS = 10000 };

/* `client` is replaced after a fatal error; readers hold `lock` shared while they use it. Only the
 * poller replaces it, and only the poller serves reports.
 *
 * `unreported` counts over all clients there ever were: whoever waits for reports waits for those
 * of a client that was replaced meanwhile as well. Asking the present client alone would take a
 * message that died with its predecessor for delivered. */
struct kafka_producer {
    struct kafka_producer_conf conf;
    pthread_rwlock_t lock;
    rd_kafka_t *client;
    pthread_t poller;
    atomic_bool stop;
    atomic_uint_fast64_t replaced;
    atomic_size_t unreported;
    pthread_mutex_t reports_lock;
    pthread_cond_t all_reported;
};

/* Only a broker's own word for this very message counts, and that has an offset. When a request
 * fails and a later one succeeds, librdkafka concludes that the first is stored too ("implicit
 * acknowledgement", gone in 2.3.0) and reports it without one. The conclusion is wrong if the
 * broker did not know the producer yet: it takes any first sequence number, and the message is
 * nowhere. */
static enum err_code
delivery_code(const rd_kafka_message_t *message)
{
    switch ((int)message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return message->offset >= 0 ? ERR_OK : ERR_UNAVAILABLE;
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
        return ERR_TIMEOUT;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return ERR_TOO_LARGE;
    default:
        return ERR_UNAVAILABLE;
    }
}

static void
count_reported(struct kafka_producer *producer)
{
    if (atomic_fetch_sub(&producer->unreported, 1) != 1)
        return;
    (void)pthread_mutex_lock(&producer->reports_lock);
    (void)pthread_cond_broadcast(&producer->all_reported);
    (void)pthread_mutex_unlock(&producer->reports_lock);
}

static void
on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client;
    struct kafka_producer *producer = opaque;
    if (message->_private)
        producer->conf.on_delivered(message->_private, delivery_code(message), message->partition,
                                    message->offset, producer->conf.ctx);
    count_reported(producer);
}

/* Only wakes the poller, which asks the client itself whether it is unfit. */
static void
on_error(rd_kafka_t *client, int error, const char *reason, void *opaque)
{
    (void)client;
    (void)error;
    (void)reason;
    (void)opaque;
}

static enum err_code
client_new(struct kafka_producer *producer, rd_kafka_t **ret_client, struct err *err)
{
    const struct kafka_producer_conf *conf = &producer->conf;
    char linger[16];
    char delivery[16];
    char queue[16];
    (void)snprintf(linger, sizeof linger, "%u", conf->linger_ms);
    (void)snprintf(delivery, sizeof delivery, "%u", conf->delivery_timeout_ms);
    (void)snprintf(queue, sizeof queue, "%u", conf->queue_messages_max);
    const struct kafka_setting settings[] = {
        {"bootstrap.servers", conf->bootstrap},
        {"client.id", conf->client_id},
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"compression.codec", "lz4"},
        {"linger.ms", linger},
        {"message.timeout.ms", delivery},
        {"queue.buffering.max.messages", queue},
        {"socket.nagle.disable", "true"},
        {"socket.timeout.ms", delivery},
        {"reconnect.backoff.ms", "50"},
        {"reconnect.backoff.max.ms", "500"},
        {"retry.backoff.ms", "50"},
        {"topic.metadata.refresh.interval.ms", "30000"},
        {"log.connection.close", "false"},
    };
    rd_kafka_conf_t *kafka_conf = NULL;
    enum err_code code =
        kafka_conf_new(settings, sizeof settings / sizeof settings[0], &kafka_conf, err);
    if (code)
        return code;
    rd_kafka_conf_set_dr_msg_cb(kafka_conf, on_report);
    rd_kafka_conf_set_error_cb(kafka_conf, on_error);
    rd_kafka_conf_set_log_cb(kafka_conf, NULL);
    rd_kafka_conf_set_opaque(kafka_conf, producer);
    return kafka_client_new(RD_KAFKA_PRODUCER, kafka_conf, ret_client, err);
}

/* Everything the client still holds is reported as failed, then it ends. `successor` (or NULL) is
 * served meanwhile: its messages are confirmed without waiting for a funeral. */
static void
client_retire(rd_kafka_t *client, rd_kafka_t *successor)
{
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)PRODUCER_RETIRE_MS * 1000000;
    (void)rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(client) > 0) {
        (void)rd_kafka_flush(client, 10); /* serves reports, and wakes who sleeps over the purge */
        if (successor)
            (void)rd_kafka_poll(successor, 0);
        if (clock_mono_ns() > deadline_ns)
            abort(); /* reports would be missing for good: every message is reported, or we end */
    }
    rd_kafka_destroy(client);
}

/* librdkafka's idempotent producer is dead after a fatal error: what it holds is reported as failed
 * (perhaps it was stored all the same), and a new one takes over. Callers repeat with the same ids.
 */
static void
producer_replace(struct kafka_producer *producer)
{
    struct err err = {0};
    rd_kafka_t *fresh = NULL;
    if (client_new(producer, &fresh, &err))
        return; /* tried again at the next turn of the poller */
    (void)pthread_rwlock_wrlock(&producer->lock);
    rd_kafka_t *dead = producer->client;
    producer->client = fresh;
    (void)pthread_rwlock_unlock(&producer->lock);
    atomic_fetch_add(&producer->replaced, 1);
    client_retire(dead, fresh);
}

static void *
producer_poller(void *arg)
{
    struct kafka_producer *producer = arg;
    while (!atomic_load(&producer->stop)) {
        (void)rd_kafka_poll(producer->client, PRODUCER_POLL_MS);
        if (rd_kafka_fatal_error(producer->client, NULL, 0))
            producer_replace(producer);
    }
    return NULL;
}

enum err_code
kafka_producer_open(const struct kafka_producer_conf *conf, struct kafka_producer **ret_producer,
                    struct err *err)
{
    struct kafka_producer *producer = mem_zalloc(sizeof *producer);
    producer->conf = *conf;
    enum err_code code = client_new(producer, &producer->client, err);
    if (code) {
        free(producer);
        return code;
    }
    clock_cond_init(&producer->all_reported);
    (void)pthread_mutex_init(&producer->reports_lock, NULL);
    (void)pthread_rwlock_init(&producer->lock, NULL);
    if (pthread_create(&producer->poller, NULL, producer_poller, producer) != 0)
        abort();
    *ret_producer = producer;
    return ERR_OK;
}

enum err_code
kafka_producer_warm(struct kafka_producer *producer, const char *topic, unsigned timeout_ms,
                    struct err *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    (void)pthread_rwlock_rdlock(&producer->lock);
    enum err_code code = kafka_topic_ask(producer->client, topic, (int)timeout_ms, &metadata, err);
    (void)pthread_rwlock_unlock(&producer->lock);
    if (code == ERR_OK)
        rd_kafka_metadata_destroy(metadata);
    return code;
}

static rd_kafka_headers_t *
headers_new(const struct kafka_message *message)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(message->header_count);
    for (size_t i = 0; i < message->header_count; i++)
        (void)rd_kafka_header_add(headers, message->headers[i].name, -1,
                                  message->headers[i].value.ptr,
                                  (ssize_t)message->headers[i].value.len);
    return headers;
}

static enum err_code
send_failed(rd_kafka_resp_err_t error, const char *topic, struct err *err)
{
    switch ((int)error) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return ERR(err, ERR_BUSY, "the producer's queue is full");
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return ERR(err, ERR_TOO_LARGE, "message for topic '%s' is too large", topic);
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return ERR(err, ERR_CONFIG, "topic '%s' does not exist; HINT: syctl topics apply", topic);
    default:
        return ERR(err, ERR_UNAVAILABLE, "cannot send to topic '%s': %s", topic,
                   rd_kafka_err2str(error));
    }
}

enum err_code
kafka_producer_send(struct kafka_producer *producer, const struct kafka_message *message,
                    struct err *err)
{
    rd_kafka_headers_t *headers = headers_new(message);
    atomic_fetch_add(&producer->unreported, 1); /* before: the report may be faster than we are */
    (void)pthread_rwlock_rdlock(&producer->lock);
    rd_kafka_resp_err_t error = rd_kafka_producev(
        producer->client, RD_KAFKA_V_TOPIC(message->topic), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_KEY((void *)(uintptr_t)message->key.ptr, message->key.len),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)message->value.ptr, message->value.len),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_OPAQUE(message->message_ctx),
        RD_KAFKA_V_END);
    (void)pthread_rwlock_unlock(&producer->lock);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        return ERR_OK;
    count_reported(producer);
    rd_kafka_headers_destroy(headers); /* stays ours on failure */
    return send_failed(error, message->topic, err);
}

size_t
kafka_producer_pending(struct kafka_producer *producer)
{
    return atomic_load(&producer->unreported);
}

enum err_code
kafka_producer_flush(struct kafka_producer *producer, unsigned timeout_ms, struct err *err)
{
    uint64_t begin_ns = clock_mono_ns();
    uint64_t spent_ms = 0;
    (void)pthread_mutex_lock(&producer->reports_lock);
    while (atomic_load(&producer->unreported) > 0 && spent_ms < timeout_ms) {
        (void)clock_cond_wait(&producer->all_reported, &producer->reports_lock,
                              timeout_ms - spent_ms);
        spent_ms = (clock_mono_ns() - begin_ns) / 1000000;
    }
    size_t left = atomic_load(&producer->unreported);
    (void)pthread_mutex_unlock(&producer->reports_lock);
    return left ? ERR(err, ERR_TIMEOUT, "%zu messages are still under way after %u ms", left,
                      timeout_ms)
                : ERR_OK;
}

uint64_t
kafka_producer_replaced(const struct kafka_producer *producer)
{
    return atomic_load(&producer->replaced);
}

void
kafka_producer_close(struct kafka_producer *producer)
{
    if (producer == NULL)
        return;
    atomic_store(&producer->stop, true);
    (void)pthread_join(producer->poller, NULL);
    client_retire(producer->client, NULL);
    (void)pthread_cond_destroy(&producer->all_reported);
    (void)pthread_mutex_destroy(&producer->reports_lock);
    (void)pthread_rwlock_destroy(&producer->lock);
    free(producer);
}
