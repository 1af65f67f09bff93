#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "io/http_loop.h"

enum { LISTEN_BACKLOG = 1024 };

/* --- opening and closing --- */

static enum err_code
listen_on(const char *listen_text, int *ret_socket, unsigned *ret_port, struct err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    char host[64];
    uint64_t port = 0;
    int on = 1;
    struct str rest = str_of(listen_text);
    struct str name = str_cut(&rest, ':');
    (void)snprintf(host, sizeof host, "%.*s", STR_ARG(name));
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1 || !str_to_u64(rest, 65535, &port))
        return ERR(err, ERR_CONFIG, "'%s' is not an IPv4 address and port", listen_text);
    address.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR(err, ERR_CONFIG, "cannot make a socket: %s", strerror(errno));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, LISTEN_BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        enum err_code code =
            ERR(err, ERR_CONFIG, "cannot listen on %s: %s", listen_text, strerror(errno));
        (void)close(fd);
        return code;
    }
    *ret_socket = fd;
    *ret_port = ntohs(address.sin_port);
    return ERR_OK;
}

/* All loops accept from the same listening socket. */
static bool
loops_start(struct http_server *server)
{
    server->loops = mem_zalloc(server->conf.thread_count * sizeof(struct http_loop *));
    for (unsigned i = 0; i < server->conf.thread_count; i++) {
        struct http_loop *loop = http_loop_new(server);
        if (loop == NULL)
            return false;
        http_loop_start(loop);
        server->loops[server->loop_count++] = loop;
    }
    return true;
}

enum err_code
http_server_open(const struct http_server_conf *conf, struct http_server **ret_server,
                 struct err *err)
{
    struct http_server *server = mem_zalloc(sizeof *server);
    server->conf = *conf;
    if (server->conf.head_deadline_ms == 0)
        server->conf.head_deadline_ms = LIMIT_HTTP_HEAD_DEADLINE_MS;
    size_t longest = conf->large_body_bytes_max > conf->body_bytes_max ? conf->large_body_bytes_max
                                                                       : conf->body_bytes_max;
    server->limits = (struct http_limits){longest, conf->target_bytes_max, conf->header_bytes_max,
                                          conf->header_count_max};
    enum err_code code = listen_on(conf->listen, &server->listen_fd, &server->port, err);
    if (code) {
        free(server);
        return code;
    }
    if (!loops_start(server)) {
        http_server_close(server);
        return ERR(err, ERR_CONFIG, "cannot start the HTTP server on %s: no descriptors left",
                   conf->listen);
    }
    *ret_server = server;
    return ERR_OK;
}

unsigned
http_server_port(const struct http_server *server)
{
    return server->port;
}

size_t
http_server_in_flight(const struct http_server *server)
{
    return atomic_load(&server->in_flight);
}

void
http_server_quiesce(struct http_server *server)
{
    if (server == NULL || atomic_exchange(&server->quiet, true))
        return;
    (void)shutdown(server->listen_fd, SHUT_RDWR); /* from now on connecting is refused */
    for (size_t i = 0; i < server->loop_count; i++)
        http_loop_wake(server->loops[i]);
}

void
http_server_close(struct http_server *server)
{
    if (server == NULL)
        return;
    http_server_quiesce(server);
    for (size_t i = 0; i < server->loop_count; i++)
        http_loop_stop(server->loops[i]);
    free(server->loops);
    (void)close(server->listen_fd);
    free(server);
}
