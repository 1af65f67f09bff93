#include "services/intake/config.h"

/* clang-format off */
static const struct option_row rows[] = {
    OPTION_UINT_ROW(struct intake_conf, linger_ms, "linger-ms", "3", 0, 100, "milliseconds that a submission may wait for others to share a request to Kafka"),
    OPTION_UINT_ROW(struct intake_conf, delivery_timeout_ms, "delivery-timeout-ms", "2500", 200, 30000, "milliseconds after which an unconfirmed submission is answered 503"),
    OPTION_UINT_ROW(struct intake_conf, producer_queue, "producer-queue", "20000", 10, 1000000, "submissions waiting for Kafka; beyond it the answer is 503 at once"),
    OPTION_UINT_ROW(struct intake_conf, streams_max, "streams-max", "4000", 1, 8000, "open event streams; beyond it the answer is 503"),
    OPTION_UINT_ROW(struct intake_conf, new_a_day, "new-a-day", "100", 0, 1000000, "new submissions of one student a day (China's) that this copy takes; beyond it the answer is 429; repeated keys do not count; 0: no limit"),
};
/* clang-format on */

const struct program intake_program = {
    .name = "sy-intake",
    .summary = "form, draft, submission and status: accepts what students send and publishes it",
    .needs = NEED_HTTP | NEED_KAFKA | NEED_PG | NEED_REDIS | NEED_KEYS,
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .conf_size = sizeof(struct intake_conf),
};
