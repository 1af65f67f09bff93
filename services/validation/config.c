#include "services/validation/config.h"

/* clang-format off */
static const struct option_row rows[] = {
    OPTION_TEXT_ROW(struct validation_conf, group, "group", "validation", "Kafka consumer group; copies of one group share the work"),
    OPTION_UINT_ROW(struct validation_conf, batch_max, "batch-max", "1000", 1, 5000, "submissions judged in one transaction at most"),
    OPTION_UINT_ROW(struct validation_conf, batch_fill_ms, "batch-fill-ms", "2", 0, 1000, "milliseconds that a batch waits for more submissions"),
    OPTION_UINT_ROW(struct validation_conf, max_poll_interval_ms, "max-poll-interval-ms", "300000", 10000, 86400000, "milliseconds that a batch may take before the group gives its work to others"),
    OPTION_UINT_ROW(struct validation_conf, session_timeout_ms, "session-timeout-ms", "6000", 6000, 60000, "milliseconds after which the group gives a silent copy's work to others"),
};
/* clang-format on */

const struct program validation_program = {
    .name = "sy-validation",
    .summary = "judges submissions by the rules against the roster and keeps the record",
    .needs = NEED_KAFKA | NEED_PG | NEED_KEYS,
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .conf_size = sizeof(struct validation_conf),
};
