/* Staff principals: what a record says, whom it covers, and what the api lets through by it (over a
 * Redis that holds one record). */
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/api.h"
#include "runtime/staff.h"

#define TOKEN "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define NOW_S 1763910000
#define ROW(literal)                                                                               \
    {                                                                                              \
        ("" literal), sizeof(literal) - 1                                                          \
    }

static void
reads_what_it_writes(void **state)
{
    struct arena *arena = arena_new(64 * 1024);
    struct staff staff = {0};
    const struct str text =
        STR("f1\tsid\tid\tcollege\t99901\t计算机学院\t1763910000000\t1763990000000\ta1.k1.AA==");
    (void)state;
    assert_true(staff_decode(text, &staff));
    assert_str(staff.college, "计算机学院");
    assert_int_equal(staff.role, STAFF_COLLEGE);
    assert_true(str_eq(staff_encode(&staff, arena), text));
    arena_free(arena);
}

static void
refuses_a_record_that_is_not_whole(void **state)
{
    static const struct str rows[] = {
        {NULL, 0},
        {"", 0},
        ROW("f2\tsid\tid\tcollege\t1\tc\t1\t2\tx"),
        ROW("f1\t\tid\tcollege\t1\tc\t1\t2\tx"),
        ROW("f1\tsid\t\tcollege\t1\tc\t1\t2\tx"),
        ROW("f1\tsid\tid\tdean\t1\tc\t1\t2\tx"),
        ROW("f1\tsid\tid\tcollege\t1\tc\t-1\t2\tx"),
        ROW("f1\tsid\tid\tcollege\t1\tc\t1\t\tx"),
        ROW("f1\tsid\tid\tcollege\t1\tc\t1\t2\t"),
        ROW("f1\tsid\tid\tcollege\t1\tc\t1\t2"),
        ROW("f1\tsid\tid\tcollege\t1\tc\t1\t2\tx\t"),
        ROW("f1\tsi\0\tid\tcollege\t1\tc\t1\t2\tx"),
    };
    struct staff staff;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (staff_decode(rows[i], &staff))
            fail_msg("row %zu was read", i);
}

