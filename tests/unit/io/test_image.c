#include "tests/unit/test.h"

#include "io/crypto.h"
#include "io/image.h"

/* Uncompressed PNGs of one colour: IHDR, one stored block, IEND, with right checksums. */
static uint32_t
crc(struct str data)
{
    uint32_t c = 0xFFFFFFFF;
    for (size_t i = 0; i < data.len; i++) {
        c ^= (unsigned char)data.ptr[i];
        for (int k = 0; k < 8; k++)
            c = c & 1 ? 0xEDB88320 ^ (c >> 1) : c >> 1;
    }
    return ~c;
}

static void
add_u32(struct buf *out, uint32_t n)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_add_char(out, (char)(n >> shift & 0xFF));
}

static void
add_chunk(struct buf *out, const char *type, struct str data)
{
    struct buf body;
    buf_init(&body, 1 << 20);
    buf_add_text(&body, type);
    buf_add(&body, data);
    add_u32(out, (uint32_t)data.len);
    buf_add(out, buf_str(&body));
    add_u32(out, crc(buf_str(&body)));
    buf_done(&body);
}

/* `rows` may be fewer than its height says. */
static void
png_make(struct buf *out, uint32_t width, uint32_t height, uint32_t rows, const char *comment)
{
    struct buf head;
    struct buf data;
    buf_init(&head, 64);
    buf_init(&data, 1 << 20);
    add_u32(&head, width);
    add_u32(&head, height);
    buf_add(&head, (struct str){"\x08\x02\x00\x00\x00", 5});
    buf_add(&data, (struct str){"\x78\x01", 2});
    uint32_t a = 1;
    uint32_t b = 0;
    for (uint32_t y = 0; y < rows; y++) {
        size_t length = 1 + 3 * (size_t)width;
        buf_add_char(&data, y + 1 == rows ? 1 : 0);
        buf_add_char(&data, (char)(length & 0xFF));
        buf_add_char(&data, (char)(length >> 8));
        buf_add_char(&data, (char)(~length & 0xFF));
        buf_add_char(&data, (char)(~length >> 8 & 0xFF));
        for (size_t i = 0; i < length; i++) {
            unsigned char byte = i ? (unsigned char)(y * 7 + i) : 0;
            buf_add_char(&data, (char)byte);
            a = (a + byte) % 65521;
            b = (b + a) % 65521;
        }
    }
    add_u32(&data, b << 16 | a);
    buf_add(out, STR("\x89PNG\r\n\x1A\n"));
    add_chunk(out, "IHDR", buf_str(&head));
    if (comment)
        add_chunk(out, "tEXt", str_of(comment));
    add_chunk(out, "IDAT", buf_str(&data));
    add_chunk(out, "IEND", STR_NONE);
    buf_done(&head);
    buf_done(&data);
}

static enum image_fault
cleaned(struct str bytes, struct buf *out)
{
    buf_init(out, IMAGE_BYTES_MAX);
    /* Exactly as long as it is, so that a sanitizer sees a step too far. */
    char *copy = mem_alloc(bytes.len ? bytes.len : 1);
    if (bytes.len)
        memcpy(copy, bytes.ptr, bytes.len);
    enum image_fault fault = image_clean((struct str){copy, bytes.len}, out);
    free(copy);
    return fault;
}

static enum image_fault
fault_of(struct str bytes)
{
    struct buf out;
    enum image_fault fault = cleaned(bytes, &out);
    assert_true((fault == IMAGE_OK) == (out.len > 0));
    buf_done(&out);
    return fault;
}

#define SECRET                                                                                     \
    "Comment\0"                                                                                    \
    "camera-4711"

static void
pixels_are_all_that_stays(void **state)
{
    struct buf png;
    struct buf jpeg;
    struct buf commented;
    struct buf again;
    (void)state;
    buf_init(&png, 1 << 20);
    png_make(&png, 40, 30, 30, SECRET);
    buf_add(&png, STR("camera-4711 behind the end"));
    assert_int_equal(cleaned(buf_str(&png), &jpeg), IMAGE_OK);
    assert_true(str_starts(buf_str(&jpeg), STR("\xFF\xD8\xFF")));
    assert_null(memmem(jpeg.ptr, jpeg.len, "camera", 6));
    /* A comment behind the beginning, and something behind the end. */
    buf_init(&commented, 1 << 20);
    buf_add(&commented, (struct str){jpeg.ptr, 2});
    buf_add(&commented, (struct str){"\xFF\xFE\x00\x0D"
                                     "camera-4711",
                                     15});
    buf_add(&commented, (struct str){jpeg.ptr + 2, jpeg.len - 2});
    buf_add(&commented, STR("camera-4711"));
    assert_int_equal(cleaned(buf_str(&commented), &again), IMAGE_OK);
    assert_null(memmem(again.ptr, again.len, "camera", 6));
    buf_done(&png);
    buf_done(&jpeg);
    buf_done(&commented);
    buf_done(&again);
}

