#include "services/syctl/processes.h"

#include <stdio.h>
#include <unistd.h>

#include "io/http_client.h"

enum { ASK_TIMEOUT_MS = 3000, ANSWER_BYTES_MAX = 512 * 1024, PLACES_BYTES_MAX = 1024 * 1024 };

struct asking {
    struct syctl *ctl;
    struct http_client *client;
    const char *path;
    void (*each)(const struct process_answer *answer, void *ctx);
    void *ctx;
    size_t count;
};

static void
ask(struct asking *asking, struct str name, struct str admin)
{
    struct err err = {0};
    struct buf body = {0};
    struct str url = arena_printf(asking->ctl->arena, "%.*s%s", STR_ARG(admin), asking->path);
    const struct http_client_request request = {
        .method = "GET",
        .url = url.ptr,
        .timeout_ms = ASK_TIMEOUT_MS,
        .answer_bytes_max = ANSWER_BYTES_MAX,
    };
    struct process_answer answer = {.name = arena_copy(asking->ctl->arena, name), .err = &err};
    asking->count++;
    if (http_client_call(asking->client, &request, &answer.status, &body, &err)) {
        answer.status = 0;
        asking->each(&answer, asking->ctx);
        return;
    }
    answer.body = buf_str(&body);
    asking->each(&answer, asking->ctx);
    buf_done(&body);
}

/* Of a local run. None when it is not one. */
static void
ask_named(struct asking *asking)
{
    struct json_doc *doc = NULL;
    struct err err = {0};
    struct buf text;
    struct str path = arena_printf(asking->ctl->arena, "%s/demo.json", asking->ctl->run_dir);
    if (access(path.ptr, R_OK) != 0 ||
        !syctl_read_file(asking->ctl, path.ptr, PLACES_BYTES_MAX, &text))
        return;
    if (json_parse(buf_str(&text), &doc, &err) == ERR_OK)
        for (const struct json *p = json_first(json_get(json_root(doc), "processes")); p;
             p = json_next(p)) {
            struct str admin = json_str(json_get(p, "admin"));
            if (admin.len)
                ask(asking, json_str(json_get(p, "name")), admin);
        }
    json_doc_free(doc);
    buf_done(&text);
}

size_t
processes_ask(struct syctl *ctl, const char *path,
              void (*each)(const struct process_answer *answer, void *ctx), void *ctx)
{
    struct err err = {0};
    struct asking asking = {.ctl = ctl, .path = path, .each = each, .ctx = ctx};
    if (http_client_new(&asking.client, &err))
        return 0;
    if (ctl->admin) {
        struct str rest = str_of(ctl->admin);
        while (rest.len) {
            struct str admin = str_cut(&rest, ',');
            ask(&asking, admin, admin);
        }
    } else {
        ask_named(&asking);
    }
    http_client_free(asking.client);
    return asking.count;
}
