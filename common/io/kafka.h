/*
 * Kafka through librdkafka: an idempotent producer (acks=all) that reports every delivery once, and
 * a consumer that hands over batches and commits only what it is told. Knows nothing of payloads.
 *
 * Traps of librdkafka 2.0.2 that shape this file: batch consume may skip offsets (so batches are
 * built from single polls), cooperative assignment loops (so range), a fatal idempotence error ends
 * the producer for good (so the producer is replaced), Nagle is on by default.
 */
#pragma once

#include "base/buf.h"

struct kafka_header {
    const char *name;
    struct str value;
};

/* --- how brokers are reached: of the whole process, before the first client --- */

/* Lines name=value of a file that only its owner can read: librdkafka's security., ssl. and sasl.
 * settings and nothing else, such as security.protocol=ssl and ssl.ca.location=/etc/…/ca.pem. */
enum err_code kafka_security_load(const char *path, struct err *err) MUST_CHECK;
void kafka_security_forget(void);

/* --- producer: thread-safe --- */

struct kafka_producer;

struct kafka_producer_conf {
    const char *bootstrap;
    const char *client_id;
    unsigned linger_ms;           /* wait for more to fill a batch */
    unsigned delivery_timeout_ms; /* after this a message is reported as not delivered */
    unsigned queue_messages_max;  /* then ERR_BUSY */
    /* Every message sent is reported exactly once, from the producer's own thread. On failure the
     * message may still have been stored (POSSIBLY_PERSISTED): repeat with the same id. */
    void (*on_delivered)(void *message_ctx, enum err_code code, int32_t partition, int64_t offset,
                         void *ctx);
    void *ctx;
};

struct kafka_message {
    const char *topic;
    struct str key;
    struct str value; /* ptr NULL is a tombstone */
    const struct kafka_header *headers;
    size_t header_count;
    void *message_ctx; /* NULL: not reported */
};

enum err_code kafka_producer_open(const struct kafka_producer_conf *conf,
                                  struct kafka_producer **ret_producer, struct err *err) MUST_CHECK;
/* Learns where a topic's partitions are and connects, so that the first message need not wait. */
enum err_code kafka_producer_warm(struct kafka_producer *producer, const char *topic,
                                  unsigned timeout_ms, struct err *err) MUST_CHECK;
/* Copies the message into the producer's queue. ERR_BUSY when the queue is full, ERR_UNAVAILABLE
 * while a broken producer is being replaced, ERR_TOO_LARGE, ERR_CONFIG for an unknown topic. */
enum err_code kafka_producer_send(struct kafka_producer *producer,
                                  const struct kafka_message *message, struct err *err) MUST_CHECK;
/* Waits until all that was ever sent is reported, also what died with a producer that was replaced;
 * ERR_TIMEOUT when something is still under way at the deadline. */
enum err_code kafka_producer_flush(struct kafka_producer *producer, unsigned timeout_ms,
                                   struct err *err) MUST_CHECK;
/* Messages sent and not reported. */
size_t kafka_producer_pending(struct kafka_producer *producer);
/* How often the producer had to be replaced after a fatal error. */
uint64_t kafka_producer_replaced(const struct kafka_producer *producer);
void kafka_producer_close(struct kafka_producer *producer);

/* --- consumer: one thread --- */

struct kafka_consumer;

struct kafka_consumer_conf {
    const char *bootstrap;
    const char *client_id;
    const char *group; /* NULL: no group, every partition from its end (see kafka_consumer_tail) */
    const char *const *topics; /* NULL at the end */
    unsigned session_timeout_ms;
    unsigned
        max_poll_interval_ms; /* 0: 5 minutes; slower than that, the group takes the work away */
    size_t batch_bytes_max;   /* 0: 32 MiB; a batch that has so many takes no further record */
    /* NULL, or told when the next message of a partition is not the next number: `found` above
     * `expected` means that messages are missing (deleted, or skipped), below it that the topic
     * begins anew. Reading goes on at the earliest message there is, never behind it. */
    void (*on_jump)(const char *topic, int32_t partition, int64_t expected, int64_t found,
                    void *ctx);
    /* NULL, or told about log lines of the library (operator's words, no payloads). */
    void (*on_log)(int level, const char *text, void *ctx);
    void *ctx;
};

/* A message received; borrowed from its batch. */
struct kafka_record {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    struct str key;
    struct str value;
    bool tombstone; /* no value at all, unlike an empty one */
    void *raw;
};

struct kafka_batch; /* records received together */

enum err_code kafka_consumer_open(const struct kafka_consumer_conf *conf,
                                  struct kafka_consumer **ret_consumer, struct err *err) MUST_CHECK;
/* Up to `count_max` records, and no more than batch_bytes_max and one record: what a batch costs in
 * memory is not for those to say who send it. Waits `first_wait_ms` for the first and at most
 * `fill_wait_ms` for more. An empty batch is no error. Records of partitions that were taken away
 * meanwhile are dropped (their new owner has them). */
