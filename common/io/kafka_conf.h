/* Shared by the Kafka files of io only: settings as a table, client creation with our errors. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "base/err.h"

struct kafka_setting {
    const char *name;
    const char *value;
};

enum err_code kafka_conf_new(const struct kafka_setting *settings, size_t count,
                             rd_kafka_conf_t **ret_conf, struct err *err) MUST_CHECK;
/* Takes `conf` whatever happens. */
enum err_code kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **ret_client,
                               struct err *err) MUST_CHECK;
/* One that only asks and creates. */
enum err_code kafka_admin_client(const char *bootstrap, rd_kafka_t **ret_client,
                                 struct err *err) MUST_CHECK;
/* What is known of one topic, asked of a broker; the caller gives *ret_metadata back. An unknown
 * topic is no failure: it stands in it with an error. A name that cannot be one is ERR_NOT_FOUND.
 */
enum err_code kafka_topic_ask(rd_kafka_t *client, const char *topic, int timeout_ms,
                              const struct rd_kafka_metadata **ret_metadata,
                              struct err *err) MUST_CHECK;