static void
covers_what_lies_below(void **state)
{
    static const struct {
        enum staff_role role;
        struct str school;
        struct str college;
        struct str of_school;
        struct str of_college;
        bool covers;
    } rows[] = {
        {STAFF_PROVINCE, {"", 0}, {"", 0}, {"99901", 5}, {"A", 1}, true},
        {STAFF_SCHOOL, {"99901", 5}, {"", 0}, {"99901", 5}, {"A", 1}, true},
        {STAFF_SCHOOL, {"99901", 5}, {"", 0}, {"99901", 5}, {"", 0}, true},
        {STAFF_SCHOOL, {"99901", 5}, {"", 0}, {"99902", 5}, {"A", 1}, false},
        {STAFF_SCHOOL, {"", 0}, {"", 0}, {"", 0}, {"A", 1}, false},
        {STAFF_COLLEGE, {"99901", 5}, {"A", 1}, {"99901", 5}, {"A", 1}, true},
        {STAFF_COLLEGE, {"99901", 5}, {"A", 1}, {"99901", 5}, {"B", 1}, false},
        {STAFF_COLLEGE, {"99901", 5}, {"A", 1}, {"99902", 5}, {"A", 1}, false},
        {STAFF_COLLEGE, {"99901", 5}, {"", 0}, {"99901", 5}, {"", 0}, false},
        {STAFF_COUNSELLOR, {"99901", 5}, {"A", 1}, {"99901", 5}, {"A", 1}, true},
        {STAFF_COUNSELLOR, {"99901", 5}, {"A", 1}, {"99901", 5}, {"AB", 2}, false},
        {STAFF_ROLE_COUNT_, {"99901", 5}, {"A", 1}, {"99901", 5}, {"A", 1}, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct staff staff = {
            .role = rows[i].role, .school_code = rows[i].school, .college = rows[i].college};
        if (staff_covers(&staff, rows[i].of_school, rows[i].of_college) != rows[i].covers)
            fail_msg("row %zu", i);
    }
}

static void
takes_the_cookie_that_is_there_once(void **state)
{
    (void)state;
    assert_str(cookie_value(STR("sy_staff=abc"), STAFF_COOKIE), "abc");
    assert_str(cookie_value(STR("a=b; sy_staff=abc; c=d"), STAFF_COOKIE), "abc");
    assert_str(cookie_value(STR("a=b;sy_staff="), STAFF_COOKIE), "");
    assert_null(cookie_value(STR("sy_staff=abc; sy_staff=abd"), STAFF_COOKIE).ptr);
    assert_null(cookie_value(STR("sy_staff=; sy_staff=abd"), STAFF_COOKIE).ptr);
    assert_null(cookie_value(STR("xsy_staff=abc; sy_staffx=abc; SY_STAFF=abc"), STAFF_COOKIE).ptr);
    assert_null(cookie_value(STR("sy_staff"), STAFF_COOKIE).ptr);
    assert_null(cookie_value(STR_NONE, STAFF_COOKIE).ptr);
}

/* --- a Redis with one record --- */

static char record[1024];

static size_t
answer_of(const char *command, const char *key, char *out, size_t size)
{
    char wanted[128];
    char hash[SHA256_HEX_SIZE];
    crypto_sha256_hex(STR(TOKEN), hash);
    (void)snprintf(wanted, sizeof wanted, "staff:%s", hash);
    if (strcmp(command, "TIME") == 0)
        return (size_t)snprintf(out, size, "*2\r\n$10\r\n%d\r\n$1\r\n0\r\n", NOW_S);
    if (strncmp(command, "GET", 3) == 0 && strcmp(key, wanted) == 0)
        return (size_t)snprintf(out, size, "$%zu\r\n%s\r\n", strlen(record), record);
    return (size_t)snprintf(out, size, "$-1\r\n");
}

static char *
line_of(FILE *in, char *line, size_t size)
{
    if (fgets(line, (int)size, in) == NULL)
        return NULL;
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

static void *
redis_serve(void *arg)
{
    int listener = *(int *)arg;
    char words[4][256];
    char line[256];
    char out[2048];
    for (int fd; (fd = accept(listener, NULL, NULL)) >= 0;) {
        FILE *in = fdopen(fd, "r");
        while (in && line_of(in, line, sizeof line)) {
            int count = (int)strtol(line + 1, NULL, 10);
            for (int i = 0; i < count; i++) {
                assert_non_null(line_of(in, line, sizeof line));
                assert_non_null(line_of(in, words[i], sizeof words[i]));
            }
            size_t length = answer_of(words[0], count > 1 ? words[1] : "", out, sizeof out);
            assert_int_equal(send(fd, out, length, MSG_NOSIGNAL), (ssize_t)length);
        }
        (void)fclose(in);
    }
    return NULL;
}

static int
socket_new(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* --- the api on it --- */

static void
handle(struct api_call *call)
{
    assert_non_null(call->staff);
    assert_null(call->session);
    api_reply_json(call, 200,
                   arena_printf(call->arena, "%.*s/%.*s/%s", STR_ARG(call->staff->account),
                                STR_ARG(call->staff->name), staff_role_name(call->staff->role)));
}

static struct keyring *
keys_new(void)
{
    char path[] = "/tmp/sy-staff-XXXXXX";
    struct keyring *keyring = NULL;
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    for (int i = 0; i < 3; i++)
        (void)fprintf(file, "%s k%d %064d\n", (const char *[]){"seal", "index", "submission"}[i], i,
                      i + 1);
    (void)fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
    assert_works(keyring_load(path, &keyring, &err));
    (void)unlink(path);
    return keyring;
}

static void
record_make(const struct keyring *keyring, const char *sealed_for, int64_t expires_at_ms)
{
    struct sealer *sealer = sealer_new(keyring);
    struct arena *arena = arena_new(64 * 1024);
    const struct staff staff = {
        .session_id = STR("sid"),
        .staff_id = STR("id"),
        .role = STAFF_SCHOOL,
        .school_code = STR("99901"),
        .opened_at_ms = 1,
        .expires_at_ms = expires_at_ms,
        .who_sealed = seal_text(sealer, STR("wang\t王老师"),
                                staff_seal_context(str_of(sealed_for), arena), arena),
    };
    (void)snprintf(record, sizeof record, "%.*s", STR_ARG(staff_encode(&staff, arena)));
    arena_free(arena);
    sealer_free(sealer);
}

/* The answer's status; its text is in `answer`. */
static int
ask(const struct api *api, const char *method, const char *headers, char answer[4096])
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)api_port(api)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval timeout = {.tv_sec = 20};
    char request[1024];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    int length =
        snprintf(request, sizeof request,
                 "%s /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", method, headers);
    assert_int_equal(send(fd, request, (size_t)length, MSG_NOSIGNAL), length);
    size_t used = 0;
    for (ssize_t got; (got = read(fd, answer + used, 4095 - used)) > 0;)
        used += (size_t)got;
    answer[used] = '\0';
    (void)close(fd);
    return used > 12 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

static void
lets_in_by_cookie_and_csrf_token(void **state)
{
    static const struct api_route routes[] = {
        {HTTP_GET, "/x", API_STAFF, false, handle, NULL},
        {HTTP_POST, "/x", API_STAFF, false, handle, NULL},
    };
    static char url[64];
    uint16_t port = 0;
    int listener = socket_new(&port);
    (void)snprintf(url, sizeof url, "redis://127.0.0.1:%u/0", port);
    const struct runtime_conf runtime = {.listen = "127.0.0.1:0",
                                         .redis_url = url,
                                         .http_threads = 1,
                                         .http_workers = 1,
                                         .session_idle_s = 60,
                                         .staff_idle_s = 60,
                                         .admit_open = 16,
                                         .admit_ms = 30};
    pthread_t server;
    char csrf[STAFF_CSRF_SIZE];
    char answer[4096];
    char both[512];
    struct keyring *keyring = keys_new();
    struct api *api = NULL;
    (void)state;
    assert_int_equal(pthread_create(&server, NULL, redis_serve, &listener), 0);
    assert_works(api_open(&(struct api_conf){.runtime = &runtime,
                                             .needs = NEED_REDIS,
                                             .keyring = keyring,
                                             .routes = routes,
                                             .route_count = 2},
                          &api, &err));
    staff_csrf(STR(TOKEN), csrf);
    (void)snprintf(both, sizeof both, "Cookie: sy_staff=" TOKEN "\r\nX-CSRF-Token: %s\r\n", csrf);

    record_make(keyring, "id", (int64_t)NOW_S * 1000 + 1);
    assert_int_equal(ask(api, "GET", "Cookie: sy_staff=" TOKEN "\r\n", answer), 200);
    assert_non_null(strstr(answer, "\r\n\r\nwang/王老师/school"));
    assert_int_equal(ask(api, "POST", both, answer), 200);
    assert_int_equal(ask(api, "POST", "Cookie: sy_staff=" TOKEN "\r\n", answer), 403);
    assert_non_null(strstr(answer, "/problems/csrf\""));
    assert_int_equal(
        ask(api, "POST", "Cookie: sy_staff=" TOKEN "\r\nX-CSRF-Token: " TOKEN "\r\n", answer), 403);
    assert_int_equal(ask(api, "GET", "", answer), 401);
    assert_non_null(strstr(answer, "/problems/unauthorized\""));
    assert_int_equal(ask(api, "GET", "Authorization: Bearer " TOKEN "\r\n", answer), 401);
    assert_int_equal(ask(api, "GET", "Cookie: sy_staff=" OTHER "\r\n", answer), 401);
    assert_int_equal(
        ask(api, "GET", "Cookie: sy_staff=" TOKEN "\r\nCookie: sy_staff=" TOKEN "\r\n", answer),
        401);
    record_make(keyring, "id", (int64_t)NOW_S * 1000); /* its end is now */
    assert_int_equal(ask(api, "GET", "Cookie: sy_staff=" TOKEN "\r\n", answer), 401);
    record_make(keyring, "other", (int64_t)NOW_S * 1000 + 1); /* sealed for somebody else */
    assert_int_equal(ask(api, "GET", "Cookie: sy_staff=" TOKEN "\r\n", answer), 401);

    api_close(api);
    keyring_free(keyring);
    (void)shutdown(listener, SHUT_RDWR);
    (void)close(listener);
    assert_int_equal(pthread_join(server, NULL), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(refuses_a_record_that_is_not_whole),
        cmocka_unit_test(covers_what_lies_below),
        cmocka_unit_test(takes_the_cookie_that_is_there_once),
        cmocka_unit_test(lets_in_by_cookie_and_csrf_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
