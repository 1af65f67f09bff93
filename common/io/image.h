/*
 * Images that strangers send, made harmless: what is a whole JPEG or PNG within the limits is
 * decoded and written anew as JPEG; everything beside its pixels (position, camera, comments,
 * profiles, what is hidden behind the end) is gone. Decided by the content, whatever it is called.
 * Libraries: libjpeg-turbo, libpng. Thread-safe; holds up to IMAGE_MEMORY_MAX while it works, and
 * one caller works at a time.
 */
#pragma once

#include "base/buf.h"

enum {
    IMAGE_BYTES_MAX = 5 * 1024 * 1024, /* of what is sent, and of what is made of it */
    IMAGE_PIXELS_MAX = 32 * 1000 * 1000,
    IMAGE_SIDE_MAX = 16384,
    IMAGE_KEPT_SIDE_MAX = 4096, /* a larger JPEG is halved until it fits */
    IMAGE_MEMORY_MAX = 200 * 1024 * 1024,
};

enum image_fault {
    IMAGE_OK,
    IMAGE_TYPE,     /* neither JPEG nor PNG */
    IMAGE_PIXELS,   /* too many, or none */
    IMAGE_BROKEN,   /* not whole, or not decodable within the limits */
    IMAGE_TOO_LARGE /* in bytes */
};

/* Appends a JPEG to *out (buf_init'ed by the caller, IMAGE_BYTES_MAX at least). */
enum image_fault image_clean(struct str bytes, struct buf *out);
/* For who sent it (Chinese). */
const char *image_fault_message(enum image_fault fault);
