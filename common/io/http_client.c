#include "io/http_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What calls have in common is the connections that are kept. Each call has a handle of its own:
 * libcurl 7.88 remembers the last header field of a handle's earlier answer and, when the next
 * answer begins with a folded line, reads it after it was freed (found by
 * tests/fuzz/t10_platform.c).
 */
struct http_client {
    CURLSH *share;
    bool reached; /* by the last call */
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
    CURLSH *share = curl_share_init();
    if (share == NULL || curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) ||
        curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION)) {
        (void)curl_share_cleanup(share);
        return ERR(err, ERR_INTERNAL, "cannot make an HTTP client");
    }
    struct http_client *client = mem_zalloc(sizeof *client);
    client->share = share;
    *ret_client = client;
    return ERR_OK;
}

void
http_client_free(struct http_client *client)
{
    if (client == NULL)
        return;
    (void)curl_share_cleanup(client->share);
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
    for (size_t i = 0; list && headers && headers[i]; i++)
        list = curl_slist_append(list, headers[i]);
    if (list == NULL)
        mem_exhausted(); /* the only reason; a request without a field must not go out */
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

/* A handle that is told everything. Of these settings each can fail for want of memory only, and a
 * request that lacks one must not go out. */
static CURL *
handle_new(const struct http_client *client, const struct http_client_request *request,
           struct curl_slist *headers, struct head_count *head, struct buf *answer)
{
    CURL *curl = curl_easy_init();
    bool post = strcmp(request->method, "POST") == 0;
    bool done = curl && curl_easy_setopt(curl, CURLOPT_SHARE, client->share) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_URL, request->url) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_NOPROXY, "127.0.0.1,localhost") == CURLE_OK;
    if (!done)
        mem_exhausted();
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)request->timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_head);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, head);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    if (post) {
        (void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                               request->body.ptr ? request->body.ptr : "");
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->body.len);
    }
    return curl;
}

enum err_code
http_client_call(struct http_client *client, const struct http_client_request *request,
                 unsigned *ret_status, struct buf *ret_answer, struct err *err)
{
    long status = 0;
    struct head_count head = {0, request->answer_bytes_max};
    client->reached = false;
    if (!url_allowed(request->url))
        return ERR(err, ERR_CONFIG, "plain http to another machine is refused; HINT: use https");
    buf_init(ret_answer, request->answer_bytes_max);
    struct curl_slist *headers = header_list(request->headers);
    CURL *curl = handle_new(client, request, headers, &head, ret_answer);
    CURLcode result = curl_easy_perform(curl);
    curl_off_t sent_us = 0; /* when the request was about to go out; 0: it never was */
    (void)curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
    client->reached = result == CURLE_OK || sent_us > 0;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    if (result != CURLE_OK) {
        enum err_code code = call_failed(result, ret_answer, &head, err);
        buf_done(ret_answer);
        return code;
    }
    *ret_status = (unsigned)status;
    return ERR_OK;
}

bool
http_client_reached(const struct http_client *client)
{
    return client->reached;
}
