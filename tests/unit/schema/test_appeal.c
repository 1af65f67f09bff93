#include "tests/unit/test.h"

#include "schema/appeal.h"
#include "schema/appeal_event.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

static void
kinds_and_states_are_complete(void **state)
{
    (void)state;
    for (unsigned i = 0; i < APPEAL_KIND_COUNT_; i++) {
        enum appeal_kind kind = APPEAL_KIND_COUNT_;
        const struct appeal_kind_row *row = &appeal_kinds[i];
        assert_true(appeal_kind_parse(str_of(row->name), &kind) && kind == i);
        assert_true(utf8_valid(str_of(row->title)) && row->title[0]);
        for (unsigned s = 0; s < APPEAL_STATE_COUNT_; s++)
            assert_true(appeal_told((enum appeal_kind)i, (enum appeal_state)s)[0]);
        for (size_t k = 0; k < APPEAL_CLAIMS_MAX && row->claims[k].name; k++) {
            assert_ptr_equal(appeal_claim_find(kind, str_of(row->claims[k].name)), &row->claims[k]);
            assert_true(row->claims[k].max > 0 && row->claims[k].label[0]);
        }
        assert_null(appeal_claim_find(kind, STR("state")));
        assert_null(appeal_claim_find(kind, STR("")));
    }
    for (unsigned i = 0; i < APPEAL_STATE_COUNT_; i++) {
        enum appeal_state parsed = APPEAL_STATE_COUNT_;
        assert_true(appeal_state_parse(str_of(appeal_state_name((enum appeal_state)i)), &parsed));
        assert_int_equal(parsed, i);
    }
    enum appeal_kind kind;
    enum appeal_state parsed;
    assert_false(appeal_kind_parse(STR("UNBIND"), &kind));
    assert_false(appeal_state_parse(STR(""), &parsed));
}

static void
texts_have_bounds(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text;
        unsigned max;
        bool lines;
        bool valid;
    } rows[] = {
        {"张三", 2, false, true},    {"张三丰", 2, false, false}, {"", 2, false, false},
        {" 张", 2, false, false},    {"张 ", 2, false, false},    {"张 三", 3, false, true},
        {"张\n三", 3, true, true},   {"张\n三", 3, false, false}, {"\n张", 3, true, false},
        {"张\n", 3, true, false},    {"\x01", 3, true, false},    {"a\x7F" "b", 9, true, false},
        {"\xE3\x80\x80张", 3, true, false}, {"𠮷", 1, false, true},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (appeal_text_valid(str_of(rows[i].text), rows[i].max, rows[i].lines) != rows[i].valid)
            fail_msg("'%s'", rows[i].text);
}

#define HEAD                                                                                       \
    "{\"version\":1,\"appeal_id\":\"4c1b8e02-6f3d-4a97-b5d0-2e9a71c4f863\",\"account_id\":\"a\","
#define TAIL "\"kind\":\"unbind\",\"decision\":\"accepted\",\"at_ms\":1}"

static void
decisions_survive_their_form(void **state)
{
    static const struct {
        const char *text;
        enum err_code code;
    } rows[] = {
        {HEAD TAIL, ERR_OK},
        {HEAD "\"student_id\":\"9c2d7a10-5b3e-4f68-8a41-d06e93b7c215\"," TAIL, ERR_OK},
        {HEAD "\"more\":true," TAIL, ERR_OK},
        {HEAD "\"student_id\":\"9c2d\"," TAIL, ERR_INVALID},
        {HEAD "\"student_id\":\"9C2D7A10-5B3E-4F68-8A41-D06E93B7C215\"," TAIL, ERR_INVALID},
        {HEAD "\"kind\":\"unbind\",\"decision\":\"accepted\",\"at_ms\":0}", ERR_INVALID},
        {HEAD "\"kind\":\"unbind\",\"decision\":\"filed\",\"at_ms\":1}", ERR_INVALID},
        {HEAD "\"kind\":\"unbinding\",\"decision\":\"refused\",\"at_ms\":1}", ERR_INVALID},
        {HEAD "\"decision\":\"refused\",\"at_ms\":1}", ERR_MISSING_MEMBER},
        {"{\"version\":2}", ERR_VERSION},
        {"{", ERR_MALFORMED},
    };
    struct arena *arena = arena_new(1024 * 1024);
    struct appeal_decided decided;
    struct err err = {0};
    struct buf again;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (appeal_decided_decode(str_of(rows[i].text), arena, &decided, &err) != rows[i].code)
            fail_msg("'%s': %s", rows[i].text, err_name(err.code));
    assert_int_equal(appeal_decided_decode(str_of(rows[1].text), arena, &decided, &err), ERR_OK);
    decided.reason = STR("请带学生证");
    buf_init(&again, 4096);
    appeal_decided_encode(&decided, &again);
    struct appeal_decided second;
    assert_int_equal(appeal_decided_decode(buf_str(&again), arena, &second, &err), ERR_OK);
    assert_true(str_eq(second.reason, decided.reason) && str_eq(second.kind, decided.kind));
    assert_true(str_eq(second.student_id, decided.student_id) && second.at_ms == decided.at_ms);
    buf_done(&again);
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_and_states_are_complete),
        cmocka_unit_test(texts_have_bounds),
        cmocka_unit_test(decisions_survive_their_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
