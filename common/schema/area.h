/*
 * Division codes (GB/T 2260) of 1981 to 2025, compiled in from data/areacodes.csv. A code may have
 * several records (440111 was 郊区 until 1987): the key is code and first year. Pure.
 */
#pragma once

#include "base/buf.h"

enum area_level { AREA_PROVINCE = 1, AREA_PREFECTURE, AREA_COUNTY };

struct area {
    uint32_t code;
    uint16_t from_year;
    uint16_t until_year; /* 0: in force */
    int level;           /* enum area_level */
    const char *province;
    const char *prefecture; /* "直辖" for counties that answer to the province */
    const char *name;
    const char *successors; /* "440606" or "130102;130104" */
};
extern const struct area area_rows[]; /* by code, of one code the newest first */
extern const size_t area_count;

/* "440103" to 440103; 0 when it is not six digits. */
uint32_t area_code_parse(struct str text);
/* The record in force, or NULL. */
const struct area *area_current(uint32_t code);
/* The newest record, in force or not, or NULL. */
const struct area *area_latest(uint32_t code);
/* May be chosen as 生源地: in force and without divisions below it that are in force. Counties;
 * prefectures without counties (441900 东莞, 442000 中山, 460400 儋州, 620200 嘉峪关); 台湾, 香港
 * and 澳门, which have no rows below. */
bool area_is_leaf(uint32_t code);
/* Was ever given to a prefecture or county: what an identity card may begin with. Prefectures count
 * because cards were issued under codes of cities before their districts had any. */
bool area_prefix_known(uint32_t code);
/* Divisions in force below `parent` (0: the provinces), in order of code. Counties that answer to a
 * province directly are its children. */
void area_children(uint32_t parent, void (*each)(const struct area *area, void *ctx), void *ctx);
/* Codes in force that followed an abolished one, through all steps; at most `max`. */
size_t area_successors(uint32_t code, uint32_t *ret_codes, size_t max);
/* "广东省广州市越秀区". */
void area_full_name(const struct area *area, struct buf *out);
