/* The consumer: batches in order, offsets only when told, nothing skipped whatever the group does.
 */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
/* The unit under test is included, so that a test can commit what the group never read. */
#include "io/kafka_consumer.c"
#include "tests/component/mock.h"

enum {
    FETCH_API_KEY = 1,
    OFFSET_COMMIT_API_KEY = 8,
    JOIN_GROUP_API_KEY = 11,
    HEARTBEAT_API_KEY = 12,
    PARTITIONS = 4,
    WAIT_S = 40,
};

static const char *const topics[] = {"t", NULL};

static void
produce_to(const struct mock *mock, int first, int count, int partitions)
{
    char text[32];
    char error[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", mock->bootstrap, error, sizeof error);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    for (int i = first; i < first + count; i++) {
        int length = snprintf(text, sizeof text, "%d", i);
        assert_false(rd_kafka_producev(client, RD_KAFKA_V_TOPIC("t"),
                                       RD_KAFKA_V_PARTITION(i % partitions),
                                       RD_KAFKA_V_VALUE(text, (size_t)length),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END));
    }
    assert_false(rd_kafka_flush(client, 10000));
    rd_kafka_destroy(client);
}

static void
produce(const struct mock *mock, int first, int count)
{
    produce_to(mock, first, count, PARTITIONS);
}

static struct kafka_consumer *
consumer_open(const struct mock *mock)
{
    struct kafka_consumer *consumer = NULL;
    assert_works(kafka_consumer_open(&(struct kafka_consumer_conf){.bootstrap = mock->bootstrap,
                                                                   .client_id = "component",
                                                                   .group = "g",
                                                                   .topics = topics,
                                                                   .session_timeout_ms = 6000},
                                     &consumer, &err));
    return consumer;
}

/* Numbers seen, by number; and that each partition's came in order. */
struct seen {
    unsigned count[1000];
    int total;
    int64_t last[PARTITIONS];
};

static void
seen_reset_order(struct seen *seen)
{
    for (int i = 0; i < PARTITIONS; i++)
        seen->last[i] = -1;
}

static void
take(struct seen *seen, const struct kafka_batch *batch)
{
    for (size_t i = 0; i < kafka_batch_count(batch); i++) {
        const struct kafka_record *record = kafka_batch_record(batch, i);
        uint64_t number = 0;
        assert_true(str_to_u64(record->value, 999, &number));
        assert_true(record->offset > seen->last[record->partition]);
        seen->last[record->partition] = record->offset;
        seen->total += seen->count[number]++ == 0;
    }
}

/* A commit may fail in a rebalance: what was read comes again then. */
static void
commit_or_not(struct kafka_consumer *consumer, const struct kafka_batch *batch)
{
    struct err err = {0};
    enum err_code code = kafka_consumer_commit(consumer, batch, &err);
    if (code)
        assert_int_equal(err_class(code), ERR_CLASS_RETRY);
}

static void
poll_until(struct kafka_consumer *consumer, struct seen *seen, int total, bool commit)
{
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)WAIT_S * 1000000000;
    while (seen->total < total) {
        struct kafka_batch *batch = NULL;
        struct err err = {0};
        if (kafka_consumer_poll(consumer, 50, 200, 5, &batch, &err))
            fail_msg("%s", err.text);
        take(seen, batch);
        if (commit && kafka_batch_count(batch))
            commit_or_not(consumer, batch);
        kafka_batch_free(batch);
        if (clock_mono_ns() > deadline_ns)
            fail_msg("%d of %d seen", seen->total, total);
    }
}

/* As validation does it: what cannot be committed comes again. */
static void
poll_until_any_order(struct kafka_consumer *consumer, struct seen *seen, int total)
{
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)WAIT_S * 1000000000;
    while (seen->total < total) {
        struct kafka_batch *batch = NULL;
        assert_works(kafka_consumer_poll(consumer, 10, 200, 5, &batch, &err));
        seen_reset_order(seen);
        take(seen, batch);
        if (kafka_batch_count(batch))
            commit_or_not(consumer, batch);
        kafka_batch_free(batch);
        if (clock_mono_ns() > deadline_ns)
            fail_msg("%d of %d seen", seen->total, total);
    }
}

