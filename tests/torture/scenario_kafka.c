/* The producer and librdkafka's mock cluster: whatever is accepted is reported exactly once. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/kafka.h"
#include "tests/torture/scenarios.h"

enum { MESSAGES = 6, WAIT_MS = 4000 };

struct kafka_world {
    rd_kafka_t *client;
    rd_kafka_mock_cluster_t *cluster;
    atomic_uint reported[MESSAGES];
};

static void *
kafka_open(void)
{
    char text[256];
    struct kafka_world *world = mem_zalloc(sizeof *world);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    world->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (world->client == NULL)
        abort();
    world->cluster = rd_kafka_mock_cluster_new(world->client, 1);
    if (world->cluster == NULL || rd_kafka_mock_topic_create(world->cluster, "t", 1, 1))
        abort();
    return world;
}

static void
kafka_delivered(void *message_ctx, enum err_code code, int32_t partition, int64_t offset, void *ctx)
{
    struct kafka_world *world = ctx;
    (void)code;
    (void)partition;
    (void)offset;
    atomic_fetch_add(&world->reported[(size_t)(uintptr_t)message_ctx - 1], 1);
}

static const char *
kafka_run(void *ctx)
{
    struct kafka_world *world = ctx;
    struct kafka_producer *producer = NULL;
    struct err err = {0};
    bool accepted[MESSAGES] = {false};
    const struct kafka_producer_conf conf = {
        .bootstrap = rd_kafka_mock_cluster_bootstraps(world->cluster),
        .client_id = "torture",
        .linger_ms = 1,
        .delivery_timeout_ms = WAIT_MS / 2,
        .queue_messages_max = 100,
        .on_delivered = kafka_delivered,
        .ctx = world,
    };
    if (kafka_producer_open(&conf, &producer, &err))
        return err.text[0] ? NULL : "a producer that does not open says why";
    if (kafka_producer_warm(producer, "t", WAIT_MS / 2, &err) && err.text[0] == '\0')
        return "a failure says why";
    for (size_t i = 0; i < MESSAGES; i++)
        accepted[i] = kafka_producer_send(producer,
                                          &(struct kafka_message){
                                              .topic = "t",
                                              .key = STR("key"),
                                              .value = STR("value"),
                                              .message_ctx = (void *)(uintptr_t)(i + 1),
                                          },
                                          &err) == ERR_OK;
    enum err_code flushed = kafka_producer_flush(producer, WAIT_MS, &err);
    kafka_producer_close(producer);
    for (size_t i = 0; i < MESSAGES; i++)
        if (atomic_load(&world->reported[i]) != accepted[i])
            return "what is accepted is reported once, and nothing else";
    return flushed ? "everything is reported in time" : NULL;
}

static void
kafka_close(void *ctx)
{
    struct kafka_world *world = ctx;
    rd_kafka_mock_cluster_destroy(world->cluster);
    rd_kafka_destroy(world->client);
    free(world);
}

/* librdkafka asserts that it has memory. */
const struct scenario scenario_kafka = {"kafka", kafka_open, kafka_run, kafka_close, true};
