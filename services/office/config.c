#include "services/office/config.h"

const struct program office_program = {
    .name = "sy-office",
    .summary = "review: colleges, schools and the province decide on records, and students see it",
    .needs = NEED_HTTP | NEED_KAFKA | NEED_PG | NEED_REDIS | NEED_KEYS,
    .options = NULL,
    .option_count = 0,
    .conf_size = sizeof(struct office_conf),
};
