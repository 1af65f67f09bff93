/*
 * The relay: publishes the news that a service's transactions left in its outbox, in order, at once
 * after relay_wake() and every 200 ms. A thread, a producer and a connection of its own. Any number
 * of copies may run: rows that one has taken are left to it.
 */
#pragma once

#include "io/pg.h"
#include "runtime/option.h"

struct relay;

/*
 * `take`: the oldest rows not yet published, locked, columns sequence, topic, key, event id, event
 * type, value, traceparent, age in seconds. `done`: marks them, $1 their sequences as text[].
 * `forget`: deletes what was published long ago. All outlive the relay.
 */
struct relay_conf {
    const struct runtime_conf *runtime;
    const char *source; /* "/binding", of the events */
    const struct pg_statement *take;
    const struct pg_statement *done;
    const struct pg_statement *forget;
};

enum err_code relay_open(const struct relay_conf *conf, struct relay **ret_relay,
                         struct err *err) MUST_CHECK;
void relay_wake(struct relay *relay);
void relay_close(struct relay *relay); /* NULL is fine */
