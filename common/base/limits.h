/*
 * Every maximum of the system in one place, each with the sentence that justifies it. Bytes unless
 * the name says otherwise.
 */
#pragma once

/* clang-format off */
enum {
    LIMIT_HTTP_BODY            = 64 * 1024, /* a full form is 2 KiB; contract: 413 above 64 KiB */
    LIMIT_HTTP_TARGET          = 4 * 1024,  /* contract: 414 above 4 KiB */
    LIMIT_HTTP_HEADERS         = 16 * 1024, /* contract: 431 above 16 KiB in all */
    LIMIT_HTTP_HEADER_COUNT    = 64,        /* contract: 431 above 64 fields */
    LIMIT_HTTP_CONNECTIONS     = 8192,      /* per process; the edge keeps far fewer open */
    LIMIT_HTTP_HEAD_DEADLINE_MS = 10 * 1000, /* contract: headers within 10 s, likewise */
    LIMIT_HTTP_BODY_DEADLINE_MS = 30 * 1000, /* contract: a body within 30 s, whatever trickles */
    LIMIT_HTTP_QUEUE           = 4096,      /* requests open at once in a lane, whatever admission says */
    LIMIT_HTTP_ANSWER          = 1024 * 1024, /* the largest answer is the area picker's */
    LIMIT_JSON_DEPTH           = 16,        /* trust S21; our deepest body has 3 levels */
    LIMIT_JSON_VALUES          = 4096,      /* of one text that is read; the form has 44 */
    LIMIT_JSON_MEMBERS         = 512,       /* per object; the form has 42 fields */
    LIMIT_MESSAGE              = 128 * 1024, /* a sealed submission is under 6 KiB */
    LIMIT_REQUEST_ARENA        = 1024 * 1024, /* everything one request allocates */
    LIMIT_BATCH_ARENA          = 64 * 1024 * 1024, /* everything one batch of messages allocates */
    LIMIT_IDEMPOTENCY_KEY      = 255,       /* contract: 1 to 255 visible ASCII characters */
    LIMIT_LOG_LINE             = 8 * 1024,
    LIMIT_METRICS_TEXT         = 512 * 1024,
    LIMIT_PLATFORM_ANSWER      = 64 * 1024, /* platforms answer with under 2 KiB */
};
/* clang-format on */
