/*
 * The admin ports of what runs: those of --admin=URL,URL…, else those that RUN_DIR/demo.json names.
 */
#pragma once

#include "schema/json.h"
#include "services/syctl/command.h"

struct process_answer {
    struct str name; /* or the address, when only that is known */
    unsigned status; /* 0: it did not answer, and `err` says why */
    struct str body; /* borrowed for the call */
    const struct err *err;
};

/* Asks each process for `path`; returns how many there are. */
size_t processes_ask(struct syctl *ctl, const char *path,
                     void (*each)(const struct process_answer *answer, void *ctx), void *ctx);
