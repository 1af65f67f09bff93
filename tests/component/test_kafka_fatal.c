/*
 * The idempotent producer of librdkafka dies for good of what it calls a fatal error. Its successor
 * takes over: nobody is told of a delivery that was none, nobody waits for a report for ever, and
 * one student's messages keep their order.
 */
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

/* The unit under test is included, so that its client can be told to die. */
#include "io/kafka_producer.c"
#include "tests/component/mock.h"

enum { PRODUCE_API_KEY = 0, MESSAGES_MAX = 20000, WAIT_S = 60, SENDERS = 4, DEATHS = 6 };

struct reports {
    atomic_uchar delivered[MESSAGES_MAX];
    atomic_uchar failed[MESSAGES_MAX];
    atomic_uint total;
    atomic_bool gate_shut; /* failures of a client that was replaced wait here, in the poller */
    _Atomic(struct kafka_producer *) producer;
    atomic_uint_fast64_t alive; /* how often it had been replaced when the message was sent */
};

static void
pause_ms(unsigned ms)
{
    struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
}

static void
on_delivered(void *message_ctx, enum err_code code, int32_t partition, int64_t offset, void *ctx)
{
    struct reports *reports = ctx;
    size_t number = (size_t)(uintptr_t)message_ctx - 1;
    (void)partition;
    (void)offset;
    struct kafka_producer *producer = atomic_load(&reports->producer);
    while (code && atomic_load(&reports->gate_shut) &&
           kafka_producer_replaced(producer) > atomic_load(&reports->alive))
        pause_ms(1);
    atomic_fetch_add(code ? &reports->failed[number] : &reports->delivered[number], 1);
    atomic_fetch_add(&reports->total, 1);
}

static struct kafka_producer *
producer_open(const struct mock *mock, struct reports *reports, unsigned timeout_ms)
{
    struct kafka_producer *producer = NULL;
    assert_works(
        kafka_producer_open(&(struct kafka_producer_conf){.bootstrap = mock->bootstrap,
                                                          .client_id = "component",
                                                          .linger_ms = 1,
                                                          .delivery_timeout_ms = timeout_ms,
                                                          .queue_messages_max = 10000,
                                                          .on_delivered = on_delivered,
                                                          .ctx = reports},
                            &producer, &err));
    return producer;
}

static enum err_code
send_number(struct kafka_producer *producer, const char *key, size_t number, struct err *err)
{
    char text[32];
    int length = snprintf(text, sizeof text, "%zu", number);
    return kafka_producer_send(producer,
                               &(struct kafka_message){.topic = "t",
                                                       .key = str_of(key),
                                                       .value = {text, (size_t)length},
                                                       .message_ctx = (void *)(number + 1)},
                               err);
}

/* As if the broker had said something that cannot be mended. */
static void
die(struct kafka_producer *producer)
{
    (void)pthread_rwlock_rdlock(&producer->lock);
    (void)rd_kafka_test_fatal_error(producer->client,
                                    RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "planted");
    (void)pthread_rwlock_unlock(&producer->lock);
}

static void
wait_for_replaced(const struct kafka_producer *producer, uint64_t count)
{
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)WAIT_S * 1000000000;
    while (kafka_producer_replaced(producer) < count) {
        pause_ms(1);
        assert_true(clock_mono_ns() < deadline_ns);
    }
}

/* How often each number is in the topic, and where it was first. */
struct found {
    unsigned count[MESSAGES_MAX];
    int64_t first[MESSAGES_MAX];
};

static bool
find_each(const struct kafka_record *record, void *ctx)
{
    struct found *found = ctx;
    uint64_t number = 0;
    assert_true(str_to_u64(record->value, MESSAGES_MAX - 1, &number));
    if (found->count[number]++ == 0)
        found->first[number] = record->offset;
    return true;
}

static void
read_topic(const struct mock *mock, struct found *found)
{
    static struct kafka_range ranges[KAFKA_PARTITIONS_MAX];
    size_t count = 0;
    memset(found, 0, sizeof *found);
    assert_works(kafka_topic_ranges(mock->bootstrap, "t", NULL, 10000, ranges, &count, &err));
    assert_works(
        kafka_read_ranges(mock->bootstrap, "t", ranges, count, 10000, find_each, found, &err));
}

