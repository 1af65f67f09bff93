/*
 * Which of a table's routes a request means. Pure.
 */
#pragma once

#include "runtime/api.h"

/* The route, `args` filled with what stands for its parameters (in the request's memory); or NULL
 * and the problem that answers the call, with the path's methods in `ret_allow`. */
const struct api_route *api_route_find(const struct api_route *routes, size_t count,
                                       const struct http_request *request,
                                       struct str args[API_PATH_ARGS_MAX],
                                       enum problem_id *ret_problem, struct buf *ret_allow);
