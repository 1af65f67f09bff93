#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "io/kafka.h"
#include "io/kafka_conf.h"

enum { ADMIN_TOPICS_MAX = 32 };

enum err_code
kafka_admin_client(const char *bootstrap, rd_kafka_t **ret_client, struct err *err)
{
    const struct kafka_setting settings[] = {
        {"bootstrap.servers", bootstrap},  {"client.id", "shengyuan-admin"},
        {"reconnect.backoff.ms", "50"},    {"reconnect.backoff.max.ms", "500"},
        {"log.connection.close", "false"},
    };
    rd_kafka_conf_t *conf = NULL;
    enum err_code code = kafka_conf_new(settings, sizeof settings / sizeof settings[0], &conf, err);
    if (code)
        return code;
    rd_kafka_conf_set_log_cb(conf, NULL);
    return kafka_client_new(RD_KAFKA_PRODUCER, conf, ret_client, err);
}

static rd_kafka_NewTopic_t *
new_topic(const struct kafka_topic_conf *conf)
{
    char text[128];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(conf->name, conf->partitions, conf->replication, text, sizeof text);
    if (topic && conf->retention_ms)
        (void)rd_kafka_NewTopic_set_config(topic, "retention.ms", conf->retention_ms);
    /* What is acknowledged is in two places, and one broker may be away. */
    if (topic && conf->replication > 2)
        (void)rd_kafka_NewTopic_set_config(topic, "min.insync.replicas", "2");
    return topic;
}

static enum err_code
created(rd_kafka_event_t *event, struct err *err)
{
    if (event == NULL)
        return ERR(err, ERR_TIMEOUT, "kafka did not create the topics in time");
    if (rd_kafka_event_error(event))
        return ERR(err, ERR_UNAVAILABLE, "kafka did not create the topics: %s",
                   rd_kafka_event_error_string(event));
    size_t count = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[i]);
        if (error && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            return ERR(err, ERR_CONFIG, "cannot create topic '%s': %s",
                       rd_kafka_topic_result_name(results[i]), rd_kafka_err2str(error));
    }
    return ERR_OK;
}

/* How many of the wanted topics the cluster shows with their partitions. */
static size_t
topics_shown(const struct rd_kafka_metadata *metadata, const struct kafka_topic_conf *topics,
             size_t count)
{
    size_t shown = 0;
    for (size_t i = 0; i < count; i++)
        for (int t = 0; t < metadata->topic_cnt; t++)
            if (strcmp(metadata->topics[t].topic, topics[i].name) == 0)
                shown += !metadata->topics[t].err && metadata->topics[t].partition_cnt > 0;
    return shown;
}

/* The controller has made them before every broker knows of them. */
static enum err_code
wait_until_shown(rd_kafka_t *client, const struct kafka_topic_conf *topics, size_t count,
                 unsigned timeout_ms, struct err *err)
{
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)timeout_ms * 1000000;
    for (;;) {
        const struct rd_kafka_metadata *metadata = NULL;
        size_t shown = 0;
        if (!rd_kafka_metadata(client, 1, NULL, &metadata, (int)timeout_ms)) {
            shown = topics_shown(metadata, topics, count);
            rd_kafka_metadata_destroy(metadata);
        }
        if (shown == count)
            return ERR_OK;
        if (clock_mono_ns() > deadline_ns)
            return ERR(err, ERR_TIMEOUT, "kafka shows %zu of %zu topics", shown, count);
        (void)poll(NULL, 0, 50);
    }
}

enum err_code
kafka_topics_create(const char *bootstrap, const struct kafka_topic_conf *topics, size_t count,
                    unsigned timeout_ms, struct err *err)
{
    rd_kafka_t *client = NULL;
    rd_kafka_NewTopic_t *wanted[ADMIN_TOPICS_MAX];
    if (count > ADMIN_TOPICS_MAX)
        return ERR(err, ERR_TOO_LARGE, "more than %d topics at once", ADMIN_TOPICS_MAX);
    enum err_code code = kafka_admin_client(bootstrap, &client, err);
    if (code)
        return code;
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    char text[128];
    (void)rd_kafka_AdminOptions_set_request_timeout(options, (int)timeout_ms, text, sizeof text);
    for (size_t i = 0; i < count; i++)
        wanted[i] = new_topic(&topics[i]);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_CreateTopics(client, wanted, count, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, (int)timeout_ms + 1000);
    code = created(event, err);
    if (code == ERR_OK)
        code = wait_until_shown(client, topics, count, timeout_ms, err);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy_array(wanted, count);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_destroy(client);
    return code;
}

enum err_code
kafka_topic_describe(const char *bootstrap, const char *topic, unsigned timeout_ms,
                     int *ret_partitions, int *ret_replication, struct err *err)
{
    rd_kafka_t *client = NULL;
    const struct rd_kafka_metadata *metadata = NULL;
    enum err_code code = kafka_admin_client(bootstrap, &client, err);
    if (code)
        return code;
    code = kafka_topic_ask(client, topic, (int)timeout_ms, &metadata, err);
    if (code) {
        rd_kafka_destroy(client);
        return code;
    }
    if (metadata->topic_cnt != 1 || metadata->topics[0].err ||
        metadata->topics[0].partition_cnt == 0) {
        code =
            ERR(err, ERR_NOT_FOUND, "topic '%s' does not exist; HINT: syctl topics apply", topic);
    } else {
        *ret_partitions = metadata->topics[0].partition_cnt;
        *ret_replication = metadata->topics[0].partitions[0].replica_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_destroy(client);
    return code;
}

struct kafka_probe {
    rd_kafka_t *client;
};

enum err_code
kafka_probe_open(const char *bootstrap, struct kafka_probe **ret_probe, struct err *err)
{
    struct kafka_probe *probe = mem_zalloc(sizeof *probe);
    enum err_code code = kafka_admin_client(bootstrap, &probe->client, err);
    if (code) {
        free(probe);
        return code;
    }
    *ret_probe = probe;
    return ERR_OK;
}

enum err_code
kafka_probe_ask(struct kafka_probe *probe, unsigned timeout_ms, struct err *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error =
        rd_kafka_metadata(probe->client, 0, NULL, &metadata, (int)timeout_ms);
    if (error)
        return ERR(err, ERR_UNAVAILABLE, "kafka does not answer: %s", rd_kafka_err2str(error));
    rd_kafka_metadata_destroy(metadata);
    return ERR_OK;
}
