#include "io/redis.h"

#include <assert.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "io/crypto.h"
#include "io/secret_file.h"

enum { REDIS_RECONNECT_MS = 100, REDIS_HOST_SIZE = 128, REDIS_USER_SIZE = 64, REDIS_NEST_MAX = 4 };

struct redis {
    char host[REDIS_HOST_SIZE];
    char user[REDIS_USER_SIZE];
    char password[128];
    int port;
    struct timeval timeout;
    redisContext *context;
    struct buf out; /* commands of one pipeline, as they go out */
    uint64_t tried_ns;
    bool held; /* see redis_hold */
};

static enum err_code
redis_parse_url(struct redis *redis, const char *url, struct err *err)
{
    struct str text = str_of(url);
    uint64_t port = 0;
    if (!str_starts(text, STR("redis://")))
        return ERR(err, ERR_CONFIG, "redis-url does not begin with redis://");
    text.ptr += strlen("redis://");
    text.len -= strlen("redis://");
    struct str authority = str_cut(&text, '/');
    const char *at = authority.len ? memchr(authority.ptr, '@', authority.len) : NULL;
    struct str user = at ? str_cut(&authority, '@') : STR_NONE;
    struct str host = str_cut(&authority, ':');
    if (host.len == 0 || host.len >= REDIS_HOST_SIZE || user.len >= REDIS_USER_SIZE ||
        !str_to_u64(authority, 65535, &port))
        return ERR(err, ERR_CONFIG, "redis-url is not redis://user@host:port/0");
    (void)snprintf(redis->host, sizeof redis->host, "%.*s", STR_ARG(host));
    (void)snprintf(redis->user, sizeof redis->user, "%.*s", STR_ARG(user));
    redis->port = (int)port;
    return ERR_OK;
}

static enum err_code
redis_read_password(struct redis *redis, const char *path, struct err *err)
{
    if (path == NULL || *path == '\0')
        return ERR_OK;
    return secret_file_read("redis-password-file", path, redis->password, sizeof redis->password,
                            err);
}

enum err_code
redis_new(const struct redis_conf *conf, struct redis **ret_redis, struct err *err)
{
    struct redis *redis = mem_zalloc(sizeof *redis);
    buf_init(&redis->out, SIZE_MAX / 2); /* the commands' texts are bounded by their makers */
    redis->timeout = (struct timeval){.tv_sec = conf->timeout_ms / 1000,
                                      .tv_usec = conf->timeout_ms % 1000 * 1000};
    enum err_code code = redis_parse_url(redis, conf->url, err);
    if (code == ERR_OK)
        code = redis_read_password(redis, conf->password_file, err);
    if (code) {
        redis_free(redis);
        return code;
    }
    *ret_redis = redis;
    return ERR_OK;
}

static void
redis_disconnect(struct redis *redis)
{
    if (redis->context)
        redisFree(redis->context);
    redis->context = NULL;
}

void
redis_free(struct redis *redis)
{
    if (redis == NULL)
        return;
    redis_disconnect(redis);
    buf_done(&redis->out);
    crypto_wipe(redis->password, sizeof redis->password);
    free(redis);
}

static enum err_code
redis_broken(struct redis *redis, const char *what, struct err *err)
{
    bool late = redis->context && redis->context->err == REDIS_ERR_IO &&
                (errno == EAGAIN || errno == ETIMEDOUT);
    enum err_code code = ERR(err, late ? ERR_TIMEOUT : ERR_UNAVAILABLE, "redis %s: %s", what,
                             redis->context ? redis->context->errstr : "no memory");
    redis_disconnect(redis);
    redis->tried_ns = clock_mono_ns();
    return code;
}

static enum err_code
redis_authenticate(struct redis *redis, struct err *err)
{
    if (redis->password[0] == '\0')
        return ERR_OK;
    const char *argv[3] = {"AUTH", redis->user, redis->password};
    int argc = 3;
    if (redis->user[0] == '\0') {
        argv[1] = redis->password;
        argc = 2;
    }
    redisReply *reply = redisCommandArgv(redis->context, argc, argv, NULL);
    if (reply == NULL)
        return redis_broken(redis, "login", err);
    bool refused = reply->type == REDIS_REPLY_ERROR;
    bool loading = refused && strncmp(reply->str, "LOADING", 7) == 0;
    freeReplyObject(reply);
    if (!refused)
        return ERR_OK;
    redis_disconnect(redis);
    return loading
               ? ERR(err, ERR_UNAVAILABLE, "redis is loading its data")
               : ERR(err, ERR_UNAVAILABLE, "redis refused the log-in of user '%s'", redis->user);
}

/* Nothing was asked, so nothing can be there to read but the end of the connection (or an answer
 * nobody waits for): then it is not used again. */
