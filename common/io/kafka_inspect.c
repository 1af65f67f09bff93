#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/kafka.h"
#include "io/kafka_conf.h"
#include "schema/topic.h"

enum { INSPECT_TOPICS_MAX = 32 };

static void
state_partitions(const struct rd_kafka_metadata *metadata, const char *topic,
                 struct topic_state *state)
{
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *found = &metadata->topics[i];
        if (strcmp(found->topic, topic) != 0 || found->err)
            continue;
        state->partitions = found->partition_cnt;
        /* the least replicated one decides */
        for (int p = 0; p < found->partition_cnt; p++)
            if (p == 0 || found->partitions[p].replica_cnt < state->replication)
                state->replication = found->partitions[p].replica_cnt;
    }
}

static void
state_config(const rd_kafka_ConfigResource_t *resource, struct topic_state *state)
{
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (value == NULL)
            continue;
        if (strcmp(name, "min.insync.replicas") == 0)
            state->min_insync = (int)strtol(value, NULL, 10);
        else if (strcmp(name, "retention.ms") == 0)
            state->retention_ms = strtoll(value, NULL, 10);
        else if (strcmp(name, "cleanup.policy") == 0)
            (void)snprintf(state->cleanup_policy, sizeof state->cleanup_policy, "%s", value);
    }
}

/* The answer's resources come in any order. */
static enum err_code
states_config(rd_kafka_event_t *event, const char *const *names, size_t count,
              struct topic_state *states, struct err *err)
{
    size_t answered = 0;
    if (event == NULL || rd_kafka_event_error(event))
        return ERR(err, ERR_UNAVAILABLE, "kafka does not describe the topics: %s",
                   event ? rd_kafka_event_error_string(event) : "no answer in time");
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &answered);
    for (size_t r = 0; r < answered; r++)
        for (size_t i = 0; i < count; i++)
            if (strcmp(rd_kafka_ConfigResource_name(resources[r]), names[i]) == 0)
                state_config(resources[r], &states[i]);
    return ERR_OK;
}

static enum err_code
configs_ask(rd_kafka_t *client, const char *const *names, size_t count, unsigned timeout_ms,
            struct topic_state *states, struct err *err)
{
    rd_kafka_ConfigResource_t *asked[INSPECT_TOPICS_MAX];
    char text[128];
    size_t there = 0;
    for (size_t i = 0; i < count; i++)
        if (states[i].partitions)
            asked[there++] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, names[i]);
    if (there == 0)
        return ERR_OK;
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, (int)timeout_ms, text, sizeof text);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DescribeConfigs(client, asked, there, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, (int)timeout_ms + 1000);
    enum err_code code = states_config(event, names, count, states, err);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy_array(asked, there);
    return code;
}

enum err_code
kafka_topics_inspect(const char *bootstrap, const char *const *names, size_t count,
                     unsigned timeout_ms, struct topic_state *ret_states, struct err *err)
{
    rd_kafka_t *client = NULL;
    const struct rd_kafka_metadata *metadata = NULL;
    if (count > INSPECT_TOPICS_MAX)
        return ERR(err, ERR_TOO_LARGE, "more than %d topics at once", INSPECT_TOPICS_MAX);
    enum err_code code = kafka_admin_client(bootstrap, &client, err);
    if (code)
        return code;
    rd_kafka_resp_err_t error = rd_kafka_metadata(client, 1, NULL, &metadata, (int)timeout_ms);
    if (error) {
        code = ERR(err, ERR_UNAVAILABLE, "kafka does not answer: %s", rd_kafka_err2str(error));
    } else {
        for (size_t i = 0; i < count; i++) {
            ret_states[i] = (struct topic_state){0};
            state_partitions(metadata, names[i], &ret_states[i]);
        }
        rd_kafka_metadata_destroy(metadata);
        code = configs_ask(client, names, count, timeout_ms, ret_states, err);
    }
    rd_kafka_destroy(client);
    return code;
}