static void
reads_all_in_order_and_goes_on_where_it_committed(void **state)
{
    struct mock mock;
    struct seen seen = {.total = 0};
    (void)state;
    mock_open(&mock, 1);
    (void)rd_kafka_mock_topic_create(mock.cluster, "t", PARTITIONS, 1);
    produce(&mock, 0, 200);
    seen_reset_order(&seen);
    struct kafka_consumer *consumer = consumer_open(&mock);
    poll_until(consumer, &seen, 200, true);
    kafka_consumer_close(consumer);
    produce(&mock, 200, 100);
    consumer = consumer_open(&mock);
    poll_until(consumer, &seen, 300, true);
    kafka_consumer_close(consumer);
    for (int i = 0; i < 300; i++)
        assert_int_equal(seen.count[i], 1);
    mock_close(&mock);
}

static void
without_a_commit_everything_comes_again(void **state)
{
    struct mock mock;
    struct seen first = {.total = 0};
    struct seen again = {.total = 0};
    (void)state;
    mock_open(&mock, 1);
    (void)rd_kafka_mock_topic_create(mock.cluster, "t", PARTITIONS, 1);
    produce(&mock, 0, 100);
    seen_reset_order(&first);
    seen_reset_order(&again);
    struct kafka_consumer *consumer = consumer_open(&mock);
    poll_until(consumer, &first, 100, false);
    kafka_consumer_close(consumer);
    consumer = consumer_open(&mock);
    poll_until(consumer, &again, 100, true);
    kafka_consumer_close(consumer);
    mock_close(&mock);
}

static void
a_rewound_batch_comes_again_and_nothing_is_skipped(void **state)
{
    struct mock mock;
    struct seen seen = {.total = 0};
    (void)state;
    mock_open(&mock, 1);
    (void)rd_kafka_mock_topic_create(mock.cluster, "t", PARTITIONS, 1);
    produce(&mock, 0, 120);
    struct kafka_consumer *consumer = consumer_open(&mock);
    struct kafka_batch *batch = NULL;
    size_t got = 0;
    while (got == 0) {
        kafka_batch_free(batch);
        assert_works(kafka_consumer_poll(consumer, 30, 500, 5, &batch, &err));
        got = kafka_batch_count(batch);
    }
    assert_works(kafka_consumer_rewind(consumer, batch, &err));
    kafka_batch_free(batch);
    seen_reset_order(&seen);
    poll_until(consumer, &seen, 120, true);
    kafka_consumer_close(consumer);
    mock_close(&mock);
}

/* The group's troubles, each three times in a row: the consumer finds its way back and nothing is
 * skipped. A repetition after a rebalance is allowed, a gap is not. (The mock cluster keeps a
 * member whose commit it called unknown until its session ends, which a broker does not: 33 s.) */
static void
outlasts_the_groups_troubles(void **state)
{
    static const int16_t apis[] = {OFFSET_COMMIT_API_KEY, JOIN_GROUP_API_KEY, HEARTBEAT_API_KEY};
    static const rd_kafka_resp_err_t errors[] = {
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR_FOR_GROUP, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,     RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
        RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
    };
    uint64_t slowest_ns = 0;
    (void)state;
    for (size_t row = 0; row < 3 * (sizeof errors / sizeof errors[0]); row++) {
        struct mock mock;
        struct seen seen = {.total = 0};
        rd_kafka_resp_err_t error = errors[row / 3];
        mock_open(&mock, 2);
        (void)rd_kafka_mock_topic_create(mock.cluster, "t", PARTITIONS, 1);
        produce(&mock, 0, 20);
        seen_reset_order(&seen);
        struct kafka_consumer *consumer = consumer_open(&mock);
        poll_until_any_order(consumer, &seen, 20);
        rd_kafka_mock_push_request_errors(mock.cluster, apis[row % 3], 3, error, error, error);
        if (apis[row % 3] == JOIN_GROUP_API_KEY) /* so that it has to join again */
            (void)rd_kafka_mock_coordinator_set(mock.cluster, "group", "g", 2);
        uint64_t begin_ns = clock_mono_ns();
        produce(&mock, 20, 40);
        poll_until_any_order(consumer, &seen, 60);
        uint64_t taken_ns = clock_mono_ns() - begin_ns;
        slowest_ns = taken_ns > slowest_ns ? taken_ns : slowest_ns;
        if (taken_ns > (uint64_t)WAIT_S * 1000000000)
            fail_msg("row %zu: back after %llu ms", row, (unsigned long long)(taken_ns / 1000000));
        kafka_consumer_close(consumer);
        mock_close(&mock);
    }
    print_message("slowest back in %llu ms\n", (unsigned long long)(slowest_ns / 1000000));
}

