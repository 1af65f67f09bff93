#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "io/kafka.h"
#include "schema/topic.h"
#include "services/syctl/command.h"

enum { TOPICS_TIMEOUT_MS = 15000, TOPICS_MAX = 32, SHOWN_WITHIN_MS = 15000, SHOWN_POLL_MS = 100 };

/* What one broker says of a topic. Of several, one may not know yet what another has just made:
 * until `deadline_ns` "does not exist" is asked again. */
static enum err_code
topic_described(const struct syctl *ctl, const char *name, uint64_t deadline_ns,
                int *ret_partitions, int *ret_replication, struct err *err)
{
    for (;;) {
        enum err_code code = kafka_topic_describe(ctl->kafka_bootstrap, name, TOPICS_TIMEOUT_MS,
                                                  ret_partitions, ret_replication, err);
        if (code != ERR_NOT_FOUND || clock_mono_ns() >= deadline_ns)
            return code;
        (void)poll(NULL, 0, SHOWN_POLL_MS);
    }
}

/* One line a topic; exit status 1 when one is not as it should be. */
static int
topics_print(struct syctl *ctl, uint64_t deadline_ns)
{
    int wrong = 0;
    struct buf out;
    if (!syctl_locate(ctl, SYCTL_KAFKA))
        return 2;
    buf_init(&out, 64 * 1024);
    struct jsonw w = jsonw_on(&out);
    jsonw_object_open(&w);
    jsonw_key(&w, "topics");
    jsonw_array_open(&w);
    for (size_t i = 0; i < topic_count; i++) {
        int partitions = 0;
        int replication = 0;
        struct err err = {0};
        enum err_code code =
            topic_described(ctl, topics[i].name, deadline_ns, &partitions, &replication, &err);
        bool right = code == ERR_OK && partitions == topics[i].partitions;
        wrong += !right;
        jsonw_object_open(&w);
        jsonw_member_text(&w, "topic", topics[i].name);
        jsonw_member_int(&w, "partitions", partitions);
        jsonw_member_int(&w, "partitions_wanted", topics[i].partitions);
        jsonw_member_int(&w, "replication", replication);
        jsonw_member_text(&w, "problem",
                          code    ? err.text
                          : right ? ""
                                  : "other number of partitions");
        jsonw_object_close(&w);
        if (!ctl->json)
            printf("%-26s %2d partitions, replication %d%s%s\n", topics[i].name, partitions,
                   replication, right ? "" : "  WRONG: ",
                   right  ? ""
                   : code ? err.text
                          : "partitions");
    }
    jsonw_array_close(&w);
    jsonw_object_close(&w);
    if (ctl->json)
        syctl_print(&out);
    buf_done(&out);
    return wrong ? 1 : 0;
}

int
topics_apply_run(struct syctl *ctl)
{
    struct kafka_topic_conf wanted[TOPICS_MAX];
    uint64_t replication = 1;
    struct err err = {0};
    if (!syctl_number(ctl, "replication", 1, 9, &replication) || !syctl_locate(ctl, SYCTL_KAFKA))
        return 2;
    for (size_t i = 0; i < topic_count; i++)
        wanted[i] = (struct kafka_topic_conf){topics[i].name, topics[i].partitions,
                                              (int)replication, topics[i].retention_ms};
    if (kafka_topics_create(ctl->kafka_bootstrap, wanted, topic_count, TOPICS_TIMEOUT_MS, &err))
        return syctl_fail(ctl, "topics apply", &err);
    return topics_print(ctl, clock_mono_ns() + (uint64_t)SHOWN_WITHIN_MS * 1000000);
}

int
topics_check_run(struct syctl *ctl)
{
    return topics_print(ctl, 0);
}
