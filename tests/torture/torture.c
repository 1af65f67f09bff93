/*
 * Lets the n-th call of a kind fail, for every n, while a scenario runs; needs fail.so preloaded.
 *
 *   torture SCENARIO KIND [STEP]     KIND: memory, own, input, output, connect, part
 *
 * Each n runs in a process of its own. It must end within its time, without a sanitizer's report,
 * either well (the scenario's promises held: whatever says it succeeded did) or, when memory is
 * refused, by saying that there is none. STEP: only each STEP-th n, beginning with the first.
 * The last line counts.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/torture/scenarios.h"

enum { HANG_S = 10, TEXT_MAX = 64 * 1024, RUNS_MAX = 20000 };

static void (*arm)(int kind, unsigned long nth);
static unsigned long (*disarm)(void);
static unsigned long *seen; /* shared with the child: how many calls there were */

static const char *const kinds[] = {"", "memory", "input", "output", "connect", "part", "own"};

static void
load(void)
{
    void *address = dlsym(RTLD_DEFAULT, "torture_arm");
    memcpy(&arm, &address, sizeof arm);
    address = dlsym(RTLD_DEFAULT, "torture_disarm");
    memcpy(&disarm, &address, sizeof disarm);
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (arm == NULL || disarm == NULL || seen == MAP_FAILED) {
        (void)fprintf(stderr, "torture: fail.so is not preloaded; HINT: make torture\n");
        exit(2);
    }
}

static void
child(const struct scenario *scenario, int kind, unsigned long nth, int out)
{
    (void)dup2(out, STDERR_FILENO);
    (void)alarm(HANG_S);
    void *world = scenario->open ? scenario->open() : NULL;
    arm(kind, nth);
    const char *broken = scenario->run(world);
    *seen = disarm();
    if (broken)
        (void)fprintf(stderr, "broken: %s\n", broken);
    if (scenario->close)
        scenario->close(world);
    exit(broken ? 3 : 0); /* the leak sanitizer looks now */
}

static size_t
read_all(int fd, char *text)
{
    size_t length = 0;
    ssize_t got;
    while ((got = read(fd, text + length, TEXT_MAX - length - 1)) > 0)
        length += (size_t)got;
    text[length] = '\0';
    return length;
}

/* True when the process ended as it may. The sanitizer itself ends when it has no memory for a
 * thread that begins. */
static bool
ended_well(const struct scenario *scenario, int status, int kind, const char *text)
{
    static const char sanitizer[] = "CHECK failed: sanitizer_linux_libcdep.cpp:148 \"((pthread_";
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (kind != KIND_MEMORY && kind != KIND_OWN)
        return false;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
        return scenario->may_abort || strstr(text, "fatal: no memory left");
    return strstr(text, sanitizer) != NULL;
}

static bool
run_one(const struct scenario *scenario, int kind, unsigned long nth, size_t *ret_aborts)
{
    static char text[TEXT_MAX];
    int ends[2];
    int status = 0;
    *seen = nth; /* a process that dies has reached it */
    if (pipe(ends) != 0)
        abort();
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        child(scenario, kind, nth, ends[1]);
    }
    (void)close(ends[1]);
    (void)read_all(ends[0], text);
    (void)close(ends[0]);
    (void)waitpid(pid, &status, 0);
    *ret_aborts += status != 0;
    if (ended_well(scenario, status, kind, text))
        return true;
    printf("%s, %s %lu: status 0x%x\n%s\n", scenario->name, kinds[kind], nth, (unsigned)status,
           text);
    return false;
}

int
main(int argc, char **argv)
{
    int kind = 0;
    const struct scenario *scenario = argc > 2 ? scenario_find(argv[1]) : NULL;
    for (int i = KIND_MEMORY; argc > 2 && i <= KIND_OWN; i++)
        if (strcmp(argv[2], kinds[i]) == 0)
            kind = i;
    if (scenario == NULL || kind == 0) {
        (void)fprintf(stderr, "torture SCENARIO memory|own|input|output|connect|part [STEP]\n");
        return 2;
    }
    unsigned long step = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
    size_t runs = 0;
    size_t bad = 0;
    size_t aborts = 0;
    load();
    /* Without a failure first: it must work, and what is made once in a process is made. */
    if (!run_one(scenario, kind, 0, &aborts) || aborts)
        return 1;
    unsigned long calls = *seen;
    if (calls == 0) {
        printf("%s makes no call of kind %s\n", scenario->name, kinds[kind]);
        return 1;
    }
    for (unsigned long nth = 1; runs < RUNS_MAX && bad < 5; nth += step, runs++) {
        bad += !run_one(scenario, kind, nth, &aborts);
        if (*seen < nth)
            break;
    }
    printf("%s %s: %lu calls, %zu runs, %zu said there was no memory, %zu bad\n", scenario->name,
           kinds[kind], calls, runs, aborts, bad);
    return bad ? 1 : 0;
}
