#include "io/image.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

enum { QUALITY = 85, COLORS = 3, SCANS_MAX = 64, SHRINK_MAX = 8 };

static pthread_mutex_t working = PTHREAD_MUTEX_INITIALIZER;

/* An error of libjpeg ends what is being done; a warning is one: the image is not whole. */
struct trap {
    struct jpeg_error_mgr mgr; /* first */
    jmp_buf out;
};

static _Noreturn void
on_error(j_common_ptr codec)
{
    struct trap *trap = (struct trap *)(void *)codec->err;
    longjmp(trap->out, 1);
}

static void
on_message(j_common_ptr codec, int level)
{
    if (level < 0)
        on_error(codec);
}

static void
trap_set(struct trap *trap)
{
    (void)jpeg_std_error(&trap->mgr);
    trap->mgr.error_exit = on_error;
    trap->mgr.emit_message = on_message;
}

/* A progressive image may have as many scans as it likes, each over all of it. */
static void
on_progress(j_common_ptr codec)
{
    if (codec->is_decompressor && ((j_decompress_ptr)codec)->input_scan_number > SCANS_MAX)
        on_error(codec);
}

/* --- writing --- */

struct writer {
    struct trap trap;
    struct jpeg_compress_struct jpeg;
    unsigned char *bytes;
    unsigned long size;
};

static void
writer_begin(struct writer *writer, unsigned width, unsigned height)
{
    jpeg_mem_dest(&writer->jpeg, &writer->bytes, &writer->size);
    writer->jpeg.image_width = width;
    writer->jpeg.image_height = height;
    writer->jpeg.input_components = COLORS;
    writer->jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&writer->jpeg);
    jpeg_set_quality(&writer->jpeg, QUALITY, TRUE);
    jpeg_start_compress(&writer->jpeg, TRUE);
}

static enum image_fault
writer_keep(struct writer *writer, struct buf *out)
{
    if (writer->size > IMAGE_BYTES_MAX)
        return IMAGE_TOO_LARGE;
    buf_add(out, (struct str){(const char *)writer->bytes, writer->size});
    return IMAGE_OK;
}

/* --- JPEG --- */

struct reader {
    struct trap trap;
    struct jpeg_decompress_struct jpeg;
    struct jpeg_progress_mgr progress;
    unsigned char *line;
};

static bool
size_fits(uint64_t width, uint64_t height)
{
    return width && height && width <= IMAGE_SIDE_MAX && height <= IMAGE_SIDE_MAX &&
           width * height <= IMAGE_PIXELS_MAX;
}

/* Halves it until no side is too long. */
static void
shrink(struct jpeg_decompress_struct *jpeg)
{
    unsigned longest =
        jpeg->image_width > jpeg->image_height ? jpeg->image_width : jpeg->image_height;
    jpeg->scale_num = 1;
    jpeg->scale_denom = 1;
    while (longest / jpeg->scale_denom > IMAGE_KEPT_SIDE_MAX && jpeg->scale_denom < SHRINK_MAX)
        jpeg->scale_denom *= 2;
}

/* Both codecs' errors come to the reader's trap: line by line, whatever fails ends both. */
static enum image_fault
transcode(struct reader *reader, struct writer *writer, struct str bytes)
{
    struct jpeg_decompress_struct *in = &reader->jpeg;
    jpeg_mem_src(in, (const unsigned char *)bytes.ptr, bytes.len);
    (void)jpeg_read_header(in, TRUE);
    if (!size_fits(in->image_width, in->image_height))
        return IMAGE_PIXELS;
    in->out_color_space = JCS_RGB;
    shrink(in);
    (void)jpeg_start_decompress(in);
    writer_begin(writer, in->output_width, in->output_height);
    reader->line = mem_alloc((size_t)in->output_width * COLORS);
    while (in->output_scanline < in->output_height) {
        JSAMPROW row = reader->line;
        (void)jpeg_read_scanlines(in, &row, 1);
        (void)jpeg_write_scanlines(&writer->jpeg, &row, 1);
    }
    (void)jpeg_finish_decompress(in);
    jpeg_finish_compress(&writer->jpeg);
    return IMAGE_OK;
}

