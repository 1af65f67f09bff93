#include "tests/unit/test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/blob.h"
#include "io/seal.h"
#include "io/suite.h"

#define KEY_A "1111111111111111111111111111111111111111111111111111111111111111"
#define KEY_B "2222222222222222222222222222222222222222222222222222222222222222"
#define OTHERS                                                                                     \
    "index i1 3333333333333333333333333333333333333333333333333333333333333333\n"                  \
    "submission s1 4444444444444444444444444444444444444444444444444444444444444444\n"
#define AES_A "seal k1 " KEY_A "\n"
#define SM4_B "seal k2 " KEY_B " sm4-ctr-hmac-sm3\n"

static char path[] = "/tmp/sy-seal-XXXXXX";

/* A key ring, a sealer on it, and an arena. */
struct bench {
    struct keyring *keyring;
    struct sealer *sealer;
    struct arena *arena;
};

static struct bench
bench_new(const char *keys)
{
    struct bench bench = {.arena = arena_new(16 * 1024 * 1024)};
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(keys, file);
    (void)fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
    assert_works(keyring_load(path, &bench.keyring, &err));
    bench.sealer = sealer_new(bench.keyring);
    return bench;
}

static void
bench_free(struct bench *bench)
{
    sealer_free(bench->sealer);
    keyring_free(bench->keyring);
    arena_free(bench->arena);
}

static struct str
bench_open(struct bench *bench, struct str sealed, const char *context)
{
    struct str plain = STR_NONE;
    assert_works(seal_open(bench->sealer, sealed, str_of(context), bench->arena, &plain, &err));
    return plain;
}

/* One row a suite: everything below holds for each. */
static const struct {
    const char *keys;
    const char *begin; /* of what the ring seals */
} rings[] = {
    {AES_A OTHERS, "a1.k1."},
    {"seal k1 " KEY_A " aes-256-gcm\n" OTHERS, "a1.k1."},
    {"seal k1 " KEY_A " sm4-ctr-hmac-sm3\n" OTHERS, "s1.k1."},
};
enum { RINGS = sizeof rings / sizeof rings[0] };

static void
opens_what_it_sealed_in_the_same_place_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < RINGS; i++) {
        struct bench bench = bench_new(rings[i].keys);
        struct str plain;
        struct str text = STR("广东省广州市");
        struct str sealed = seal_text(bench.sealer, text, STR("student/JTDZ"), bench.arena);
        assert_true(str_starts(sealed, str_of(rings[i].begin)));
        assert_str(bench_open(&bench, sealed, "student/JTDZ"), "广东省广州市");
        assert_fails(seal_open(bench.sealer, sealed, STR("other/JTDZ"), bench.arena, &plain, &err),
                     ERR_CRYPTO, "made for another place");
        assert_false(
            str_eq(sealed, seal_text(bench.sealer, text, STR("student/JTDZ"), bench.arena)));
        bench_free(&bench);
    }
}

static void
seals_large_bytes_under_a_key_of_their_own(void **state)
{
    enum { SIZE = 300000 };
    char *bytes = mem_alloc(SIZE);
    (void)state;
    memset(bytes, 'x', SIZE);
    for (size_t i = 0; i < RINGS; i++) {
        struct bench bench = bench_new(rings[i].keys);
        struct str plain = {bytes, SIZE};
        struct str key;
        struct str again;
        struct buf sealed;
        struct buf opened;
        buf_init(&sealed, SIZE + 256);
        buf_init(&opened, SIZE);
        blob_seal(bench.sealer, plain, STR("evidence/1"), bench.arena, &key, &sealed);
        assert_true(str_starts(key, str_of(rings[i].begin)));
        assert_null(memmem(sealed.ptr, sealed.len, "xxxxxxxx", 8));
        assert_works(seal_again(bench.sealer, key, STR("evidence/1"), bench.arena, &again, &err));
        assert_works(blob_open(bench.sealer, again, buf_str(&sealed), STR("evidence/1"),
                               bench.arena, &opened, &err));
        assert_true(str_eq(buf_str(&opened), plain));
        buf_reset(&opened);
        assert_fails(blob_open(bench.sealer, key, buf_str(&sealed), STR("evidence/2"), bench.arena,
                               &opened, &err),
                     ERR_CRYPTO, "made for another place");
        buf_reset(&opened);
        sealed.ptr[sealed.len / 2] = (char)(sealed.ptr[sealed.len / 2] ^ 1);
        assert_fails(blob_open(bench.sealer, key, buf_str(&sealed), STR("evidence/1"), bench.arena,
                               &opened, &err),
                     ERR_CRYPTO, "were changed");
        assert_fails(blob_open(bench.sealer, key, STR("short"), STR("evidence/1"), bench.arena,
                               &opened, &err),
                     ERR_CRYPTO, "were changed");
        buf_done(&sealed);
        buf_done(&opened);
        bench_free(&bench);
    }
    free(bytes);
}

