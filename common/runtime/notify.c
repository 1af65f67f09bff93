#include "runtime/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int notify_fd = -1;
static struct sockaddr_un address;
static socklen_t address_size;

void
notify_open(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t length = path ? strlen(path) : 0;
    if (length > 1 && length < sizeof address.sun_path && (path[0] == '/' || path[0] == '@')) {
        address.sun_family = AF_UNIX;
        memcpy(address.sun_path, path, length);
        if (path[0] == '@') /* a name outside the file system */
            address.sun_path[0] = '\0';
        address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
        notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    }
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
}

void
notify_send(const char *state)
{
    if (notify_fd < 0)
        return;
    /* A manager that does not listen is no reason to fail: it will notice the silence itself. */
    (void)!sendto(notify_fd, state, strlen(state), MSG_NOSIGNAL,
                  (const struct sockaddr *)(const void *)&address, address_size);
}
