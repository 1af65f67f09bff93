/* The producer against a cluster that misbehaves: every message is reported exactly once. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "io/kafka.h"
#include "tests/component/mock.h"

enum { PRODUCE_API_KEY = 0, MESSAGES_MAX = 4096, WAIT_S = 30 };

struct reports {
    atomic_uint delivered[MESSAGES_MAX];
    atomic_uint failed[MESSAGES_MAX];
    atomic_uint total;
    _Atomic int last_code;
};

static void
on_delivered(void *message_ctx, enum err_code code, int32_t partition, int64_t offset, void *ctx)
{
    struct reports *reports = ctx;
    size_t number = (size_t)(uintptr_t)message_ctx - 1;
    (void)partition;
    if (code == ERR_OK)
        assert_true(offset >= 0);
    atomic_fetch_add(code ? &reports->failed[number] : &reports->delivered[number], 1);
    atomic_store(&reports->last_code, (int)code);
    atomic_fetch_add(&reports->total, 1);
}

static struct kafka_producer *
producer_open(const struct mock *mock, struct reports *reports, unsigned timeout_ms, unsigned queue)
{
    struct kafka_producer *producer = NULL;
    assert_works(kafka_producer_open(
        &(struct kafka_producer_conf){
            .bootstrap = mock->bootstrap,
            .client_id = "component",
            .linger_ms = 1,
            .delivery_timeout_ms = timeout_ms,
            .queue_messages_max = queue,
            .on_delivered = on_delivered,
            .ctx = reports,
        },
        &producer, &err));
    return producer;
}

static enum err_code
send_number(struct kafka_producer *producer, size_t number, struct err *err)
{
    char text[32];
    int length = snprintf(text, sizeof text, "%zu", number);
    return kafka_producer_send(producer,
                               &(struct kafka_message){
                                   .topic = "t",
                                   .key = {text, (size_t)length},
                                   .value = {text, (size_t)length},
                                   .message_ctx = (void *)(uintptr_t)(number + 1),
                               },
                               err);
}

static void
wait_for_total(struct reports *reports, unsigned total)
{
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)WAIT_S * 1000000000;
    while (atomic_load(&reports->total) < total) {
        struct timespec pause = {0, 5000000};
        (void)nanosleep(&pause, NULL);
        if (clock_mono_ns() > deadline_ns)
            fail_msg("%u of %u reported", atomic_load(&reports->total), total);
    }
}

static void
assert_each_once(struct reports *reports, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(atomic_load(&reports->delivered[i]) + atomic_load(&reports->failed[i]), 1);
}

static void
reports_every_message_once(void **state)
{
    struct mock mock;
    static struct reports reports;
    (void)state;
    mock_open(&mock, 3);
    (void)rd_kafka_mock_topic_create(mock.cluster, "t", 4, 3);
    struct kafka_producer *producer = producer_open(&mock, &reports, 5000, 10000);
    assert_works(kafka_producer_warm(producer, "t", 5000, &err));
    for (size_t i = 0; i < 1000; i++)
        assert_works(send_number(producer, i, &err));
    assert_works(kafka_producer_flush(producer, 10000, &err));
    wait_for_total(&reports, 1000);
    assert_each_once(&reports, 1000);
    assert_int_equal(atomic_load(&reports.failed[0]), 0);
    assert_int_equal(kafka_producer_pending(producer), 0);
    kafka_producer_close(producer);
    mock_close(&mock);
}

/* Errors that pass: the message is delivered all the same, and reported once. */
static void
outlasts_passing_errors(void **state)
{
    static const struct {
        const char *name;
        rd_kafka_resp_err_t error;
    } rows[] = {
        {"not leader", RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION},
        {"timed out", RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT},
        {"not enough replicas", RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS},
        {"coordinator load", RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS},
        {"disconnected", RD_KAFKA_RESP_ERR__TRANSPORT},
    };
    (void)state;
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        struct mock mock;
        struct reports *reports = mem_zalloc(sizeof *reports);
        mock_open(&mock, 1);
        (void)rd_kafka_mock_topic_create(mock.cluster, "t", 1, 1);
        struct kafka_producer *producer = producer_open(&mock, reports, 20000, 10000);
        assert_works(kafka_producer_warm(producer, "t", 5000, &err));
        rd_kafka_mock_push_request_errors(mock.cluster, PRODUCE_API_KEY, 2, rows[row].error,
                                          rows[row].error);
        for (size_t i = 0; i < 20; i++)
            assert_works(send_number(producer, i, &err));
        wait_for_total(reports, 20);
        assert_each_once(reports, 20);
        for (size_t i = 0; i < 20; i++)
            if (atomic_load(&reports->delivered[i]) != 1)
                fail_msg("%s: message %zu was not delivered", rows[row].name, i);
        kafka_producer_close(producer);
        mock_close(&mock);
        free(reports);
    }
}

