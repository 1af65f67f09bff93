#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "io/kafka.h"
#include "io/kafka_conf.h"

enum { PRODUCER_POLL_MS = 100, PRODUCER_REPLACE_FLUSH_MS = 2000, PRODUCER_HEADERS_MAX = 16 };

/* `client` is replaced after a fatal error; readers hold `lock` shared while they use it. */
struct kafka_producer {
    struct kafka_producer_conf conf;
    pthread_rwlock_t lock;
    rd_kafka_t *client;
    pthread_t poller;
    atomic_bool stop;
    atomic_bool fatal;
    atomic_uint_fast64_t replaced;
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
on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client;
    struct kafka_producer *producer = opaque;
    if (message->err == RD_KAFKA_RESP_ERR__FATAL)
        atomic_store(&producer->fatal, true);
    if (message->_private)
        producer->conf.on_delivered(message->_private, delivery_code(message), message->partition,
                                    message->offset, producer->conf.ctx);
}

static void
on_error(rd_kafka_t *client, int error, const char *reason, void *opaque)
{
    (void)client;
    (void)reason;
    struct kafka_producer *producer = opaque;
    if (error == RD_KAFKA_RESP_ERR__FATAL)
        atomic_store(&producer->fatal, true);
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

/* librdkafka's idempotent producer is dead after a fatal error: what is queued is reported as
 * failed by the purge, and a new one takes over. Callers repeat with the same ids. */
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
    atomic_store(&producer->fatal, false);
    (void)pthread_rwlock_unlock(&producer->lock);
    (void)rd_kafka_purge(dead, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)rd_kafka_flush(dead, PRODUCER_REPLACE_FLUSH_MS);
    atomic_store(&producer->fatal, false); /* the dead one's last reports said it again */
    rd_kafka_destroy(dead);
    atomic_fetch_add(&producer->replaced, 1);
}

static void *
producer_poller(void *arg)
{
    struct kafka_producer *producer = arg;
    while (!atomic_load(&producer->stop)) {
        (void)rd_kafka_poll(producer->client, PRODUCER_POLL_MS);
        if (atomic_load(&producer->fatal))
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
    rd_kafka_topic_t *handle = rd_kafka_topic_new(producer->client, topic, NULL);
    rd_kafka_resp_err_t error =
        rd_kafka_metadata(producer->client, 0, handle, &metadata, (int)timeout_ms);
    rd_kafka_topic_destroy(handle);
    (void)pthread_rwlock_unlock(&producer->lock);
    if (error)
        return ERR(err, ERR_UNAVAILABLE, "kafka does not answer: %s", rd_kafka_err2str(error));
    rd_kafka_metadata_destroy(metadata);
    return ERR_OK;
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
    (void)pthread_rwlock_rdlock(&producer->lock);
    rd_kafka_resp_err_t error = rd_kafka_producev(
        producer->client, RD_KAFKA_V_TOPIC(message->topic), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_KEY((void *)(uintptr_t)message->key.ptr, message->key.len),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)message->value.ptr, message->value.len),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_OPAQUE(message->message_ctx),
        RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR__FATAL)
        atomic_store(&producer->fatal, true);
    (void)pthread_rwlock_unlock(&producer->lock);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        return ERR_OK;
    rd_kafka_headers_destroy(headers); /* stays ours on failure */
    return send_failed(error, message->topic, err);
}

size_t
kafka_producer_pending(struct kafka_producer *producer)
{
    (void)pthread_rwlock_rdlock(&producer->lock);
    int count = rd_kafka_outq_len(producer->client);
    (void)pthread_rwlock_unlock(&producer->lock);
    return (size_t)count;
}

enum err_code
kafka_producer_flush(struct kafka_producer *producer, unsigned timeout_ms, struct err *err)
{
    (void)pthread_rwlock_rdlock(&producer->lock);
    rd_kafka_resp_err_t error = rd_kafka_flush(producer->client, (int)timeout_ms);
    (void)pthread_rwlock_unlock(&producer->lock);
    return error ? ERR(err, ERR_TIMEOUT, "messages are still under way after %u ms", timeout_ms)
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
    (void)rd_kafka_purge(producer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)rd_kafka_flush(producer->client, PRODUCER_POLL_MS);
    rd_kafka_destroy(producer->client);
    (void)pthread_rwlock_destroy(&producer->lock);
    free(producer);
}
