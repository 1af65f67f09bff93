#include "io/kafka_conf.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>

#include "base/clock.h"
#include "io/crypto.h"
#include "io/kafka.h"
#include "io/secret_file.h"

enum { SECURITY_MAX = 32, SECURITY_LINE_MAX = 1024 };

/* Of the whole process; written before the first client. */
static struct {
    char *name;
    char *value;
} security[SECURITY_MAX];
static size_t security_count;

static bool
is_security(struct str name)
{
    return str_starts(name, STR("security.")) || str_starts(name, STR("ssl.")) ||
           str_starts(name, STR("sasl.")) || str_starts(name, STR("enable.ssl."));
}

static enum err_code
security_line(struct str line, const char *path, size_t number, struct err *err)
{
    struct str value = line;
    struct str name = str_cut(&value, '=');
    if (line.len == 0 || line.ptr[0] == '#')
        return ERR_OK;
    if (!is_security(name) || value.len == 0 || security_count == SECURITY_MAX)
        return ERR(err, ERR_CONFIG,
                   "kafka security file '%s', line %zu: wants security., ssl. or sasl. "
                   "settings of librdkafka, name=value",
                   path, number);
    security[security_count].name = mem_strndup(name);
    security[security_count++].value = mem_strndup(value);
    return ERR_OK;
}

void
kafka_security_forget(void)
{
    for (size_t i = 0; i < security_count; i++) {
        crypto_wipe(security[i].value, strlen(security[i].value));
        free(security[i].name);
        free(security[i].value);
    }
    security_count = 0;
}

enum err_code
kafka_security_load(const char *path, struct err *err)
{
    char line[SECURITY_LINE_MAX];
    FILE *file = NULL;
    enum err_code code = secret_file_open("kafka security file", path, &file, err);
    if (code)
        return code;
    for (size_t number = 1; code == ERR_OK && fgets(line, sizeof line, file); number++)
        code = security_line((struct str){line, strcspn(line, "\r\n")}, path, number, err);
    (void)fclose(file);
    crypto_wipe(line, sizeof line);
    return code;
}

static enum err_code
setting_add(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *err)
{
    char text[ERR_TEXT_SIZE];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
        return ERR_OK;
    /* The library's text repeats the value, which may be a password. */
    return ERR(err, ERR_CONFIG, "kafka setting '%s' was refused", name);
}

enum err_code
kafka_conf_new(const struct kafka_setting *settings, size_t count, rd_kafka_conf_t **ret_conf,
               struct err *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < count && code == ERR_OK; i++)
        code = setting_add(conf, settings[i].name, settings[i].value, err);
    for (size_t i = 0; i < security_count && code == ERR_OK; i++)
        code = setting_add(conf, security[i].name, security[i].value, err);
    if (code)
        rd_kafka_conf_destroy(conf);
    else
        *ret_conf = conf;
    return code;
}

enum err_code
kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **ret_client,
                 struct err *err)
{
    char text[ERR_TEXT_SIZE];
    rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof text);
    if (client == NULL) {
        rd_kafka_conf_destroy(conf);
        return ERR(err, ERR_CONFIG, "cannot make a kafka client: %.200s", text);
    }
    *ret_client = client;
    return ERR_OK;
}

enum err_code
kafka_topic_ask(rd_kafka_t *client, const char *topic, int timeout_ms,
                const struct rd_kafka_metadata **ret_metadata, struct err *err)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    if (handle == NULL) /* too long a name, say; to ask all the same would be about every topic */
        return ERR(err, ERR_NOT_FOUND, "there can be no topic '%.64s': %s", topic,
                   rd_kafka_err2str(rd_kafka_last_error()));
    rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, handle, ret_metadata, timeout_ms);
    rd_kafka_topic_destroy(handle);
    return error ? ERR(err, ERR_UNAVAILABLE, "kafka does not answer: %s", rd_kafka_err2str(error))
                 : ERR_OK;
}

/*
 * librdkafka waits with cnd_timedwait until a time of the wall clock: when that is set back by an
 * hour, whoever polls an idle queue waits for an hour, and stopping waits for him. The program's
 * own function is found before the C library's: as long, but by the monotonic clock. glibc's cnd_t
 * and mtx_t are its pthread types (asserted below). Weak: builds that take all of C11's threads
 * from elsewhere (tests/sanitize/c11_threads.c) keep theirs.
 */
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t) && sizeof(mtx_t) == sizeof(pthread_mutex_t),
               "C11's threads are POSIX threads");
__attribute__((weak)) int
cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict lock, const struct timespec *restrict until)
{
    enum { SECOND_NS = 1000000000, WAIT_MAX_S = 30 };
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    int64_t left_ns =
        (int64_t)(until->tv_sec - now.tv_sec) * SECOND_NS + (until->tv_nsec - now.tv_nsec);
    if (left_ns <= 0)
        return thrd_timedout;
    /* The library may wait for one `until` several times, and the clock may go back in between.
     * None of our waits is longer; the library's own threads look again. */
    if (left_ns > (int64_t)WAIT_MAX_S * SECOND_NS)
        left_ns = (int64_t)WAIT_MAX_S * SECOND_NS;
    uint64_t end_ns = clock_mono_ns() + (uint64_t)left_ns;
    struct timespec end = {(time_t)(end_ns / SECOND_NS), (long)(end_ns % SECOND_NS)};
    switch (pthread_cond_clockwait((pthread_cond_t *)cond, (pthread_mutex_t *)lock, CLOCK_MONOTONIC,
                                   &end)) {
    case 0:
        return thrd_success;
    case ETIMEDOUT:
        return thrd_timedout;
    default:
        return thrd_error;
    }
}