/* The idempotent producer of librdkafka is dead for good after these: another takes its place. */
static void
replaces_a_producer_that_is_unfit_for_good(void **state)
{
    struct mock mock;
    static struct reports reports;
    (void)state;
    mock_open(&mock, 1);
    (void)rd_kafka_mock_topic_create(mock.cluster, "t", 1, 1);
    struct kafka_producer *producer = producer_open(&mock, &reports, 3000, 10000);
    assert_works(send_number(producer, 0, &err));
    wait_for_total(&reports, 1);
    rd_kafka_mock_push_request_errors(mock.cluster, PRODUCE_API_KEY, 1,
                                      RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_works(send_number(producer, 1, &err));
    wait_for_total(&reports, 2);
    assert_each_once(&reports, 2);
    /* Sending works again soon; until then it says that it cannot. */
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)WAIT_S * 1000000000;
    struct err trouble = {0};
    while (send_number(producer, 2, &trouble)) {
        assert_int_equal(err_class(trouble.code), ERR_CLASS_RETRY);
        assert_true(clock_mono_ns() < deadline_ns);
    }
    wait_for_total(&reports, 3);
    for (size_t i = 3; atomic_load(&reports.delivered[i - 1]) == 0; i++) {
        assert_true(i < 100);
        assert_works(send_number(producer, i, &err));
        wait_for_total(&reports, (unsigned)i + 1);
    }
    assert_int_equal(kafka_producer_replaced(producer), 1);
    kafka_producer_close(producer);
    mock_close(&mock);
}

static void
a_full_queue_says_so_at_once(void **state)
{
    struct mock mock;
    static struct reports reports;
    struct err err = {0};
    (void)state;
    mock_open(&mock, 1);
    (void)rd_kafka_mock_topic_create(mock.cluster, "t", 1, 1);
    struct kafka_producer *producer = producer_open(&mock, &reports, 2000, 50);
    (void)rd_kafka_mock_broker_set_down(mock.cluster, 1);
    size_t sent = 0;
    uint64_t begin_ns = clock_mono_ns();
    while (sent < 1000 && send_number(producer, sent, &err) == ERR_OK)
        sent++;
    assert_int_equal(err.code, ERR_BUSY);
    assert_int_equal(sent, 50);
    assert_true(clock_mono_ns() - begin_ns < 500000000);
    wait_for_total(&reports, (unsigned)sent);
    assert_each_once(&reports, sent);
    assert_int_equal(err_class((enum err_code)atomic_load(&reports.last_code)), ERR_CLASS_RETRY);
    kafka_producer_close(producer);
    mock_close(&mock);
}

static void
a_silent_broker_is_reported_within_the_deadline(void **state)
{
    struct mock mock;
    static struct reports reports;
    (void)state;
    mock_open(&mock, 1);
    (void)rd_kafka_mock_topic_create(mock.cluster, "t", 1, 1);
    struct kafka_producer *producer = producer_open(&mock, &reports, 1000, 1000);
    assert_works(kafka_producer_warm(producer, "t", 5000, &err));
    (void)rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 20000);
    uint64_t begin_ns = clock_mono_ns();
    assert_works(send_number(producer, 0, &err));
    wait_for_total(&reports, 1);
    assert_true(clock_mono_ns() - begin_ns < 3000000000u);
    assert_int_equal(atomic_load(&reports.failed[0]), 1);
    kafka_producer_close(producer);
    mock_close(&mock);
}

static void
a_leader_that_moves_loses_nothing(void **state)
{
    struct mock mock;
    static struct reports reports;
    (void)state;
    mock_open(&mock, 3);
    (void)rd_kafka_mock_topic_create(mock.cluster, "t", 1, 3);
    struct kafka_producer *producer = producer_open(&mock, &reports, 20000, 10000);
    for (size_t i = 0; i < 300; i++) {
        if (i % 100 == 50)
            (void)rd_kafka_mock_partition_set_leader(mock.cluster, "t", 0, (int32_t)(i / 100) + 1);
        assert_works(send_number(producer, i, &err));
    }
    wait_for_total(&reports, 300);
    assert_each_once(&reports, 300);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(atomic_load(&reports.delivered[i]), 1);
    kafka_producer_close(producer);
    mock_close(&mock);
}

/* Two requests under way, the first fails and may have arrived, the second succeeds:
 * librdkafka 2.0.2 concludes that the first is stored too. A broker that does not know the producer
 * yet takes the second alone, and the first is nowhere. */
static void
success_of_a_later_message_is_no_success(void **state)
{
    struct mock mock;
    static struct reports reports;
    (void)state;
    mock_open(&mock, 1);
    (void)rd_kafka_mock_topic_create(mock.cluster, "t", 1, 1);
    struct kafka_producer *producer = producer_open(&mock, &reports, 20000, 1000);
    assert_works(send_number(producer, 2, &err)); /* the producer has its id now */
    wait_for_total(&reports, 1);
    /* The second is on its way before the first is answered, also on a busy machine. */
    (void)rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 2000);
    rd_kafka_mock_push_request_errors(mock.cluster, PRODUCE_API_KEY, 2,
                                      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                                      RD_KAFKA_RESP_ERR_NO_ERROR);
    for (size_t i = 0; i < 2; i++) {
        struct timespec pause = {0, 500000000}; /* a request of its own */
        assert_works(send_number(producer, i, &err));
        (void)nanosleep(&pause, NULL);
    }
    wait_for_total(&reports, 3);
    assert_each_once(&reports, 3);
    assert_int_equal(atomic_load(&reports.delivered[1]), 1);
    assert_int_equal(atomic_load(&reports.failed[0]), 1);
    kafka_producer_close(producer);
    mock_close(&mock);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_every_message_once),
        cmocka_unit_test(outlasts_passing_errors),
        cmocka_unit_test(replaces_a_producer_that_is_unfit_for_good),
        cmocka_unit_test(a_full_queue_says_so_at_once),
        cmocka_unit_test(a_silent_broker_is_reported_within_the_deadline),
        cmocka_unit_test(a_leader_that_moves_loses_nothing),
        cmocka_unit_test(success_of_a_later_message_is_no_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
