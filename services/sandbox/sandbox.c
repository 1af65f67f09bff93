#include "services/sandbox/state.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/crypto.h"

struct sandbox *
sandbox_new(const struct sandbox_conf *conf, const struct sandbox_secrets *secrets)
{
    struct sandbox *sandbox = mem_zalloc(sizeof *sandbox);
    sandbox->conf = conf;
    sandbox->secrets = secrets;
    sandbox->codes = mem_zalloc(CODES_MAX * sizeof *sandbox->codes);
    sandbox->faces = mem_zalloc(FACES_MAX * sizeof *sandbox->faces);
    sandbox->messages = mem_zalloc(INBOX_MAX * sizeof *sandbox->messages);
    (void)pthread_mutex_init(&sandbox->lock, NULL);
    sandbox->sent_fd = -1;
    return sandbox;
}

void
sandbox_free(struct sandbox *sandbox)
{
    if (sandbox == NULL)
        return;
    if (sandbox->sent_fd >= 0)
        (void)close(sandbox->sent_fd);
    free(sandbox->codes);
    free(sandbox->faces);
    free(sandbox->messages);
    (void)pthread_mutex_destroy(&sandbox->lock);
    free(sandbox);
}

enum err_code
sandbox_open_sent(struct sandbox *sandbox, struct err *err)
{
    const char *path = sandbox->conf->sent_log;
    if (path[0] == '\0')
        return ERR_OK;
    sandbox->sent_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return sandbox->sent_fd < 0 ? ERR(err, ERR_CONFIG, "cannot append to '%s'", path) : ERR_OK;
}

void
sandbox_copy(char *out, size_t size, struct str text)
{
    (void)snprintf(out, size, "%.*s", STR_ARG(text));
}

struct str
sandbox_query(struct sandbox_call *call, const char *name)
{
    struct str rest = http_request_query(call->request);
    while (rest.len) {
        struct str value = str_cut(&rest, '&');
        struct str key = str_cut(&value, '=');
        if (!str_eq_text(key, name))
            continue;
        struct str copy = arena_copy(call->arena, value);
        char *out = (char *)(uintptr_t)copy.ptr;
        size_t used = 0;
        for (size_t i = 0; i < value.len; i++) {
            unsigned char byte;
            bool escaped = value.ptr[i] == '%' && i + 2 < value.len &&
                           hex_decode((struct str){value.ptr + i + 1, 2}, &byte, 1);
            out[used++] = escaped ? (char)byte : value.ptr[i];
            i += escaped ? 2 : 0;
        }
        return (struct str){out, used};
    }
    return STR_NONE;
}

struct str
sandbox_member(const struct json_doc *doc, const char *name)
{
    return json_str(json_get(json_root(doc), name));
}

bool
sandbox_listed(const char *list, struct str word)
{
    struct str rest = str_of(list);
    while (rest.len)
        if (word.len && str_eq(str_cut(&rest, ','), word))
            return true;
    return false;
}
