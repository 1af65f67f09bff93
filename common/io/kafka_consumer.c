#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "io/kafka.h"
#include "io/kafka_batch.h"
#include "io/kafka_conf.h"

enum {
    TAIL_QUERY_MS = 5000,
    COMMIT_TRIES = 3,
    COMMIT_WAIT_MS = 5000,
    COMMITTED_QUERY_MS = 2000,
    CLOSE_WAIT_MS = 3000,
    CLOSE_STEP_MS = 100,
    BATCH_BYTES_MAX = 32 * 1024 * 1024, /* 5000 ordinary submissions */
};

/* A partition that is ours: the offset its next message must have, and the group's. -1: unknown. */
struct place {
    char *topic;
    int32_t partition;
    int64_t next;
    int64_t committed;
};

struct kafka_consumer {
    struct kafka_consumer_conf conf;
    rd_kafka_t *client;
    size_t place_count;
    struct place *places;
    uint64_t revocations; /* grows whenever partitions are taken away */
    bool assigned;
    bool was_assigned;
    atomic_bool left; /* behind: its log is nobody's */
};

static void
places_clear(struct kafka_consumer *consumer)
{
    for (size_t i = 0; i < consumer->place_count; i++)
        free(consumer->places[i].topic);
    free(consumer->places);
    consumer->places = NULL;
    consumer->place_count = 0;
}

/* The group's offsets are asked for here, and the partitions begin there: so that what is read next
 * can be compared with what should come. Without an answer the library asks by itself. */
static void
places_take(struct kafka_consumer *consumer, rd_kafka_topic_partition_list_t *partitions)
{
    bool known = rd_kafka_committed(consumer->client, partitions, COMMITTED_QUERY_MS) ==
                 RD_KAFKA_RESP_ERR_NO_ERROR;
    places_clear(consumer);
    consumer->place_count = (size_t)partitions->cnt;
    consumer->places = mem_zalloc((consumer->place_count + 1) * sizeof *consumer->places);
    for (int i = 0; i < partitions->cnt; i++) {
        rd_kafka_topic_partition_t *entry = &partitions->elems[i];
        if (!known || entry->err || entry->offset < 0)
            entry->offset = RD_KAFKA_OFFSET_INVALID;
        int64_t offset = entry->offset >= 0 ? entry->offset : -1;
        consumer->places[i] =
            (struct place){mem_strndup(str_of(entry->topic)), entry->partition, offset, offset};
    }
}

static struct place *
place_of(struct kafka_consumer *consumer, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < consumer->place_count; i++)
        if (consumer->places[i].partition == partition &&
            strcmp(consumer->places[i].topic, topic) == 0)
            return &consumer->places[i];
    return NULL;
}

/* Offsets of a partition are dense (no transactions, no compaction): a jump is a loss. */
static void
place_passes(struct kafka_consumer *consumer, const struct kafka_record *record)
{
    struct place *place = place_of(consumer, record->topic, record->partition);
    if (place == NULL)
        return;
    if (place->next >= 0 && record->offset != place->next && consumer->conf.on_jump)
        consumer->conf.on_jump(record->topic, record->partition, place->next, record->offset,
                               consumer->conf.ctx);
    place->next = record->offset + 1;
}

static void
on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t error,
             rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct kafka_consumer *consumer = opaque;
    if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        places_take(consumer, partitions);
        (void)rd_kafka_assign(client, partitions);
        consumer->assigned = partitions->cnt > 0;
        consumer->was_assigned = true;
        return;
    }
    consumer->revocations++;
    places_clear(consumer);
    consumer->assigned = false;
    (void)rd_kafka_assign(client, NULL);
}

static void
on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    const struct kafka_consumer *consumer = rd_kafka_opaque(client);
    (void)facility;
    if (consumer && consumer->conf.on_log && !atomic_load(&consumer->left))
        consumer->conf.on_log(level, text, consumer->conf.ctx);
}

static enum err_code
client_new(struct kafka_consumer *consumer, struct err *err)
{
    char session[16];
    char interval[16];
    unsigned interval_ms = consumer->conf.max_poll_interval_ms;
    /* Fewer, larger fetches; a reader of the tail waits only on behalf of open pages. */
    bool grouped = consumer->conf.group != NULL;
    (void)snprintf(session, sizeof session, "%u", consumer->conf.session_timeout_ms);
    (void)snprintf(interval, sizeof interval, "%u", interval_ms ? interval_ms : 300000);
    const struct kafka_setting settings[] = {
        {"bootstrap.servers", consumer->conf.bootstrap},
        {"client.id", consumer->conf.client_id},
        {"group.id", consumer->conf.group ? consumer->conf.group : "none"},
        {"session.timeout.ms", session},
        {"heartbeat.interval.ms", "1000"},
        {"max.poll.interval.ms", interval},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "earliest"},
        {"partition.assignment.strategy", "range"},
        {"check.crcs", "true"},
        {"allow.auto.create.topics", "false"},
        {"socket.nagle.disable", "true"},
        {"fetch.min.bytes", grouped ? "262144" : "1000000"},
        {"fetch.wait.max.ms", grouped ? "20" : "100"},
        {"queued.max.messages.kbytes", "16384"},
        {"reconnect.backoff.ms", "50"},
        {"reconnect.backoff.max.ms", "1000"},
        {"log.connection.close", "false"},
        {"enable.partition.eof", "false"},
    };
    rd_kafka_conf_t *conf = NULL;
    enum err_code code = kafka_conf_new(settings, sizeof settings / sizeof settings[0], &conf, err);
    if (code)
        return code;
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_opaque(conf, consumer);
    code = kafka_client_new(RD_KAFKA_CONSUMER, conf, &consumer->client, err);
    if (code == ERR_OK)
        (void)rd_kafka_poll_set_consumer(consumer->client);
    return code;
}