static void
what_is_no_image_is_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum image_fault fault;
    } rows[] = {
        {"", 0, IMAGE_TYPE},
        {"\xFF\xD8", 2, IMAGE_TYPE},
        {"GIF89a\x01\x00\x01\x00", 10, IMAGE_TYPE},
        {"<svg xmlns='http://www.w3.org/2000/svg'/>", 41, IMAGE_TYPE},
        {"%PDF-1.7\n", 9, IMAGE_TYPE},
        {"MZ\x90", 3, IMAGE_TYPE},
        {"\xFF\xD8\xFF", 3, IMAGE_BROKEN},
        {"\xFF\xD8\xFF\xD9", 4, IMAGE_BROKEN},
        {"\xFF\xD8\xFF\xE0\xFF\xFF", 6, IMAGE_BROKEN},
        {"\xFF\xD8\xFF<script>alert(1)</script>", 28, IMAGE_BROKEN},
        {"\x89PNG\r\n\x1A\n", 8, IMAGE_BROKEN},
        {"\x89PNG\r\n\x1A\n<?php system(1); ?>", 27, IMAGE_BROKEN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (fault_of((struct str){rows[i].bytes, rows[i].size}) != rows[i].fault)
            fail_msg("row %zu", i);
}

static void
a_part_of_an_image_is_none(void **state)
{
    struct buf png;
    struct buf jpeg;
    (void)state;
    buf_init(&png, 1 << 20);
    png_make(&png, 40, 30, 30, NULL);
    assert_int_equal(cleaned(buf_str(&png), &jpeg), IMAGE_OK);
    for (size_t length = 3; length < jpeg.len - 2; length += 7)
        assert_int_equal(fault_of((struct str){jpeg.ptr, length}), IMAGE_BROKEN);
    for (size_t length = 8; length < png.len - 12; length += 97)
        assert_int_equal(fault_of((struct str){png.ptr, length}), IMAGE_BROKEN);
    /* Each byte another one: a fault or an image, and nothing worse. */
    for (size_t at = 3; at < jpeg.len; at++) {
        char *copy = mem_alloc(jpeg.len);
        memcpy(copy, jpeg.ptr, jpeg.len);
        copy[at] = (char)(copy[at] ^ 0x55);
        (void)fault_of((struct str){copy, jpeg.len});
        free(copy);
    }
    buf_done(&png);
    buf_done(&jpeg);
}

static void
bombs_do_not_go_off(void **state)
{
    static const struct {
        uint32_t width, height;
        enum image_fault fault;
    } rows[] = {
        {0, 10, IMAGE_BROKEN},
        {16385, 1, IMAGE_PIXELS},
        {1, 16385, IMAGE_PIXELS},
        {6000, 6000, IMAGE_PIXELS},
        {0x7FFFFFFF, 0x7FFFFFFF, IMAGE_BROKEN},
        {30, 4000, IMAGE_BROKEN}, /* it has no such rows */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf png;
        buf_init(&png, 1 << 20);
        png_make(&png, rows[i].width, rows[i].height, 1, NULL);
        if (fault_of(buf_str(&png)) != rows[i].fault)
            fail_msg("%u x %u", rows[i].width, rows[i].height);
        buf_done(&png);
    }
    char *long_one = mem_zalloc(IMAGE_BYTES_MAX + 1);
    memcpy(long_one, "\xFF\xD8\xFF", 3);
    assert_int_equal(fault_of((struct str){long_one, IMAGE_BYTES_MAX + 1}), IMAGE_TOO_LARGE);
    free(long_one);
}

/* A JPEG whose head says more pixels than may be. */
static void
a_head_that_promises_much_is_not_believed(void **state)
{
    struct buf png;
    struct buf jpeg;
    (void)state;
    buf_init(&png, 1 << 20);
    png_make(&png, 16, 16, 16, NULL);
    assert_int_equal(cleaned(buf_str(&png), &jpeg), IMAGE_OK);
    char *frame = memmem(jpeg.ptr, jpeg.len, "\xFF\xC0", 2);
    assert_non_null(frame);
    memcpy(frame + 5, "\x4E\x20\x4E\x20", 4);
    assert_int_equal(fault_of(buf_str(&jpeg)), IMAGE_PIXELS);
    memcpy(frame + 5, "\x17\x70\x14\x82", 4); /* 6000 x 5250: within, but it is not there */
    assert_int_equal(fault_of(buf_str(&jpeg)), IMAGE_BROKEN);
    buf_done(&png);
    buf_done(&jpeg);
}

static void
every_fault_says_what_to_do(void **state)
{
    (void)state;
    for (int fault = IMAGE_TYPE; fault <= IMAGE_TOO_LARGE; fault++)
        assert_true(utf8_length(str_of(image_fault_message((enum image_fault)fault))) > 5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_are_all_that_stays),
        cmocka_unit_test(what_is_no_image_is_refused),
        cmocka_unit_test(a_part_of_an_image_is_none),
        cmocka_unit_test(bombs_do_not_go_off),
        cmocka_unit_test(a_head_that_promises_much_is_not_believed),
        cmocka_unit_test(every_fault_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
