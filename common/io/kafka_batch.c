#include "io/kafka_batch.h"

#include <stdlib.h>
#include <string.h>

struct kafka_batch *
kafka_batch_new(size_t count_max)
{
    struct kafka_batch *batch = mem_zalloc(sizeof *batch);
    batch->count_max = count_max;
    batch->records = mem_alloc(count_max * sizeof *batch->records);
    return batch;
}

void
kafka_batch_clear(struct kafka_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        rd_kafka_message_destroy(batch->records[i].raw);
    batch->count = 0;
    batch->bytes = 0;
}

void
kafka_batch_free(struct kafka_batch *batch)
{
    if (batch == NULL)
        return;
    kafka_batch_clear(batch);
    free(batch->records);
    free(batch);
}

struct kafka_record
kafka_record_of(rd_kafka_message_t *message)
{
    return (struct kafka_record){
        .topic = rd_kafka_topic_name(message->rkt),
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
        .tombstone = message->payload == NULL,
        .raw = message,
    };
}

void
kafka_batch_add(struct kafka_batch *batch, rd_kafka_message_t *message)
{
    batch->bytes += message->len;
    batch->records[batch->count++] = kafka_record_of(message);
}

rd_kafka_topic_partition_list_t *
kafka_batch_offsets(const struct kafka_batch *batch, bool pick_last)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    for (size_t i = 0; i < batch->count; i++) {
        const struct kafka_record *record = &batch->records[i];
        rd_kafka_topic_partition_t *entry =
            rd_kafka_topic_partition_list_find(list, record->topic, record->partition);
        bool fresh = entry == NULL;
        if (fresh)
            entry = rd_kafka_topic_partition_list_add(list, record->topic, record->partition);
        if (pick_last)
            entry->offset = record->offset + 1;
        else if (fresh)
            entry->offset = record->offset;
    }
    return list;
}

size_t
kafka_batch_count(const struct kafka_batch *batch)
{
    return batch->count;
}

const struct kafka_record *
kafka_batch_record(const struct kafka_batch *batch, size_t index)
{
    return &batch->records[index];
}

struct str
kafka_record_header(const struct kafka_record *record, const char *name)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t size = 0;
    if (rd_kafka_message_headers(record->raw, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return STR_NONE;
    return (struct str){value, value ? size : 0};
}

void
kafka_record_headers_find(const struct kafka_record *record, const char *const *names, size_t count,
                          struct str *texts)
{
    rd_kafka_headers_t *headers = NULL;
    const char *name;
    const void *value;
    size_t size;
    for (size_t i = 0; i < count; i++)
        texts[i] = STR_NONE;
    if (rd_kafka_message_headers(record->raw, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    /* The last of a name counts, as in kafka_record_header. Senders keep one order: the first look
     * is nearly always the right one. */
    for (size_t at = 0;
         rd_kafka_header_get_all(headers, at, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         at++)
        for (size_t k = 0; k < count; k++) {
            size_t i = (at + k) % count;
            if (strcmp(name, names[i]) != 0)
                continue;
            texts[i] = (struct str){value, value ? size : 0};
            break;
        }
}

size_t
kafka_record_headers(const struct kafka_record *record, struct kafka_header *out, size_t max)
{
    rd_kafka_headers_t *headers = NULL;
    size_t count = 0;
    if (rd_kafka_message_headers(record->raw, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    const char *name;
    const void *value;
    size_t size;
    while (count < max && rd_kafka_header_get_all(headers, count, &name, &value, &size) ==
                              RD_KAFKA_RESP_ERR_NO_ERROR)
        out[count++] = (struct kafka_header){name, {value, value ? size : 0}};
    return count;
}