static enum err_code
subscribe(struct kafka_consumer *consumer, struct err *err)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(4);
    for (size_t i = 0; consumer->conf.topics[i]; i++)
        (void)rd_kafka_topic_partition_list_add(topics, consumer->conf.topics[i],
                                                RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t error = rd_kafka_subscribe(consumer->client, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return error ? ERR(err, ERR_CONFIG, "cannot subscribe: %s", rd_kafka_err2str(error)) : ERR_OK;
}

/* Without a group: every partition, from its end on. */
static enum err_code
assign_tail(struct kafka_consumer *consumer, struct err *err)
{
    enum err_code code = ERR_OK;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    for (size_t i = 0; consumer->conf.topics[i] && code == ERR_OK; i++) {
        int partitions = 0;
        int replication = 0;
        code = kafka_topic_describe(consumer->conf.bootstrap, consumer->conf.topics[i],
                                    TAIL_QUERY_MS, &partitions, &replication, err);
        for (int p = 0; code == ERR_OK && p < partitions; p++)
            rd_kafka_topic_partition_list_add(list, consumer->conf.topics[i], p)->offset =
                RD_KAFKA_OFFSET_END;
    }
    if (code == ERR_OK && rd_kafka_assign(consumer->client, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        code = ERR(err, ERR_UNAVAILABLE, "cannot assign partitions");
    consumer->assigned = code == ERR_OK;
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

enum err_code
kafka_consumer_open(const struct kafka_consumer_conf *conf, struct kafka_consumer **ret_consumer,
                    struct err *err)
{
    struct kafka_consumer *consumer = mem_zalloc(sizeof *consumer);
    consumer->conf = *conf;
    enum err_code code = client_new(consumer, err);
    if (code == ERR_OK)
        code = conf->group ? subscribe(consumer, err) : assign_tail(consumer, err);
    if (code) {
        kafka_consumer_close(consumer);
        return code;
    }
    *ret_consumer = consumer;
    return ERR_OK;
}

/* Errors of a consumer are events, not the end: the library goes on by itself. Those that will not
 * pass by themselves are returned. */
static enum err_code
consumer_event(const struct kafka_consumer *consumer, rd_kafka_resp_err_t error, const char *text,
               struct err *err)
{
    if (consumer->conf.on_log)
        consumer->conf.on_log(4, text, consumer->conf.ctx);
    switch ((int)error) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return ERR(err, ERR_CONFIG, "committed offset is outside the topic: %.180s", text);
    case RD_KAFKA_RESP_ERR__FATAL:
        return ERR(err, ERR_INTERNAL, "kafka consumer is unfit: %.200s", text);
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        if (consumer->was_assigned) /* it was allowed: a right that was lost may be given back */
            return ERR_OK;
        return ERR(err, ERR_CONFIG, "kafka refuses this service: %.180s", text);
    default:
        return ERR_OK;
    }
}

static int
wait_left_ms(uint64_t deadline_ns)
{
    uint64_t now_ns = clock_mono_ns();
    return now_ns >= deadline_ns ? 0 : (int)((deadline_ns - now_ns + 999999) / 1000000);
}

enum err_code
kafka_consumer_poll(struct kafka_consumer *consumer, size_t count_max, unsigned first_wait_ms,
                    unsigned fill_wait_ms, struct kafka_batch **ret_batch, struct err *err)
{
    struct kafka_batch *batch = kafka_batch_new(count_max);
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)first_wait_ms * 1000000;
    uint64_t revocations = consumer->revocations;
    size_t bytes_max =
        consumer->conf.batch_bytes_max ? consumer->conf.batch_bytes_max : BATCH_BYTES_MAX;
    enum err_code code = ERR_OK;
    while (batch->count < count_max && batch->bytes < bytes_max && code == ERR_OK) {
        rd_kafka_message_t *message =
            rd_kafka_consumer_poll(consumer->client, wait_left_ms(deadline_ns));
        if (revocations != consumer->revocations) {
            /* What was collected belongs to others now: a new assignment starts at the committed
             * offsets, so nothing is skipped. */
            kafka_batch_clear(batch);
            revocations = consumer->revocations;
        }
        if (message == NULL)
            break;
        if (message->err) {
            code = consumer_event(consumer, message->err, rd_kafka_message_errstr(message), err);
            rd_kafka_message_destroy(message);
            continue;
        }
        kafka_batch_add(batch, message);
        place_passes(consumer, &batch->records[batch->count - 1]);
        if (batch->count == 1)
            deadline_ns = clock_mono_ns() + (uint64_t)fill_wait_ms * 1000000;
    }
    if (code) {
        kafka_batch_free(batch);
        return code;
    }
    *ret_batch = batch;
    return ERR_OK;
}

static bool
commit_lost_partition(rd_kafka_resp_err_t error)
{
    return error == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
           error == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
           error == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ||
           error == RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST || error == RD_KAFKA_RESP_ERR__NO_OFFSET;
}

/* The library's own waiting has no end while no broker coordinates the group: a service that is
 * told to stop then would not. A report that comes later is nobody's. */
static rd_kafka_resp_err_t
commit_once(struct kafka_consumer *consumer, const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer->client);
    rd_kafka_resp_err_t error = rd_kafka_commit_queue(consumer->client, list, queue, NULL, NULL);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, COMMIT_WAIT_MS);
        error = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    return error;
}

