#include <librdkafka/rdkafka.h>
#include <string.h>

#include "base/clock.h"
#include "io/kafka.h"
#include "io/kafka_batch.h"
#include "io/kafka_conf.h"

enum { BOUNDS_PAUSE_MS = 50, POLL_MS = 100 };

/* What is left of a deadline, for a library that takes milliseconds; never 0, which it takes for no
 * waiting at all. */
static int
left_ms(uint64_t deadline_ns)
{
    uint64_t now_ns = clock_mono_ns();
    return now_ns < deadline_ns ? 1 + (int)((deadline_ns - now_ns) / 1000000) : 1;
}

static enum err_code
browse_client(const char *bootstrap, const char *group, rd_kafka_t **ret_client, struct err *err)
{
    const struct kafka_setting settings[] = {
        {"bootstrap.servers", bootstrap},
        {"client.id", "shengyuan-tool"},
        {"group.id", group ? group : "shengyuan-tool"}, /* named, never joined */
        {"enable.auto.commit", "false"},
        {"auto.offset.reset", "error"},
        {"reconnect.backoff.ms", "50"},
        {"reconnect.backoff.max.ms", "500"},
        {"log.connection.close", "false"},
    };
    rd_kafka_conf_t *conf = NULL;
    enum err_code code = kafka_conf_new(settings, sizeof settings / sizeof settings[0], &conf, err);
    if (code)
        return code;
    rd_kafka_conf_set_log_cb(conf, NULL);
    return kafka_client_new(RD_KAFKA_CONSUMER, conf, ret_client, err);
}

static enum err_code
partition_count(rd_kafka_t *client, const char *topic, uint64_t deadline_ns, size_t *ret_count,
                struct err *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    enum err_code code = kafka_topic_ask(client, topic, left_ms(deadline_ns), &metadata, err);
    if (code)
        return code;
    int count = metadata->topic_cnt == 1 && !metadata->topics[0].err
                    ? metadata->topics[0].partition_cnt
                    : 0;
    rd_kafka_metadata_destroy(metadata);
    if (count <= 0 || count > KAFKA_PARTITIONS_MAX)
        return ERR(err, ERR_NOT_FOUND, "topic '%s' does not exist; HINT: syctl topics apply",
                   topic);
    *ret_count = (size_t)count;
    return ERR_OK;
}

static enum err_code
committed_offsets(rd_kafka_t *client, const char *topic, uint64_t deadline_ns,
                  struct kafka_range *ranges, size_t count, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, topic, ranges[i].partition);
    rd_kafka_resp_err_t error = rd_kafka_committed(client, list, left_ms(deadline_ns));
    for (size_t i = 0; !error && i < count; i++)
        ranges[i].committed = list->elems[i].offset >= 0 ? list->elems[i].offset : -1;
    rd_kafka_topic_partition_list_destroy(list);
    return error ? ERR(err, ERR_UNAVAILABLE, "kafka does not tell the committed offsets: %s",
                       rd_kafka_err2str(error))
                 : ERR_OK;
}

/* A broker that has just started may not lead yet what it is to lead: asked again until then. */
static rd_kafka_resp_err_t
bounds_of(rd_kafka_t *client, const char *topic, struct kafka_range *range, uint64_t deadline_ns)
{
    for (;;) {
        rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
            client, topic, range->partition, &range->begin, &range->end, left_ms(deadline_ns));
        bool leaderless = error == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
                          error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
        if (!leaderless || clock_mono_ns() > deadline_ns)
            return error;
        (void)rd_kafka_poll(client, BOUNDS_PAUSE_MS);
    }
}

enum err_code
kafka_topic_ranges(const char *bootstrap, const char *topic, const char *group, unsigned timeout_ms,
                   struct kafka_range ret_ranges[KAFKA_PARTITIONS_MAX], size_t *ret_count,
                   struct err *err)
{
    rd_kafka_t *client = NULL;
    size_t count = 0;
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)timeout_ms * 1000000; /* of all together */
    enum err_code code = browse_client(bootstrap, group, &client, err);
    if (code)
        return code;
    code = partition_count(client, topic, deadline_ns, &count, err);
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        ret_ranges[i] = (struct kafka_range){.partition = (int32_t)i, .committed = -1};
        rd_kafka_resp_err_t error = bounds_of(client, topic, &ret_ranges[i], deadline_ns);
        if (error)
            code = ERR(err, ERR_UNAVAILABLE, "kafka does not tell the bounds of '%s': %s", topic,
                       rd_kafka_err2str(error));
    }
    if (code == ERR_OK && group)
        code = committed_offsets(client, topic, deadline_ns, ret_ranges, count, err);
    rd_kafka_destroy(client);
    if (code == ERR_OK)
        *ret_count = count;
    return code;
}

/* One partition from begin to end. *ret_more turns false when `each` has seen enough. */
static enum err_code
read_range(rd_kafka_t *client, const char *topic, const struct kafka_range *range,
           unsigned timeout_ms, bool (*each)(const struct kafka_record *record, void *ctx),
           void *ctx, bool *ret_more, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, range->partition)->offset = range->begin;
    rd_kafka_resp_err_t error = rd_kafka_assign(client, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error)
        return ERR(err, ERR_INTERNAL, "cannot read '%s': %s", topic, rd_kafka_err2str(error));
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)timeout_ms * 1000000;
    int64_t next = range->begin;
    while (*ret_more && next < range->end) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, POLL_MS);
        if (message && !message->err && message->partition == range->partition) {
            struct kafka_record record = kafka_record_of(message);
            next = message->offset + 1;
            *ret_more = each(&record, ctx);
            deadline_ns = clock_mono_ns() + (uint64_t)timeout_ms * 1000000;
        }
        if (message) /* may be an error: no progress */
            rd_kafka_message_destroy(message);
        if (clock_mono_ns() > deadline_ns)
            return ERR(err, ERR_TIMEOUT, "kafka stopped answering while '%s' was read", topic);
    }
    return ERR_OK;
}

enum err_code
kafka_read_ranges(const char *bootstrap, const char *topic, const struct kafka_range *ranges,
                  size_t count, unsigned timeout_ms,
                  bool (*each)(const struct kafka_record *record, void *ctx), void *ctx,
                  struct err *err)
{
    rd_kafka_t *client = NULL;
    bool more = true;
    enum err_code code = browse_client(bootstrap, NULL, &client, err);
    if (code)
        return code;
    for (size_t i = 0; code == ERR_OK && more && i < count; i++)
        if (ranges[i].begin < ranges[i].end)
            code = read_range(client, topic, &ranges[i], timeout_ms, each, ctx, &more, err);
    (void)rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
    return code;
}
