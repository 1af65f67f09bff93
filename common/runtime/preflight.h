/*
 * What has to be right before real people's data are let in: one table of checks, for every service
 * at its start (profile production; some in any) and for syctl doctor. A check looks at options by
 * their names and applies where its option is given, so services and tool share the rows.
 *
 * A refusal is ERR_CONFIG (exit 78) and says what to do. ERR_UNAVAILABLE or ERR_TIMEOUT: a server
 * is away and could not be asked; a service starts, is not ready, and asks again.
 */
#pragma once

#include "runtime/option.h"

enum { PREFLIGHT_OPTIONS_MAX = 64 };

struct preflight {
    size_t count;
    struct {
        const char *name;
        const char *value;
    } options[PREFLIGHT_OPTIONS_MAX];
};
/* Borrowed; empty values are left out. */
void preflight_add(struct preflight *preflight, const char *name, const char *value);
void preflight_add_program(struct preflight *preflight, const struct program *program,
                           const void *conf);

struct preflight_row {
    const char *name;
    const char *option; /* applies when this is given; NULL: always */
    bool any_profile;
    enum err_code (*check)(const struct preflight *preflight, struct err *err);
    const char *refuses; /* for the reference */
};
extern const struct preflight_row preflight_rows[];
extern const size_t preflight_row_count;

bool preflight_applies(const struct preflight_row *row, const struct preflight *preflight,
                       bool production);
/* All that apply; the first refusal, else the first server that could not be asked, else ERR_OK. */
enum err_code preflight_run(const struct preflight *preflight, bool production,
                            struct err *err) MUST_CHECK;
void preflight_write_docs(struct buf *out);