/* Between the change of clients and the last report of the dead one, nothing is finished: whoever
 * took that for delivered would commit what was never published. */
static void
waits_for_the_reports_of_the_dead(void **state)
{
    struct mock mock;
    static struct reports reports;
    struct err late = {0};
    (void)state;
    mock_open(&mock, 1);
    (void)rd_kafka_mock_topic_create(mock.cluster, "t", 1, 1);
    struct kafka_producer *producer = producer_open(&mock, &reports, 20000);
    assert_works(kafka_producer_warm(producer, "t", 5000, &err));
    (void)rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 5000);
    atomic_store(&reports.producer, producer);
    atomic_store(&reports.gate_shut, true);
    /* The library itself fails what it has not sent yet: again until something is in flight. */
    for (size_t sent = 0; kafka_producer_pending(producer) == 0; sent++) {
        assert_true(sent < 100);
        atomic_store(&reports.alive, sent);
        atomic_store(&reports.total, 0);
        assert_works(send_number(producer, "k", sent, &err));
        pause_ms(20);
        die(producer);
        wait_for_replaced(producer, sent + 1);
    }
    assert_int_equal(kafka_producer_flush(producer, 200, &late), ERR_TIMEOUT);
    assert_int_equal(atomic_load(&reports.total), 0);
    atomic_store(&reports.gate_shut, false);
    assert_works(kafka_producer_flush(producer, 5000, &err));
    assert_int_equal(atomic_load(&reports.total), 1);
    assert_int_equal(kafka_producer_pending(producer), 0);
    kafka_producer_close(producer);
    mock_close(&mock);
}

/* librdkafka issue 4438: a produce answer comes too late, the broker goes and comes back, has too
 * few replicas for a while, and then answers as a real one does when a message that timed out has
 * left a gap. The mock cluster does not count sequence numbers, so that last answer is planted. */
static void
outlives_the_librarys_own_fatal_error(void **state)
{
    struct mock mock;
    static struct reports reports;
    static struct found found;
    (void)state;
    mock_open(&mock, 1);
    (void)rd_kafka_mock_topic_create(mock.cluster, "t", 1, 1);
    struct kafka_producer *producer = producer_open(&mock, &reports, 1500);
    assert_works(kafka_producer_warm(producer, "t", 5000, &err));
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)WAIT_S * 1000000000;
    size_t sent = 0;
    for (int round = 0; kafka_producer_replaced(producer) == 0; round++) {
        assert_true(clock_mono_ns() < deadline_ns && sent + 200 < MESSAGES_MAX);
        (void)rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 400);
        for (int i = 0; i < 10; i++, sent++) {
            struct err err = {0};
            if (send_number(producer, "k", sent, &err))
                break;
            pause_ms(15);
        }
        (void)rd_kafka_mock_broker_set_down(mock.cluster, 1);
        rd_kafka_mock_push_request_errors(
            mock.cluster, PRODUCE_API_KEY, 4, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
            RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
        (void)rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 0);
        pause_ms(100);
        (void)rd_kafka_mock_broker_set_up(mock.cluster, 1);
        assert_works(kafka_producer_flush(producer, 6000, &err));
    }
    print_message("the library declared itself unfit after %zu messages\n", sent);
    (void)rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 0);
    rd_kafka_mock_clear_request_errors(mock.cluster, PRODUCE_API_KEY);
    for (size_t good = 0; good < 20; sent++) {
        struct err refused = {0};
        assert_true(clock_mono_ns() < deadline_ns && sent < MESSAGES_MAX);
        if (send_number(producer, "k", sent, &refused) == ERR_OK)
            assert_works(kafka_producer_flush(producer, 5000, &err));
        good += atomic_load(&reports.delivered[sent]);
    }
    read_topic(&mock, &found);
    for (size_t i = 0; i < sent; i++) {
        assert_true(atomic_load(&reports.delivered[i]) + atomic_load(&reports.failed[i]) <= 1);
        if (atomic_load(&reports.delivered[i]) && found.count[i] == 0)
            fail_msg("%zu was reported as delivered and is not in the topic", i);
    }
    kafka_producer_close(producer);
    mock_close(&mock);
}