enum err_code
kafka_consumer_commit(struct kafka_consumer *consumer, const struct kafka_batch *batch,
                      struct err *err)
{
    rd_kafka_topic_partition_list_t *list = kafka_batch_offsets(batch, true);
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; i < COMMIT_TRIES; i++) {
        error = commit_once(consumer, list);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__TIMED_OUT ||
            commit_lost_partition(error))
            break;
    }
    for (int i = 0; error == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        struct place *place = place_of(consumer, list->elems[i].topic, list->elems[i].partition);
        if (place)
            place->committed = list->elems[i].offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || commit_lost_partition(error))
        return ERR_OK;
    return ERR(err, ERR_UNAVAILABLE, "cannot commit offsets: %s", rd_kafka_err2str(error));
}

enum err_code
kafka_consumer_rewind(struct kafka_consumer *consumer, const struct kafka_batch *batch,
                      struct err *err)
{
    rd_kafka_topic_partition_list_t *list = kafka_batch_offsets(batch, false);
    for (int i = 0; i < list->cnt; i++) {
        struct place *place = place_of(consumer, list->elems[i].topic, list->elems[i].partition);
        if (place)
            place->next = list->elems[i].offset;
    }
    rd_kafka_error_t *error = rd_kafka_seek_partitions(consumer->client, list, TAIL_QUERY_MS);
    enum err_code code = ERR_OK;
    for (int i = 0; error == NULL && i < list->cnt; i++)
        if (list->elems[i].err && list->elems[i].err != RD_KAFKA_RESP_ERR__STATE)
            code = ERR(err, ERR_UNAVAILABLE, "cannot go back to an offset: %s",
                       rd_kafka_err2str(list->elems[i].err));
    if (error) {
        code = ERR(err, ERR_UNAVAILABLE, "cannot go back: %s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

bool
kafka_consumer_assigned(const struct kafka_consumer *consumer)
{
    return consumer->assigned;
}

/* Behind what is committed, not behind what was read: a batch that cannot be stored is not done. */
size_t
kafka_consumer_lags(struct kafka_consumer *consumer, struct kafka_lag *ret_lags, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < consumer->place_count && count < max; i++) {
        int64_t low = 0;
        int64_t high = 0;
        const struct place *place = &consumer->places[i];
        bool known =
            rd_kafka_get_watermark_offsets(consumer->client, place->topic, place->partition, &low,
                                           &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
            low >= 0 && high >= 0;
        int64_t from = place->committed > low ? place->committed : low;
        int64_t messages = !known ? -1 : high > from ? high - from : 0;
        ret_lags[count++] = (struct kafka_lag){place->topic, place->partition, messages};
    }
    return count;
}

static atomic_bool left_behind;

bool
kafka_left_behind(void)
{
    return atomic_load(&left_behind);
}

/* The library's own closing waits for a commit that is under way until a broker coordinates the
 * group again, however long that takes. Nothing is lost by leaving it: what was not committed is
 * read again, and the group notices by itself who is gone. */
static bool
closed_in_time(rd_kafka_t *client)
{
    uint64_t end_ns = clock_mono_ns() + (uint64_t)CLOSE_WAIT_MS * 1000000;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(client, queue);
    bool closed = error != NULL; /* it is already */
    while (!closed && clock_mono_ns() < end_ns) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, CLOSE_STEP_MS);
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
            (void)rd_kafka_assign(client, NULL);
        rd_kafka_event_destroy(event);
        closed = rd_kafka_consumer_closed(client) != 0;
    }
    rd_kafka_error_destroy(error);
    rd_kafka_queue_destroy(queue); /* the library keeps it for as long as it needs it */
    return closed;
}

void
kafka_consumer_close(struct kafka_consumer *consumer)
{
    if (consumer == NULL)
        return;
    places_clear(consumer);
    if (consumer->client && !closed_in_time(consumer->client)) {
        atomic_store(&consumer->left, true); /* the library's threads still have it */
        atomic_store(&left_behind, true);
        return;
    }
    if (consumer->client)
        rd_kafka_destroy(consumer->client);
    free(consumer);
}
