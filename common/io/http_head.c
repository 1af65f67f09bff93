#include <string.h>
#include <strings.h>

#include "io/http_exchange.h"

struct header_census {
    size_t count;
    size_t bytes;
    size_t hosts;
    size_t lengths;
    size_t codings;
    bool bad;
    bool coding_unknown;
    uint64_t length;
};

static bool
token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
value_plain(const char *value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)value[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return false;
    }
    return true;
}

static enum MHD_Result
count_header(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_size,
             const char *value, size_t value_size)
{
    struct header_census *census = ctx;
    (void)kind;
    census->count++;
    census->bytes += name_size + value_size + 4;
    if (name_size == 0 || (value_size && !value_plain(value, value_size)))
        census->bad = true;
    for (size_t i = 0; i < name_size; i++)
        if (!token_char(name[i]))
            census->bad = true;
    if (strcasecmp(name, "Host") == 0)
        census->hosts++;
    if (strcasecmp(name, "Content-Length") == 0) {
        census->lengths++;
        if (!str_to_u64((struct str){value, value_size}, UINT64_MAX, &census->length))
            census->bad = true;
    }
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        census->codings++;
        census->coding_unknown = value == NULL || strcasecmp(value, "chunked") != 0;
    }
    return MHD_YES;
}

/* Origin-form, printable ASCII, no fragment. */
static bool
target_plain(struct str target)
{
    if (target.len == 0 || target.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];
        if (c <= 0x20 || c >= 0x7F || c == '#' || c == '\\')
            return false;
    }
    return true;
}

bool
http_head_refused(const struct http_request *request, enum http_refusal *ret_refusal)
{
    const struct http_server_conf *conf = &request->server->conf;
    struct header_census census = {0};
    (void)MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, count_header, &census);
    if (request->target.overflow)
        *ret_refusal = HTTP_REFUSED_TARGET_TOO_LONG;
    else if (census.count > conf->header_count_max || census.bytes > conf->header_bytes_max)
        *ret_refusal = HTTP_REFUSED_HEADERS_TOO_LARGE;
    else if (census.bad || census.hosts != 1 || census.lengths > 1 || census.codings > 1 ||
             (census.lengths && census.codings) || census.coding_unknown ||
             !target_plain(buf_str(&request->target)))
        *ret_refusal = HTTP_REFUSED_MALFORMED;
    else if (census.length > conf->body_bytes_max)
        *ret_refusal = HTTP_REFUSED_BODY_TOO_LARGE;
    else
        return false;
    return true;
}
