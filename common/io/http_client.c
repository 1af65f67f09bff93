#include "io/http_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct http_client {
    CURL *curl;
};

static void
curl_init_once(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum err_code
http_client_new(struct http_client **ret_client, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, curl_init_once);
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return ERR(err, ERR_INTERNAL, "cannot make an HTTP client");
    struct http_client *client = mem_zalloc(sizeof *client);
    client->curl = curl;
    *ret_client = client;
    return ERR_OK;
}

void
http_client_free(struct http_client *client)
{
    if (client == NULL)
        return;
    curl_easy_cleanup(client->curl);
    free(client);
}

static size_t
on_data(char *data, size_t size, size_t count, void *ctx)
{
    struct buf *answer = ctx;
    buf_add(answer, (struct str){data, size * count});
    return answer->overflow ? 0 : size * count; /* 0 ends the transfer */
}

/* The head of an answer is limited like its body: the library would keep any number of fields. */
struct head_count {
    size_t bytes;
    size_t max;
};

static size_t
on_head(char *data, size_t size, size_t count, void *ctx)
{
    struct head_count *head = ctx;
    (void)data;
    head->bytes += size * count;
    return head->bytes > head->max ? 0 : size * count;
}

/* Secrets and personal data go over plain HTTP only inside one machine. */
static bool
url_allowed(const char *url)
{
    struct str text = str_of(url);
    return str_starts(text, STR("https://")) || str_starts(text, STR("http://127.0.0.1:")) ||
           str_starts(text, STR("http://localhost:"));
}

static struct curl_slist *
header_list(const char *const *headers)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; headers && headers[i]; i++)
        list = curl_slist_append(list, headers[i]);
    return list;
}

static enum err_code
call_failed(CURLcode result, const struct buf *answer, const struct head_count *head,
            struct err *err)
{
    if (answer->overflow || head->bytes > head->max)
        return ERR(err, ERR_TOO_LARGE, "answer is longer than %zu bytes", answer->max);
    if (result == CURLE_OPERATION_TIMEDOUT)
        return ERR(err, ERR_TIMEOUT, "no answer in time");
    return ERR(err, ERR_UNAVAILABLE, "no answer: %s", curl_easy_strerror(result));
}

enum err_code
http_client_call(struct http_client *client, const struct http_client_request *request,
                 unsigned *ret_status, struct buf *ret_answer, struct err *err)
{
    CURL *curl = client->curl;
    long status = 0;
    struct head_count head = {0, request->answer_bytes_max};
    if (!url_allowed(request->url))
        return ERR(err, ERR_CONFIG, "plain http to another machine is refused; HINT: use https");
    struct curl_slist *headers = header_list(request->headers);
    buf_init(ret_answer, request->answer_bytes_max);
    curl_easy_reset(curl); /* keeps the connection */
    (void)curl_easy_setopt(curl, CURLOPT_URL, request->url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "127.0.0.1,localhost");
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)request->timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_head);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, &head);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret_answer);
    if (strcmp(request->method, "POST") == 0) {
        (void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                               request->body.ptr ? request->body.ptr : "");
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->body.len);
    }
    CURLcode result = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    if (result != CURLE_OK) {
        enum err_code code = call_failed(result, ret_answer, &head, err);
        buf_done(ret_answer);
        return code;
    }
    *ret_status = (unsigned)status;
    return ERR_OK;
}