static void
seals_texts_of_every_length(void **state)
{
    static char text[1200];
    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < RINGS; i++) {
        struct bench bench = bench_new(rings[i].keys);
        for (size_t length = 0; length <= sizeof text; length += length < 70 ? 1 : 113) {
            struct str plain = {text, length};
            struct str sealed = seal_text(bench.sealer, plain, STR("c"), bench.arena);
            assert_true(str_eq(bench_open(&bench, sealed, "c"), plain));
        }
        bench_free(&bench);
    }
}

/* Every byte of the value with every bit of it turned, in the text and below base64. */
static void
refuses_every_single_changed_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < RINGS; i++) {
        struct bench bench = bench_new(rings[i].keys);
        struct str plain;
        struct str sealed = seal_text(bench.sealer, STR("secret"), STR("c"), bench.arena);
        for (size_t at = 0; at < sealed.len; at++) {
            char *copy = mem_strndup(sealed);
            struct err err = {0};
            struct str changed = {copy, sealed.len};
            for (unsigned bit = 0; bit < 8; bit++) {
                copy[at] = (char)(sealed.ptr[at] ^ 1 << bit);
                if (seal_open(bench.sealer, changed, STR("c"), bench.arena, &plain, &err) !=
                    ERR_CRYPTO)
                    fail_msg("bit %u of character %zu may be changed", bit, at);
            }
            struct str shorter = {sealed.ptr, at};
            assert_int_equal(seal_open(bench.sealer, shorter, STR("c"), bench.arena, &plain, &err),
                             ERR_CRYPTO);
            free(copy);
        }
        bench_free(&bench);
    }
}

static void
authenticates_nonce_text_tag_and_context(void **state)
{
    static const char *const names[] = {"aes-256-gcm", "sm4-ctr-hmac-sm3"};
    unsigned char key[SUITE_KEY_SIZE];
    (void)state;
    memset(key, 7, sizeof key);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct suite *suite = suite_find(str_of(names[i]));
        struct cipher *lock = cipher_new(suite, key, true);
        struct cipher *unlock = cipher_new(suite, key, false);
        unsigned char bytes[SUITE_NONCE_MAX + 5 + SUITE_TAG_MAX] = {9};
        unsigned char out[5];
        char context[] = "ctx";
        size_t nonce = suite_nonce_size(suite);
        struct str text = {(const char *)bytes + nonce, 5};
        cipher_lock(lock, bytes, str_of(context), STR("hello"), bytes + nonce);
        assert_true(cipher_unlock(unlock, bytes, str_of(context), text, out));
        assert_memory_equal(out, "hello", 5);
        for (size_t at = 0; at < nonce + 5 + suite_tag_size(suite); at++)
            for (unsigned bit = 0; bit < 8; bit++) {
                bytes[at] ^= (unsigned char)(1u << bit);
                assert_false(cipher_unlock(unlock, bytes, str_of(context), text, out));
                bytes[at] ^= (unsigned char)(1u << bit);
            }
        for (size_t at = 0; at < 3; at++) {
            context[at] ^= 1;
            assert_false(cipher_unlock(unlock, bytes, str_of(context), text, out));
            context[at] ^= 1;
        }
        assert_false(cipher_unlock(unlock, bytes, STR("ct"), text, out));
        assert_true(cipher_unlock(unlock, bytes, str_of(context), text, out));
        cipher_free(lock);
        cipher_free(unlock);
    }
}

/* Context, nonce and text are authenticated one behind the other: where one ends is part of it. */
static void
keeps_context_and_text_apart(void **state)
{
    enum { NONCE = 16, TAG = 32 };
    unsigned char key[SUITE_KEY_SIZE] = {1, 2, 3};
    unsigned char good[NONCE + 2 + TAG] = {0};
    unsigned char forged[NONCE + 3 + TAG] = {'b'};
    unsigned char out[4];
    (void)state;
    struct cipher *lock = cipher_new(suite_find(STR("sm4-ctr-hmac-sm3")), key, true);
    cipher_lock(lock, good, STR("ab"), STR("cd"), good + NONCE);
    memcpy(forged + 1, good, sizeof good); /* context "a", and its end moved into the nonce */
    assert_true(cipher_unlock(lock, good, STR("ab"), (struct str){(char *)good + NONCE, 2}, out));
    assert_false(
        cipher_unlock(lock, forged, STR("a"), (struct str){(char *)forged + NONCE, 3}, out));
    cipher_free(lock);
}

/*
 * Computed with the command line of OpenSSL, apart from this code: E and M are the HMAC-SM3 of
 * "shengyuan sm4-ctr" and "shengyuan hmac-sm3" under the key 00 01 … 1f; the text is `openssl enc
 * -sm4-ctr -K <first half of E> -iv 10…1f` of 广东省, the tag is the HMAC-SM3 under M of both
 * lengths (8 bytes each), context, nonce and text.
 */
