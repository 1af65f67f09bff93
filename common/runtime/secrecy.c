#include "runtime/secrecy.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

void
secrecy_begin(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    /* Before the next step, after which this file belongs to root. gcore goes by it, too. */
    int filter = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
    if (filter >= 0) {
        ssize_t written = write(filter, "0\n", 2);
        (void)written; /* an old kernel without it has the other two */
        (void)close(filter);
    }
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void
secrecy_end(void)
{
#ifdef __SANITIZE_ADDRESS__
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
#endif
}
