/*
 * The floor of judging: the shortest program that does the same I/O. Batch from Kafka, one
 * statement with a row of as many columns as a judgement has and the student's pointer, a verdict
 * produced and delivered for each, offsets committed. No rules, no facts, no opening of sealed
 * values.
 *
 *   floor_worker KAFKA PG-DSN TOPIC JUDGED-TOPIC GROUP
 */
#include <cjson/cJSON.h>
#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/pg.h"

enum { BATCH = 1000, BOOKKEEPING = 15, COLUMNS = 25, JOINED_SIZE = 2048 };

static void
die(const char *what)
{
    (void)fprintf(stderr, "floor_worker: %s\n", what);
    exit(1);
}

static rd_kafka_t *
client_new(rd_kafka_type_t type, const char *bootstrap, const char *group)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, text, sizeof text);
    if (type == RD_KAFKA_CONSUMER) {
        (void)rd_kafka_conf_set(conf, "group.id", group, text, sizeof text);
        (void)rd_kafka_conf_set(conf, "enable.auto.commit", "false", text, sizeof text);
        (void)rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", text, sizeof text);
    } else {
        (void)rd_kafka_conf_set(conf, "acks", "all", text, sizeof text);
        (void)rd_kafka_conf_set(conf, "enable.idempotence", "true", text, sizeof text);
        (void)rd_kafka_conf_set(conf, "linger.ms", "1", text, sizeof text);
        (void)rd_kafka_conf_set(conf, "compression.type", "lz4", text, sizeof text);
    }
    return rd_kafka_new(type, conf, text, sizeof text);
}

static struct str
id_of(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const void *id = NULL;
    size_t length = 0;
    if (rd_kafka_message_headers(message, &headers) ||
        rd_kafka_header_get(headers, 0, "ce_id", &id, &length) || length != 36)
        die("no id");
    return (struct str){id, length};
}

/* Values of bookkeeping, then the fields of the document: as many with a column of their own as in
 * the product, the rest in one. */
static void
row_add(struct pg_array columns[COLUMNS], const rd_kafka_message_t *message)
{
    size_t column = 0;
    cJSON *document = cJSON_ParseWithLength(message->payload, message->len);
    pg_array_add(&columns[column++], id_of(message));
    pg_array_add(&columns[column++], (struct str){message->key, message->key_len});
    while (column < BOOKKEEPING)
        pg_array_add(&columns[column++], STR("2026-11-24T00:00:00.000Z"));
    const cJSON *field = document ? cJSON_GetObjectItem(document, "fields")->child : NULL;
    for (; column < COLUMNS - 1; column++, field = field ? field->next : NULL)
        pg_array_add(&columns[column], str_of(field ? field->valuestring : NULL));
    char joined[JOINED_SIZE];
    size_t used = 0;
    for (; field; field = field->next) {
        size_t length = strlen(field->valuestring);
        if (length > sizeof joined - used)
            die("longer than the bench's own");
        memcpy(joined + used, field->valuestring, length);
        used += length;
    }
    pg_array_add(&columns[column], (struct str){joined, used});
    cJSON_Delete(document);
}

static void
batch_handle(rd_kafka_message_t **messages, size_t count, PGconn *pg, rd_kafka_t *producer,
             const char *judged)
{
    static struct pg_array columns[COLUMNS];
    static const char verdict_format[] =
        "{\"version\":1,\"submission_id\":\"%.*s\","
        "\"student_id\":\"00000000-0000-4000-8000-000000000000\",\"campaign_id\":"
        "\"2027-default\",\"revision\":1,\"outcome\":\"accepted\",\"judged_at\":"
        "\"2026-11-24T00:00:00.000Z\",\"findings\":[]}";
    const char *values[COLUMNS];
    int lengths[COLUMNS];
    int formats[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        pg_array_init(&columns[i], (size_t)64 * 1024 * 1024);
    for (size_t i = 0; i < count; i++)
        row_add(columns, messages[i]);
    for (size_t i = 0; i < COLUMNS; i++) {
        pg_array_finish(&columns[i]);
        values[i] = columns[i].bytes.ptr;
        lengths[i] = (int)columns[i].bytes.len;
        formats[i] = 1;
    }
    PGresult *result = PQexecPrepared(pg, "put", COLUMNS, values, lengths, formats, 1);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        die(PQerrorMessage(pg));
    PQclear(result);
    for (size_t i = 0; i < COLUMNS; i++)
        pg_array_done(&columns[i]);
    for (size_t i = 0; i < count; i++) {
        char verdict[512];
        int length = snprintf(verdict, sizeof verdict, verdict_format, STR_ARG(id_of(messages[i])));
        if (rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(judged),
                              RD_KAFKA_V_KEY(messages[i]->key, messages[i]->key_len),
                              RD_KAFKA_V_VALUE(verdict, (size_t)length),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END))
            die("produce");
    }
    if (rd_kafka_flush(producer, 10000))
        die("flush");
}

int
main(int argc, char **argv)
{
    rd_kafka_message_t *messages[BATCH];
    Oid types[COLUMNS];
    if (argc != 6)
        return 2;
    for (size_t i = 0; i < COLUMNS; i++)
        types[i] = 1009;
    PGconn *pg = PQconnectdb(argv[2]);
    if (PQstatus(pg) != CONNECTION_OK)
        die(PQerrorMessage(pg));
    char sql[4096] = "WITH rows AS (INSERT INTO bench.judgement SELECT * FROM unnest(";
    for (int i = 1; i <= COLUMNS; i++)
        (void)snprintf(sql + strlen(sql), sizeof sql - strlen(sql), "%s$%d::text[]",
                       i > 1 ? "," : "", i);
    (void)snprintf(sql + strlen(sql), sizeof sql - strlen(sql),
                   ") ON CONFLICT DO NOTHING RETURNING c1, c2) INSERT INTO bench.latest AS l "
                   "SELECT c2, max(c1) FROM rows GROUP BY c2 ON CONFLICT (student) DO UPDATE SET "
                   "newest = excluded.newest");
    PGresult *prepared = PQprepare(pg, "put", sql, COLUMNS, types);
    if (PQresultStatus(prepared) != PGRES_COMMAND_OK)
        die(PQerrorMessage(pg));
    PQclear(prepared);
    rd_kafka_t *producer = client_new(RD_KAFKA_PRODUCER, argv[1], NULL);
    rd_kafka_t *consumer = client_new(RD_KAFKA_CONSUMER, argv[1], argv[5]);
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, argv[3], RD_KAFKA_PARTITION_UA);
    (void)rd_kafka_subscribe(consumer, topics);
    for (;;) {
        size_t count = 0;
        int wait_ms = 200;
        rd_kafka_message_t *message;
        while (count < BATCH && (message = rd_kafka_consumer_poll(consumer, wait_ms))) {
            if (message->err)
                rd_kafka_message_destroy(message);
            else
                messages[count++] = message;
            wait_ms = 1;
        }
        if (count == 0)
            continue;
        batch_handle(messages, count, pg, producer, argv[4]);
        if (rd_kafka_commit(consumer, NULL, 0))
            die("commit");
        for (size_t i = 0; i < count; i++)
            rd_kafka_message_destroy(messages[i]);
    }
}