static void
composes_sm4_and_hmac_sm3_as_described(void **state)
{
    unsigned char key[SUITE_KEY_SIZE];
    unsigned char nonce[16];
    unsigned char out[9 + 32];
    char hex[2 * sizeof out + 1];
    (void)state;
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (unsigned char)i;
    for (size_t i = 0; i < sizeof nonce; i++)
        nonce[i] = (unsigned char)(0x10 + i);
    struct cipher *lock = cipher_new(suite_find(STR("sm4-ctr-hmac-sm3")), key, true);
    cipher_lock(lock, nonce, STR("s/JTDZ"), STR("广东省"), out);
    hex_encode(out, sizeof out, hex);
    assert_string_equal(hex, "1d2633bbdbff96d258"
                             "15728e31aacae7abf7419d9412c2b653dd1f82c72a20fe1ba480e8cd53aa8ee8");
    cipher_free(lock);
}

static void
seals_with_the_newest_key_and_opens_with_both(void **state)
{
    (void)state;
    struct bench old = bench_new(AES_A OTHERS);
    struct bench new = bench_new(AES_A "seal k2 " KEY_B "\n" OTHERS);
    struct str plain;
    struct str sealed = seal_text(old.sealer, STR("x"), STR("c"), old.arena);
    assert_str(bench_open(&new, sealed, "c"), "x");
    struct str fresh = seal_text(new.sealer, STR("x"), STR("c"), new.arena);
    assert_str(seal_key_id(fresh), "k2");
    assert_true(seal_is_current(new.sealer, fresh));
    assert_false(seal_is_current(new.sealer, sealed));
    assert_fails(seal_open(old.sealer, fresh, STR("c"), old.arena, &plain, &err), ERR_CRYPTO,
                 "not in the key file");
    bench_free(&old);
    bench_free(&new);
}

/* AES to SM4 and back: each ring opens both, seals its own, and seals again what the other did. */
static void
exchanges_the_suite_with_the_key(void **state)
{
    (void)state;
    struct bench to_sm4 = bench_new(AES_A SM4_B OTHERS);
    struct bench to_aes = bench_new(SM4_B AES_A OTHERS);
    struct str a = seal_text(to_aes.sealer, STR("x"), STR("c"), to_aes.arena);
    struct str b = STR_NONE;
    struct str again = STR_NONE;
    assert_true(str_starts(a, STR("a1.k1.")));
    assert_works(seal_again(to_sm4.sealer, a, STR("c"), to_sm4.arena, &b, &err));
    assert_true(str_starts(b, STR("s1.k2.")));
    for (int turn = 0; turn < 3; turn++) { /* one sealer by turns */
        assert_str(bench_open(&to_sm4, a, "c"), "x");
        assert_str(bench_open(&to_sm4, b, "c"), "x");
    }
    assert_works(seal_again(to_aes.sealer, b, STR("c"), to_aes.arena, &again, &err));
    assert_true(str_starts(again, STR("a1.k1.")));
    assert_str(bench_open(&to_sm4, again, "c"), "x");
    assert_fails(seal_again(to_sm4.sealer, a, STR("d"), to_sm4.arena, &b, &err), ERR_CRYPTO,
                 "made for another place");
    bench_free(&to_sm4);
    bench_free(&to_aes);
}

static void
refuses_a_value_that_names_another_suite_than_its_key(void **state)
{
    (void)state;
    struct bench bench = bench_new(AES_A OTHERS);
    struct str plain;
    struct str sealed = seal_text(bench.sealer, STR("a text of some length to be long enough"),
                                  STR("c"), bench.arena);
    char *copy = mem_strndup(sealed);
    copy[0] = 's';
    assert_fails(seal_open(bench.sealer, str_of(copy), STR("c"), bench.arena, &plain, &err),
                 ERR_CRYPTO, "another suite than the one of key 'k1'");
    copy[0] = 'x';
    assert_fails(seal_open(bench.sealer, str_of(copy), STR("c"), bench.arena, &plain, &err),
                 ERR_CRYPTO, "not a sealed value of a known suite");
    assert_true(seal_key_id(str_of(copy)).len == 0);
    free(copy);
    bench_free(&bench);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_what_it_sealed_in_the_same_place_only),
        cmocka_unit_test(seals_large_bytes_under_a_key_of_their_own),
        cmocka_unit_test(seals_texts_of_every_length),
        cmocka_unit_test(refuses_every_single_changed_bit),
        cmocka_unit_test(authenticates_nonce_text_tag_and_context),
        cmocka_unit_test(keeps_context_and_text_apart),
        cmocka_unit_test(composes_sm4_and_hmac_sm3_as_described),
        cmocka_unit_test(seals_with_the_newest_key_and_opens_with_both),
        cmocka_unit_test(exchanges_the_suite_with_the_key),
        cmocka_unit_test(refuses_a_value_that_names_another_suite_than_its_key),
    };
    int file = mkstemp(path);
    if (file < 0)
        return 1;
    (void)close(file);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path);
    return failed;
}