/* It was allowed, so the process was fit: it goes on when the right is given back. */
static void
a_right_that_is_taken_away_ends_nothing(void **state)
{
    struct mock mock;
    struct seen seen = {.total = 0};
    (void)state;
    mock_open(&mock, 1);
    (void)rd_kafka_mock_topic_create(mock.cluster, "t", PARTITIONS, 1);
    produce(&mock, 0, 20);
    seen_reset_order(&seen);
    struct kafka_consumer *consumer = consumer_open(&mock);
    poll_until_any_order(consumer, &seen, 20);
    rd_kafka_mock_push_request_errors(
        mock.cluster, FETCH_API_KEY, 3, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    produce(&mock, 20, 40);
    poll_until_any_order(consumer, &seen, 60);
    kafka_consumer_close(consumer);
    mock_close(&mock);
}

/* What the group committed is compared with what comes: a message that is missing is told, and
 * reading goes on at the earliest one there is. */
struct jump {
    unsigned count;
    int64_t expected;
    int64_t found;
};

static void
on_jump(const char *topic, int32_t partition, int64_t expected, int64_t found, void *ctx)
{
    struct jump *jump = ctx;
    assert_string_equal(topic, "t");
    assert_int_equal(partition, 0);
    jump->count++;
    jump->expected = expected;
    jump->found = found;
}

/* Joins the group, leaves it with `offset` committed, and reads on. */
static struct jump
jump_after_committing(const struct mock *mock, int64_t offset, int left)
{
    struct jump jump = {0};
    struct seen seen = {.total = 0};
    struct kafka_lag lag = {0};
    struct kafka_consumer *consumer = consumer_open(mock);
    while (!kafka_consumer_assigned(consumer)) {
        struct kafka_batch *batch = NULL;
        assert_works(kafka_consumer_poll(consumer, 10, 200, 5, &batch, &err));
        kafka_batch_free(batch);
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "t", 0)->offset = offset;
    assert_int_equal(rd_kafka_commit(consumer->client, list, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    kafka_consumer_close(consumer);
    assert_works(kafka_consumer_open(&(struct kafka_consumer_conf){.bootstrap = mock->bootstrap,
                                                                   .client_id = "component",
                                                                   .group = "g",
                                                                   .topics = topics,
                                                                   .session_timeout_ms = 6000,
                                                                   .on_jump = on_jump,
                                                                   .ctx = &jump},
                                     &consumer, &err));
    poll_until_any_order(consumer, &seen, left);
    assert_int_equal(kafka_consumer_lags(consumer, &lag, 1), 1);
    assert_int_equal(lag.messages, 0);
    kafka_consumer_close(consumer);
    return jump;
}

static void
tells_when_messages_are_missing(void **state)
{
    struct mock mock;
    (void)state;
    mock_open(&mock, 1);
    (void)rd_kafka_mock_topic_create(mock.cluster, "t", 1, 1);
    produce_to(&mock, 0, 30, 1);
    assert_int_equal(jump_after_committing(&mock, 10, 20).count, 0);
    struct jump back = jump_after_committing(&mock, 500, 30); /* the topic is shorter than it was */
    assert_int_equal(back.count, 1);
    assert_int_equal(back.expected, 500);
    assert_int_equal(back.found, 0);
    mock_close(&mock);
}

static void
headers_keys_and_tombstones_are_told_apart(void **state)
{
    struct mock mock;
    struct kafka_producer *producer = NULL;
    const struct kafka_header headers[] = {{"a", STR("1")}, {"b", STR("2")}, {"a", STR("3")}};
    (void)state;
    mock_open(&mock, 1);
    (void)rd_kafka_mock_topic_create(mock.cluster, "t", 1, 1);
    assert_works(kafka_producer_open(&(struct kafka_producer_conf){.bootstrap = mock.bootstrap,
                                                                   .client_id = "component",
                                                                   .delivery_timeout_ms = 5000,
                                                                   .queue_messages_max = 100},
                                     &producer, &err));
    const struct kafka_message messages[] = {
        {.topic = "t", .key = STR("k"), .value = STR("v"), .headers = headers, .header_count = 3},
        {.topic = "t", .key = STR("k"), .value = STR("")},
        {.topic = "t", .key = STR("k"), .value = STR_NONE},
    };
    for (size_t i = 0; i < 3; i++)
        assert_works(kafka_producer_send(producer, &messages[i], &err));
    assert_works(kafka_producer_flush(producer, 5000, &err));
    struct kafka_consumer *consumer = consumer_open(&mock);
    size_t seen = 0;
    for (int turns = 0; seen < 3 && turns < 200; turns++) {
        struct kafka_batch *batch = NULL;
        assert_works(kafka_consumer_poll(consumer, 10, 200, 20, &batch, &err));
        for (size_t i = 0; i < kafka_batch_count(batch); i++, seen++) {
            const struct kafka_record *record = kafka_batch_record(batch, i);
            assert_str(record->key, "k");
            assert_int_equal(record->tombstone, seen == 2);
            if (seen == 0) {
                struct kafka_header out[8];
                assert_str(record->value, "v");
                assert_str(kafka_record_header(record, "a"), "3");
                assert_int_equal(kafka_record_headers(record, out, 8), 3);
                assert_int_equal(kafka_record_header(record, "c").len, 0);
            }
        }
        kafka_batch_free(batch);
    }
    assert_int_equal(seen, 3);
    kafka_consumer_close(consumer);
    kafka_producer_close(producer);
    mock_close(&mock);
}

/* However many would come: their size is bounded too, and nothing is left out for it. */
static void
a_batch_is_bounded_in_bytes(void **state)
{
    enum { BYTES_MAX = 20, LONGEST = 3 };
    struct mock mock;
    struct seen seen = {.total = 0};
    struct kafka_consumer *consumer = NULL;
    (void)state;
    mock_open(&mock, 1);
    (void)rd_kafka_mock_topic_create(mock.cluster, "t", PARTITIONS, 1);
    produce(&mock, 0, 200);
    assert_works(kafka_consumer_open(&(struct kafka_consumer_conf){.bootstrap = mock.bootstrap,
                                                                   .client_id = "component",
                                                                   .group = "g",
                                                                   .topics = topics,
                                                                   .session_timeout_ms = 6000,
                                                                   .batch_bytes_max = BYTES_MAX},
                                     &consumer, &err));
    seen_reset_order(&seen);
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)WAIT_S * 1000000000;
    while (seen.total < 200 && clock_mono_ns() < deadline_ns) {
        struct kafka_batch *batch = NULL;
        size_t bytes = 0;
        assert_works(kafka_consumer_poll(consumer, 1000, 200, 5, &batch, &err));
        for (size_t i = 0; i < kafka_batch_count(batch); i++)
            bytes += kafka_batch_record(batch, i)->value.len;
        assert_true(bytes < BYTES_MAX + LONGEST);
        take(&seen, batch);
        kafka_batch_free(batch);
    }
    assert_int_equal(seen.total, 200);
    kafka_consumer_close(consumer);
    mock_close(&mock);
}

/* The last of the tests: what is left behind stays for as long as the program. */
static void
closing_does_not_wait_for_a_commit_that_no_broker_takes(void **state)
{
    struct mock mock;
    struct kafka_batch *batch = NULL;
    struct err refused = {0};
    (void)state;
    mock_open(&mock, 1);
    assert_false(rd_kafka_mock_topic_create(mock.cluster, "t", PARTITIONS, 1));
    produce(&mock, 0, 20);
    struct kafka_consumer *consumer = consumer_open(&mock);
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)WAIT_S * 1000000000;
    while (batch == NULL || kafka_batch_count(batch) == 0) {
        kafka_batch_free(batch);
        assert_works(kafka_consumer_poll(consumer, 50, 200, 5, &batch, &err));
        assert_true(clock_mono_ns() < deadline_ns);
    }
    (void)rd_kafka_mock_broker_set_down(mock.cluster, 1);
    uint64_t begun_ns = clock_mono_ns();
    assert_int_equal(err_class(kafka_consumer_commit(consumer, batch, &refused)), ERR_CLASS_RETRY);
    kafka_batch_free(batch);
    kafka_consumer_close(consumer);
    uint64_t taken_ms = (clock_mono_ns() - begun_ns) / 1000000;
    print_message("closed after %u ms, %s\n", (unsigned)taken_ms,
                  kafka_left_behind() ? "left behind" : "at its end");
    assert_true(taken_ms < COMMIT_WAIT_MS + CLOSE_WAIT_MS + 1000);
    mock_close(&mock);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_bounded_in_bytes),
        cmocka_unit_test(reads_all_in_order_and_goes_on_where_it_committed),
        cmocka_unit_test(without_a_commit_everything_comes_again),
        cmocka_unit_test(a_rewound_batch_comes_again_and_nothing_is_skipped),
        cmocka_unit_test(outlasts_the_groups_troubles),
        cmocka_unit_test(a_right_that_is_taken_away_ends_nothing),
        cmocka_unit_test(tells_when_messages_are_missing),
        cmocka_unit_test(headers_keys_and_tombstones_are_told_apart),
        cmocka_unit_test(closing_does_not_wait_for_a_commit_that_no_broker_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