enum err_code kafka_consumer_poll(struct kafka_consumer *consumer, size_t count_max,
                                  unsigned first_wait_ms, unsigned fill_wait_ms,
                                  struct kafka_batch **ret_batch, struct err *err) MUST_CHECK;
/* Commits the offsets behind every record of the batch and waits for it, 5 s at most an attempt.
 * A partition that was taken away meanwhile is no error. */
enum err_code kafka_consumer_commit(struct kafka_consumer *consumer,
                                    const struct kafka_batch *batch, struct err *err) MUST_CHECK;
/* Goes back to the batch's first offsets: it will be polled again. */
enum err_code kafka_consumer_rewind(struct kafka_consumer *consumer,
                                    const struct kafka_batch *batch, struct err *err) MUST_CHECK;
/* True once partitions are assigned. */
bool kafka_consumer_assigned(const struct kafka_consumer *consumer);
/* Of each assigned partition the end minus the committed offset, -1 when unknown. No network.
 * Returns how many were written, at most `max`. */
struct kafka_lag {
    const char *topic; /* lives as long as the consumer */
    int32_t partition;
    int64_t messages;
};
size_t kafka_consumer_lags(struct kafka_consumer *consumer, struct kafka_lag *ret_lags, size_t max);
/* Leaves the group; 3 s at most, after which the client is left as it is (kafka_left_behind). */
void kafka_consumer_close(struct kafka_consumer *consumer);
/* A client that could not be closed still has its threads: the process must end by _Exit, so that
 * nothing is taken down under them. */
bool kafka_left_behind(void);

size_t kafka_batch_count(const struct kafka_batch *batch);
const struct kafka_record *kafka_batch_record(const struct kafka_batch *batch, size_t index);
void kafka_batch_free(struct kafka_batch *batch);
/* The last header of that name; STR_NONE when absent. */
/* Looks up `count` headers in one pass: texts[i] of names[i], STR_NONE when absent. */
void kafka_record_headers_find(const struct kafka_record *record, const char *const *names,
                               size_t count, struct str *texts);
struct str kafka_record_header(const struct kafka_record *record, const char *name);
/* All headers in order; returns how many were written, at most `max`. */
size_t kafka_record_headers(const struct kafka_record *record, struct kafka_header *out,
                            size_t max);

/* --- cluster: for start-up checks and tools --- */

struct kafka_topic_conf {
    const char *name;
    int partitions;
    int replication;
    const char *retention_ms; /* NULL: the broker's default */
};
/* Creates what is missing; topics that exist are left as they are. With three replicas or more,
 * two must have a message before it is acknowledged. */
enum err_code kafka_topics_create(const char *bootstrap, const struct kafka_topic_conf *topics,
                                  size_t count, unsigned timeout_ms, struct err *err) MUST_CHECK;
/* A client that only asks whether a broker answers. One thread. */
struct kafka_probe;
enum err_code kafka_probe_open(const char *bootstrap, struct kafka_probe **ret_probe,
                               struct err *err) MUST_CHECK;
enum err_code kafka_probe_ask(struct kafka_probe *probe, unsigned timeout_ms,
                              struct err *err) MUST_CHECK;
/* Partition and replica count of a topic; ERR_NOT_FOUND when it does not exist. */
enum err_code kafka_topic_describe(const char *bootstrap, const char *topic, unsigned timeout_ms,
                                   int *ret_partitions, int *ret_replication,
                                   struct err *err) MUST_CHECK;

/* What the cluster says of these topics; one that is not there has 0 partitions. */
struct topic_state;
enum err_code kafka_topics_inspect(const char *bootstrap, const char *const *topics, size_t count,
                                   unsigned timeout_ms, struct topic_state *ret_states,
                                   struct err *err) MUST_CHECK;

/* --- reading for tools: no group is joined, nothing is committed --- */

enum { KAFKA_PARTITIONS_MAX = 256 };
struct kafka_range {
    int32_t partition;
    int64_t begin;     /* first offset that is still there */
    int64_t end;       /* offset of the next message */
    int64_t committed; /* of the group asked for; -1: none */
};
/* The partitions of a topic with their bounds and, unless `group` is NULL, its committed offsets;
 * all of it within about `timeout_ms`. */
enum err_code kafka_topic_ranges(const char *bootstrap, const char *topic, const char *group,
                                 unsigned timeout_ms,
                                 struct kafka_range ret_ranges[KAFKA_PARTITIONS_MAX],
                                 size_t *ret_count, struct err *err) MUST_CHECK;
/* Hands every message of [begin, end) to `each`, partition by partition, until it returns false.
 * The record is borrowed for the call. ERR_TIMEOUT when `timeout_ms` pass without a message. */
enum err_code kafka_read_ranges(const char *bootstrap, const char *topic,
                                const struct kafka_range *ranges, size_t count, unsigned timeout_ms,
                                bool (*each)(const struct kafka_record *record, void *ctx),
                                void *ctx, struct err *err) MUST_CHECK;
