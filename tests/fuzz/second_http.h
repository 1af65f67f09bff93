/*
 * A second reader of HTTP/1.1 requests, strict, small, and written apart from the product and its
 * library: RFC 9112 without what our contract does not need. It takes whole requests off a stream
 * of bytes as long as each is without fault; at the first that is not, the rest is nobody's.
 */
#pragma once

#include "base/buf.h"

struct second_request {
    struct str method;
    struct str target;
    struct buf body; /* without its transfer coding; the caller's to free */
    bool closes;     /* nothing more is read behind it */
};

/* False when what stands at *bytes is not one whole request that may be let in; *ret_fault then
 * tells whether it can never become one. */
bool second_http_read(struct str *bytes, struct second_request *ret, bool *ret_fault);
