/* Reading topics for tools: bounds, committed offsets, every message of a range, and an end in all.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "io/kafka.h"
#include "tests/component/mock.h"

enum {
    LIST_OFFSETS_API_KEY = 2,
    PARTITIONS = 3,
    MESSAGES = 9,
    WAIT_MS = 10000,
    SHORT_MS = 700,
};

static void
produce(const struct mock *mock)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", mock->bootstrap, text, sizeof text);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    for (int i = 0; i < MESSAGES; i++) {
        int length = snprintf(text, sizeof text, "%d", i);
        assert_false(rd_kafka_producev(client, RD_KAFKA_V_TOPIC("t"),
                                       RD_KAFKA_V_PARTITION(i % PARTITIONS),
                                       RD_KAFKA_V_VALUE(text, (size_t)length),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END));
    }
    assert_false(rd_kafka_flush(client, WAIT_MS));
    rd_kafka_destroy(client);
}

static void
world_open(struct mock *mock)
{
    mock_open(mock, 1);
    assert_false(rd_kafka_mock_topic_create(mock->cluster, "t", PARTITIONS, 1));
    produce(mock);
}

struct seen {
    unsigned count[MESSAGES];
    int total;
    int enough;
};

static bool
see(const struct kafka_record *record, void *ctx)
{
    struct seen *seen = ctx;
    uint64_t number = 0;
    assert_true(str_to_u64(record->value, MESSAGES - 1, &number));
    assert_int_equal((int)(number % PARTITIONS), record->partition);
    assert_int_equal(number / PARTITIONS, record->offset);
    seen->count[number]++;
    return ++seen->total != seen->enough;
}

static uint64_t
since_ms(uint64_t begin_ns)
{
    return (clock_mono_ns() - begin_ns) / 1000000;
}

static void
reads_every_message_once_or_as_many_as_are_wanted(void **state)
{
    struct mock mock;
    struct kafka_range ranges[KAFKA_PARTITIONS_MAX];
    struct seen seen = {0};
    size_t count = 0;
    (void)state;
    world_open(&mock);
    assert_works(kafka_topic_ranges(mock.bootstrap, "t", "g", WAIT_MS, ranges, &count, &err));
    assert_int_equal(count, PARTITIONS);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ranges[i].begin, 0);
        assert_int_equal(ranges[i].end, MESSAGES / PARTITIONS);
        assert_int_equal(ranges[i].committed, -1);
    }
    assert_works(kafka_read_ranges(mock.bootstrap, "t", ranges, count, WAIT_MS, see, &seen, &err));
    for (size_t i = 0; i < MESSAGES; i++)
        assert_int_equal(seen.count[i], 1);
    seen = (struct seen){.enough = 4};
    assert_works(kafka_read_ranges(mock.bootstrap, "t", ranges, count, WAIT_MS, see, &seen, &err));
    assert_int_equal(seen.total, 4);
    mock_close(&mock);
}

static void
a_topic_that_cannot_be_is_said_to_be_none(void **state)
{
    struct mock mock;
    struct kafka_range ranges[KAFKA_PARTITIONS_MAX];
    char name[1000];
    int partitions = 0;
    int replication = 0;
    size_t count = 0;
    (void)state;
    world_open(&mock);
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_fails(kafka_topic_ranges(mock.bootstrap, name, NULL, WAIT_MS, ranges, &count, &err),
                 ERR_NOT_FOUND, "there can be no topic");
    assert_fails(
        kafka_topic_describe(mock.bootstrap, name, WAIT_MS, &partitions, &replication, &err),
        ERR_NOT_FOUND, "there can be no topic");
    mock_close(&mock);
}

/* However often it is asked anew. */
static void
bounds_that_nobody_tells_are_not_waited_for(void **state)
{
    struct mock mock;
    struct kafka_range ranges[KAFKA_PARTITIONS_MAX];
    size_t count = 0;
    (void)state;
    world_open(&mock);
    for (int i = 0; i < 64; i++) {
        rd_kafka_resp_err_t leaderless = RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
        rd_kafka_mock_push_request_errors_array(mock.cluster, LIST_OFFSETS_API_KEY, 1, &leaderless);
    }
    uint64_t begin_ns = clock_mono_ns();
    assert_fails(kafka_topic_ranges(mock.bootstrap, "t", NULL, SHORT_MS, ranges, &count, &err),
                 ERR_UNAVAILABLE, "bounds of 't'");
    assert_true(since_ms(begin_ns) < 2 * SHORT_MS);
    mock_close(&mock);
}

/* What nobody brings is not waited for, and an error is no progress. */
static void
what_is_not_there_is_given_up(void **state)
{
    struct mock mock;
    struct kafka_range ranges[KAFKA_PARTITIONS_MAX];
    struct seen seen = {0};
    size_t count = 0;
    (void)state;
    world_open(&mock);
    assert_works(kafka_topic_ranges(mock.bootstrap, "t", NULL, WAIT_MS, ranges, &count, &err));
    for (size_t i = 0; i < count; i++) {
        ranges[i].begin = 1000; /* behind the end: an error comes, and then nothing */
        ranges[i].end = 1001;
    }
    uint64_t begin_ns = clock_mono_ns();
    assert_fails(kafka_read_ranges(mock.bootstrap, "t", ranges, count, SHORT_MS, see, &seen, &err),
                 ERR_TIMEOUT, "stopped answering");
    assert_int_equal(seen.total, 0);
    assert_true(since_ms(begin_ns) < 10 * SHORT_MS);
    mock_close(&mock);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_message_once_or_as_many_as_are_wanted),
        cmocka_unit_test(a_topic_that_cannot_be_is_said_to_be_none),
        cmocka_unit_test(bounds_that_nobody_tells_are_not_waited_for),
        cmocka_unit_test(what_is_not_there_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
