/*
 * What identifies and reaches a person: document numbers with their checks, dates, phones, mail.
 * Pure; today is a parameter. Messages are for the student and never repeat the number.
 *
 * Sources: GB 11643 (identity card, ISO 7064 MOD 11-2), the announcements on residence and travel
 * permits of Hong Kong, Macao and Taiwan residents, and on the foreign permanent resident card.
 */
#pragma once

#include "base/buf.h"

enum id_type {
    ID_IDENTITY_CARD,
    ID_HMT_RESIDENCE_PERMIT,
    ID_HM_TRAVEL_PERMIT,
    ID_TW_TRAVEL_PERMIT,
    ID_FOREIGN_PR,
    ID_PASSPORT,
    ID_TYPE_COUNT_
};
bool id_type_parse(struct str text, enum id_type *ret_type);
const char *id_type_name(enum id_type type);
/* Numbers that carry date of birth and sex: 18 digits of the identity card's scheme. */
bool id_type_has_birth(enum id_type type);

enum id_fault {
    ID_OK,
    ID_LENGTH,
    ID_CHARACTERS,
    ID_AREA,
    ID_DATE,
    ID_DATE_FUTURE,
    ID_CHECK_DIGIT,
    ID_FORMAT,
    ID_OBSOLETE, /* the first generation's 15 digits */
};
enum id_fault id_number_check(enum id_type type, struct str number, uint32_t today);
const char *id_fault_message(enum id_fault fault);
/* Check digit for 17 digits. */
char id_check_digit(const char first17[17]);

enum { ID_NUMBER_SIZE = 32 };
/* Upper-cases a final x; anything else is kept. False when it does not fit. */
bool id_number_normalise(struct str number, char out[ID_NUMBER_SIZE]);

/* A date of the Gregorian calendar as YYYYMMDD, years 1900 to 2099. */
bool date_valid(uint32_t yyyymmdd);
/* Eight digits that are such a date; 0 otherwise. */
uint32_t date_parse(struct str text);

/* Six digits, YYYYMM, that are a month of the years 1900 to 2099; 0 otherwise. */
uint32_t month_parse(struct str text);

bool phone_mainland_valid(struct str text); /* 1[3-9] and nine digits */
/* With its country's code: +852 (8 digits), +853 (8, beginning with 6), +886 (9, beginning with 9).
 */
bool phone_abroad_valid(struct str text);
bool phone_mobile_valid(struct str text); /* either */
bool telephone_valid(struct str text);    /* area code-number, or a mobile number */
bool postcode_valid(struct str text);     /* six digits */
bool qq_valid(struct str text);           /* 5 to 11 digits, not beginning with 0 */
bool email_valid(struct str text);        /* local@domain, ASCII, at most 60 */

/* Keeps the first 3 and the last 4 characters of an ASCII number; all stars when fewer than 8. */
void number_mask(struct str number, char out[ID_NUMBER_SIZE]);