static bool
readable(int fd)
{
    struct pollfd idle = {.fd = fd, .events = POLLIN};
    return poll(&idle, 1, 0) != 0;
}

static enum err_code
redis_connect(struct redis *redis, struct err *err)
{
    if (redis->context && !readable(redis->context->fd))
        return ERR_OK;
    redis_disconnect(redis);
    if (redis->held)
        return ERR(err, ERR_UNAVAILABLE, "redis ended the connection");
    uint64_t now_ns = clock_mono_ns();
    if (redis->tried_ns && now_ns - redis->tried_ns < (uint64_t)REDIS_RECONNECT_MS * 1000000)
        return ERR(err, ERR_UNAVAILABLE, "redis was away %d ms ago", REDIS_RECONNECT_MS);
    redis->context = redisConnectWithTimeout(redis->host, redis->port, redis->timeout);
    if (redis->context == NULL || redis->context->err)
        return redis_broken(redis, "connect", err);
    if (redisSetTimeout(redis->context, redis->timeout) != REDIS_OK)
        return redis_broken(redis, "set time-out", err);
    (void)redisEnableKeepAlive(redis->context);
    redis->tried_ns = 0;
    return redis_authenticate(redis, err);
}

/* "<mark><number>\r\n" of the protocol. */
static void
add_length(struct buf *out, char mark, size_t number)
{
    buf_add_char(out, mark);
    buf_add_uint(out, number);
    buf_add(out, STR("\r\n"));
}

static void
add_command(struct buf *out, const struct redis_command *command)
{
    assert(command->argc > 0 && command->argc <= REDIS_ARGS_MAX);
    add_length(out, '*', (size_t)command->argc);
    for (int i = 0; i < command->argc; i++) {
        add_length(out, '$', command->argv[i].len);
        buf_add(out, command->argv[i]);
        buf_add(out, STR("\r\n"));
    }
}

/* All commands in one piece: the library would format and copy each by itself. */
static enum err_code
redis_send(struct redis *redis, const struct redis_command *commands, size_t count, struct err *err)
{
    buf_reset(&redis->out);
    for (size_t i = 0; i < count; i++)
        add_command(&redis->out, &commands[i]);
    if (redisAppendFormattedCommand(redis->context, redis->out.ptr, redis->out.len) != REDIS_OK)
        return redis_broken(redis, "send", err);
    return ERR_OK;
}

static struct redis_value
redis_value_of(const redisReply *reply, struct arena *arena, int nest)
{
    struct redis_value value = {.type = REDIS_NIL};
    switch (reply->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        value.type = REDIS_STR;
        value.text = arena_copy(arena, (struct str){reply->str, (size_t)reply->len});
        break;
    case REDIS_REPLY_ERROR:
        value.type = REDIS_ERROR;
        value.text = arena_copy(arena, (struct str){reply->str, (size_t)reply->len});
        break;
    case REDIS_REPLY_INTEGER:
        value.type = REDIS_INT;
        value.integer = reply->integer;
        break;
    case REDIS_REPLY_ARRAY:
        value.type = REDIS_ARRAY;
        if (nest == 0)
            break;
        value.count = reply->elements;
        value.elements = arena_alloc(arena, reply->elements * sizeof *value.elements);
        for (size_t i = 0; i < reply->elements; i++)
            value.elements[i] = redis_value_of(reply->element[i], arena, nest - 1);
        break;
    default:
        break;
    }
    return value;
}

enum err_code
redis_pipeline(struct redis *redis, const struct redis_command *commands, size_t count,
               struct arena *arena, struct redis_value *ret_values, struct err *err)
{
    assert(count <= REDIS_PIPELINE_MAX);
    enum err_code code = redis_connect(redis, err);
    if (code == ERR_OK)
        code = redis_send(redis, commands, count, err);
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        void *reply = NULL;
        if (redisGetReply(redis->context, &reply) != REDIS_OK || reply == NULL)
            return redis_broken(redis, "read", err);
        ret_values[i] = redis_value_of(reply, arena, REDIS_NEST_MAX);
        freeReplyObject(reply);
    }
    return code;
}

void
redis_hold(struct redis *redis, bool held)
{
    redis->held = held;
}

enum err_code
redis_call(struct redis *redis, const struct redis_command *command, struct arena *arena,
           struct redis_value *ret_value, struct err *err)
{
    struct redis_value value = {.type = REDIS_NIL};
    enum err_code code = redis_pipeline(redis, command, 1, arena, &value, err);
    if (code)
        return code;
    if (value.type == REDIS_ERROR)
        return ERR(err, str_starts(value.text, STR("NOPERM")) ? ERR_CONFIG : ERR_UNAVAILABLE,
                   "redis answered: %.*s", STR_ARG(value.text));
    *ret_value = value;
    return ERR_OK;
}
