#include "tests/bench/judged.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

enum { ID_LENGTH = 36, POLL_MS = 100, META_TIMEOUT_MS = 10000 };

struct moment {
    char id[ID_LENGTH];
    uint64_t ns;
};

struct judged {
    rd_kafka_t *consumer;
    pthread_t reader;
    atomic_bool stop;
    size_t count_max;
    size_t expected_count;
    struct moment *expected;
    atomic_size_t heard_count;
    struct moment *heard;
};

static void
die(const char *what)
{
    (void)fprintf(stderr, "load: %s\n", what);
    exit(1);
}

static int
compare_us(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

struct percentiles
percentiles_of(uint32_t *taken_us, size_t count)
{
    if (count == 0)
        return (struct percentiles){0};
    qsort(taken_us, count, sizeof *taken_us, compare_us);
    return (struct percentiles){taken_us[count / 2] / 1000.0, taken_us[count * 99 / 100] / 1000.0,
                                taken_us[count * 999 / 1000] / 1000.0};
}

/* Copies the submission_id that stands in the text; false when there is none. */
static bool
id_find(const char *text, size_t length, char id[ID_LENGTH])
{
    static const char name[] = "\"submission_id\":\"";
    const char *at = memmem(text, length, name, sizeof name - 1);
    if (at == NULL || (size_t)(text + length - at) < sizeof name - 1 + ID_LENGTH)
        return false;
    memcpy(id, at + sizeof name - 1, ID_LENGTH);
    return true;
}

static void *
reader_thread(void *arg)
{
    struct judged *judged = arg;
    while (!atomic_load(&judged->stop)) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(judged->consumer, POLL_MS);
        size_t count = atomic_load(&judged->heard_count);
        if (message == NULL)
            continue;
        if (!message->err && count < judged->count_max &&
            id_find(message->payload, message->len, judged->heard[count].id)) {
            judged->heard[count].ns = clock_mono_ns();
            atomic_store(&judged->heard_count, count + 1);
        }
        rd_kafka_message_destroy(message);
    }
    return NULL;
}

/* All partitions, each from where it ends now. */
static void
assign_from_end(rd_kafka_t *consumer, const char *topic)
{
    const rd_kafka_metadata_t *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(consumer, topic, NULL);
    if (rd_kafka_metadata(consumer, 0, handle, &metadata, META_TIMEOUT_MS))
        die("no metadata");
    int count = metadata->topics[0].partition_cnt;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int32_t i = 0; i < count; i++) {
        int64_t low;
        int64_t high;
        if (rd_kafka_query_watermark_offsets(consumer, topic, i, &low, &high, META_TIMEOUT_MS))
            die("no offsets");
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = high;
    }
    if (rd_kafka_assign(consumer, list))
        die("not assigned");
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
}

struct judged *
judged_open(const char *bootstrap, const char *topic, size_t count_max)
{
    char text[256];
    struct judged *judged = mem_zalloc(sizeof *judged);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, text, sizeof text);
    (void)rd_kafka_conf_set(conf, "group.id", "bench-listener", text, sizeof text);
    (void)rd_kafka_conf_set(conf, "enable.auto.commit", "false", text, sizeof text);
    judged->consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (judged->consumer == NULL)
        die(text);
    (void)rd_kafka_poll_set_consumer(judged->consumer);
    judged->count_max = count_max;
    judged->expected = mem_zalloc(count_max * sizeof *judged->expected);
    judged->heard = mem_zalloc(count_max * sizeof *judged->heard);
    assign_from_end(judged->consumer, topic);
    if (pthread_create(&judged->reader, NULL, reader_thread, judged) != 0)
        die("no thread");
    return judged;
}

void
judged_expect(struct judged *judged, const char *answer, uint64_t due_ns)
{
    struct moment *moment = &judged->expected[judged->expected_count];
    if (judged->expected_count == judged->count_max || !id_find(answer, strlen(answer), moment->id))
        die("an answer without submission_id");
    moment->ns = due_ns;
    judged->expected_count++;
}

static int
compare_id(const void *a, const void *b)
{
    return memcmp(((const struct moment *)a)->id, ((const struct moment *)b)->id, ID_LENGTH);
}

static size_t
join(struct judged *judged, size_t heard_count, uint32_t *taken_us)
{
    size_t count = 0;
    qsort(judged->heard, heard_count, sizeof *judged->heard, compare_id);
    for (size_t i = 0; i < judged->expected_count; i++) {
        const struct moment *due = &judged->expected[i];
        const struct moment *heard =
            bsearch(due, judged->heard, heard_count, sizeof *judged->heard, compare_id);
        if (heard)
            taken_us[count++] = (uint32_t)((heard->ns - due->ns) / 1000);
    }
    return count;
}

size_t
judged_close(struct judged *judged, unsigned wait_s, struct percentiles *ret)
{
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)wait_s * 1000000000;
    struct timespec pause = {0, 5000000};
    while (atomic_load(&judged->heard_count) < judged->expected_count &&
           clock_mono_ns() < deadline_ns)
        (void)nanosleep(&pause, NULL);
    atomic_store(&judged->stop, true);
    (void)pthread_join(judged->reader, NULL);
    uint32_t *taken_us = mem_alloc((judged->expected_count + 1) * sizeof *taken_us);
    size_t count = join(judged, atomic_load(&judged->heard_count), taken_us);
    *ret = percentiles_of(taken_us, count);
    free(taken_us);
    (void)rd_kafka_consumer_close(judged->consumer);
    rd_kafka_destroy(judged->consumer);
    free(judged->expected);
    free(judged->heard);
    free(judged);
    return count;
}
