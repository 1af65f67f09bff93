/*
 * What is told of a batch: judgements to submission.judged, messages that can never be judged to
 * the dead-letter topic. Not thread-safe, but for the reports, which come on the client library's
 * thread.
 */
#pragma once

#include "io/kafka.h"
#include "runtime/progress.h"
#include "runtime/service.h"
#include "services/validation/domain.h"

struct publisher;

/* No connection is made yet. The pulse beats while reports are waited for; conf outlives it. */
enum err_code publisher_open(const struct runtime_conf *conf, struct pulse *pulse,
                             struct publisher **ret_publisher, struct err *err) MUST_CHECK;
void publisher_close(struct publisher *publisher);
/* Asks for the topic ahead of the first message. */
enum err_code publisher_warm(struct publisher *publisher, struct err *err) MUST_CHECK;
/* Sends what has news and is not delivered yet, and waits for the reports: `delivered`, one an
 * item, says which came, and reports that come late still write to it: it lives as long as the
 * batch. What fails with class RETRY is to be tried again with the same `delivered`. */
enum err_code publisher_send(struct publisher *publisher, const struct kafka_batch *batch,
                             const struct item *items, bool *delivered, struct err *err) MUST_CHECK;