static enum image_fault
clean_jpeg(struct str bytes, struct buf *out)
{
    struct reader *reader = mem_zalloc(sizeof *reader);
    struct writer *writer = mem_zalloc(sizeof *writer);
    enum image_fault fault = IMAGE_BROKEN;
    trap_set(&reader->trap);
    reader->jpeg.err = &reader->trap.mgr;
    writer->jpeg.err = &reader->trap.mgr;
    reader->progress.progress_monitor = on_progress;
    if (setjmp(reader->trap.out) == 0) {
        jpeg_create_decompress(&reader->jpeg);
        jpeg_create_compress(&writer->jpeg);
        reader->jpeg.progress = &reader->progress;
        reader->jpeg.mem->max_memory_to_use = IMAGE_MEMORY_MAX;
        fault = transcode(reader, writer, bytes);
        if (fault == IMAGE_OK)
            fault = writer_keep(writer, out);
    } else {
        fault = IMAGE_BROKEN;
    }
    jpeg_destroy_decompress(&reader->jpeg);
    jpeg_destroy_compress(&writer->jpeg);
    free(writer->bytes);
    free(reader->line);
    free(writer);
    free(reader);
    return fault;
}

/* --- PNG --- */

static enum image_fault
write_pixels(struct writer *writer, unsigned char *pixels, unsigned width, unsigned height,
             struct buf *out)
{
    writer_begin(writer, width, height);
    while (writer->jpeg.next_scanline < height) {
        JSAMPROW row = pixels + (size_t)writer->jpeg.next_scanline * width * COLORS;
        (void)jpeg_write_scanlines(&writer->jpeg, &row, 1);
    }
    jpeg_finish_compress(&writer->jpeg);
    return writer_keep(writer, out);
}

static enum image_fault
encode(unsigned char *pixels, unsigned width, unsigned height, struct buf *out)
{
    struct writer *writer = mem_zalloc(sizeof *writer);
    enum image_fault fault = IMAGE_BROKEN;
    trap_set(&writer->trap);
    writer->jpeg.err = &writer->trap.mgr;
    if (setjmp(writer->trap.out) == 0) {
        jpeg_create_compress(&writer->jpeg);
        fault = write_pixels(writer, pixels, width, height, out);
    } else {
        fault = IMAGE_BROKEN;
    }
    jpeg_destroy_compress(&writer->jpeg);
    free(writer->bytes);
    free(writer);
    return fault;
}

/* libpng's simplified reading: one way for every kind of PNG. What is transparent is on white. */
static enum image_fault
clean_png(struct str bytes, struct buf *out)
{
    static const png_color white = {255, 255, 255};
    png_image png = {.version = PNG_IMAGE_VERSION};
    enum image_fault fault = IMAGE_BROKEN;
    unsigned char *pixels = NULL;
    if (!png_image_begin_read_from_memory(&png, bytes.ptr, bytes.len))
        return IMAGE_BROKEN;
    if (!size_fits(png.width, png.height)) {
        png_image_free(&png);
        return IMAGE_PIXELS;
    }
    png.format = PNG_FORMAT_RGB;
    pixels = mem_alloc(PNG_IMAGE_SIZE(png));
    /* A warning is an error here too. */
    if (png_image_finish_read(&png, &white, pixels, 0, NULL) && png.warning_or_error == 0)
        fault = encode(pixels, png.width, png.height, out);
    png_image_free(&png);
    free(pixels);
    return fault;
}

/* --- which --- */

enum image_fault
image_clean(struct str bytes, struct buf *out)
{
    enum image_fault fault = IMAGE_TYPE;
    if (bytes.len > IMAGE_BYTES_MAX)
        return IMAGE_TOO_LARGE;
    (void)pthread_mutex_lock(&working);
    if (str_starts(bytes, STR("\xFF\xD8\xFF")))
        fault = clean_jpeg(bytes, out);
    else if (str_starts(bytes, STR("\x89PNG\r\n\x1A\n")))
        fault = clean_png(bytes, out);
    (void)pthread_mutex_unlock(&working);
    return fault;
}

const char *
image_fault_message(enum image_fault fault)
{
    static const char *const messages[] = {
        [IMAGE_OK] = "",
        [IMAGE_TYPE] = "只能上传 JPEG 或 PNG 图片，请拍照或截图后上传",
        [IMAGE_PIXELS] = "图片尺寸过大，请用普通模式拍照后上传",
        [IMAGE_BROKEN] = "图片不完整或已损坏，请重新拍照上传",
        [IMAGE_TOO_LARGE] = "图片超过 5 MB，请压缩后上传",
    };
    return messages[fault];
}