struct sender {
    struct kafka_producer *producer;
    struct reports *reports;
    atomic_bool *enough;
    const char *key;
    size_t first;
    size_t sent;
    size_t repeated;
};

/* One student: the next number only when the last one was confirmed, the same one again until then.
 */
static void *
sender_thread(void *arg)
{
    struct sender *sender = arg;
    uint64_t deadline_ns = clock_mono_ns() + (uint64_t)WAIT_S * 1000000000;
    while (!atomic_load(sender->enough) && sender->sent < MESSAGES_MAX / SENDERS) {
        size_t number = sender->first + sender->sent;
        unsigned failed = atomic_load(&sender->reports->failed[number]);
        struct err err = {0};
        assert_true(clock_mono_ns() < deadline_ns && failed < UCHAR_MAX);
        if (send_number(sender->producer, sender->key, number, &err)) {
            assert_int_equal(err_class(err.code), ERR_CLASS_RETRY);
            pause_ms(1);
            continue;
        }
        while (!atomic_load(&sender->reports->delivered[number]) &&
               atomic_load(&sender->reports->failed[number]) == failed) {
            assert_true(clock_mono_ns() < deadline_ns);
            (void)sched_yield();
        }
        if (atomic_load(&sender->reports->delivered[number]))
            sender->sent++;
        else
            sender->repeated++;
    }
    return NULL;
}

static void
keeps_each_students_order_through_many_deaths(void **state)
{
    static const char *const keys[SENDERS] = {"a", "b", "c", "d"};
    struct mock mock;
    static struct reports reports;
    static struct found found;
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];
    atomic_bool enough = false;
    size_t sent = 0;
    size_t repeated = 0;
    (void)state;
    mock_open(&mock, 3);
    (void)rd_kafka_mock_topic_create(mock.cluster, "t", 1, 3);
    struct kafka_producer *producer = producer_open(&mock, &reports, 5000);
    for (size_t i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){
            producer, &reports, &enough, keys[i], i * (MESSAGES_MAX / SENDERS), 0, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, sender_thread, &senders[i]), 0);
    }
    uint64_t slowest_ns = 0;
    for (uint64_t death = 1; death <= DEATHS; death++) {
        unsigned before = atomic_load(&reports.total);
        uint64_t deadline_ns = clock_mono_ns() + (uint64_t)WAIT_S * 1000000000;
        while (atomic_load(&reports.total) < before + 20) { /* under way again */
            pause_ms(1);
            assert_true(clock_mono_ns() < deadline_ns);
        }
        uint64_t begin_ns = clock_mono_ns();
        die(producer);
        wait_for_replaced(producer, death);
        before = atomic_load(&reports.total);
        while (atomic_load(&reports.total) < before + SENDERS)
            pause_ms(1);
        uint64_t taken_ns = clock_mono_ns() - begin_ns;
        slowest_ns = taken_ns > slowest_ns ? taken_ns : slowest_ns;
    }
    atomic_store(&enough, true);
    for (size_t i = 0; i < SENDERS; i++)
        (void)pthread_join(threads[i], NULL);
    assert_works(kafka_producer_flush(producer, 10000, &err));
    read_topic(&mock, &found);
    for (size_t i = 0; i < SENDERS; i++) {
        for (size_t n = 0; n < senders[i].sent; n++) {
            size_t number = senders[i].first + n;
            assert_true(found.count[number] >= 1);
            assert_int_equal(atomic_load(&reports.delivered[number]), 1);
            if (n)
                assert_true(found.first[number] > found.first[number - 1]);
        }
        sent += senders[i].sent;
        repeated += senders[i].repeated;
    }
    print_message("%d deaths, %zu confirmed, %zu repeated, slowest back in %llu ms\n", DEATHS, sent,
                  repeated, (unsigned long long)(slowest_ns / 1000000));
    assert_true(slowest_ns < 10000000000u);
    assert_int_equal(kafka_producer_replaced(producer), DEATHS);
    kafka_producer_close(producer);
    mock_close(&mock);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_the_reports_of_the_dead),
        cmocka_unit_test(outlives_the_librarys_own_fatal_error),
        cmocka_unit_test(keeps_each_students_order_through_many_deaths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
