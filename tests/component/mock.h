/* librdkafka's mock cluster in this process, and topics on it. One per test program. */
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "tests/unit/test.h"

struct mock {
    rd_kafka_t *client;
    rd_kafka_mock_cluster_t *cluster;
    const char *bootstrap;
};

static inline void
mock_open(struct mock *mock, int brokers)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    mock->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(mock->client);
    mock->cluster = rd_kafka_mock_cluster_new(mock->client, brokers);
    assert_non_null(mock->cluster);
    mock->bootstrap = rd_kafka_mock_cluster_bootstraps(mock->cluster);
}

static inline void
mock_close(struct mock *mock)
{
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->client);
}
