#include "runtime/api_route.h"

/* Matches a path against "/a/{x}/b"; fills args. Segments must be plain: letters, digits, '-', '_',
 * '.', '~'. Anything percent-encoded has no business in our paths. */
static bool
route_matches(const struct api_route *route, struct str path, struct str args[API_PATH_ARGS_MAX])
{
    struct str pattern = str_of(route->path);
    size_t count = 0;
    while (pattern.ptr && path.ptr) {
        struct str want = str_cut(&pattern, '/');
        struct str have = str_cut(&path, '/');
        if (want.len && want.ptr[0] == '{') {
            bool dots = str_eq(have, STR(".")) || str_eq(have, STR(".."));
            if (have.len == 0 || dots || count == API_PATH_ARGS_MAX)
                return false;
            args[count++] = have;
        } else if (!str_eq(want, have)) {
            return false;
        }
    }
    return pattern.ptr == NULL && path.ptr == NULL;
}

static bool
path_plain(struct str path)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '/' || c == '-' || c == '_' || c == '.' || c == '~';
        if (!plain)
            return false;
    }
    return true;
}

const struct api_route *
api_route_find(const struct api_route *routes, size_t count, const struct http_request *request,
               struct str args[API_PATH_ARGS_MAX], enum problem_id *ret_problem,
               struct buf *ret_allow)
{
    struct str path = http_request_path(request);
    enum http_method method = http_request_method(request);
    *ret_problem = PROBLEM_NOT_FOUND;
    if (!path_plain(path))
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const struct api_route *route = &routes[i];
        if (!route_matches(route, path, args))
            continue;
        if (route->method == method || (route->method == HTTP_GET && method == HTTP_HEAD))
            return route;
        buf_printf(ret_allow, "%s%s", ret_allow->len ? ", " : "", http_method_name(route->method));
        *ret_problem = PROBLEM_METHOD;
    }
    return NULL;
}
