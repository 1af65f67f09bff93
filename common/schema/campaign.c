#include "schema/campaign.h"

#include "schema/rule.h"

static const char *const severity_words[] = {
    [RULE_REJECT] = "reject", [RULE_WARN] = "warn", [RULE_NOTE] = "note", [RULE_OFF] = "off"};
enum { SEVERITIES = sizeof severity_words / sizeof severity_words[0] };

static const char *const level_words[] = {[LEVEL_ANY] = "*",
                                          [LEVEL_POSTGRADUATE] = "postgraduate",
                                          [LEVEL_UNDERGRADUATE] = "undergraduate",
                                          [LEVEL_COLLEGE] = "college"};
enum { LEVELS = sizeof level_words / sizeof level_words[0] };

const char *
rule_severity_word(enum rule_severity severity)
{
    return severity_words[severity];
}

enum study_level
study_level_of(struct str xldm)
{
    static const struct {
        char first;
        enum study_level level;
    } rows[] = {
        {'0', LEVEL_POSTGRADUATE},  {'1', LEVEL_POSTGRADUATE}, {'2', LEVEL_UNDERGRADUATE},
        {'3', LEVEL_UNDERGRADUATE}, {'4', LEVEL_COLLEGE},      {'6', LEVEL_COLLEGE},
    };
    for (size_t i = 0; xldm.len && i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].first == xldm.ptr[0])
            return rows[i].level;
    return LEVEL_ANY;
}

void
campaign_default(struct campaign *campaign)
{
    *campaign = (struct campaign){.version = 1, .school_code = STR("*"), .province = STR("*")};
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        campaign->required[i] = fields[i].required;
    for (size_t i = 0; i < rule_count; i++)
        campaign->severity[i] = (uint8_t)rules[i].severity;
}

size_t
campaign_set_months(struct campaign *campaign, struct str list)
{
    size_t unknown = 0;
    while (list.len) {
        uint64_t month = 0;
        bool valid = str_to_u64(str_cut(&list, ','), 999912, &month) && month % 100 >= 1 &&
                     month % 100 <= 12;
        if (valid && campaign->graduation_month_count < CAMPAIGN_MONTHS_MAX)
            campaign->graduation_months[campaign->graduation_month_count++] = (uint32_t)month;
        else
            unknown++;
    }
    return unknown;
}

size_t
campaign_set_required(struct campaign *campaign, struct str list, bool required)
{
    size_t unknown = 0;
    while (list.len) {
        const struct field *field = field_find(str_cut(&list, ','));
        if (field)
            campaign->required[field->id] = required;
        else
            unknown++;
    }
    return unknown;
}

size_t
campaign_set_fixed(struct campaign *campaign, struct str list)
{
    size_t unknown = 0;
    while (list.len) {
        struct str value = str_cut(&list, ',');
        const struct field *field = field_find(str_cut(&value, '='));
        if (field)
            campaign->fixed_value[field->id] = value;
        else
            unknown++;
    }
    return unknown;
}

size_t
campaign_set_severities(struct campaign *campaign, struct str list)
{
    size_t unknown = 0;
    while (list.len) {
        struct str word = str_cut(&list, ',');
        size_t number = rule_find(str_cut(&word, '='));
        size_t severity = 0;
        while (severity < SEVERITIES && !str_eq_text(word, severity_words[severity]))
            severity++;
        if (number < rule_count && severity < SEVERITIES && rules[number].adjustable)
            campaign->severity[number] = (uint8_t)severity;
        else
            unknown++;
    }
    return unknown;
}

size_t
campaign_set_level(struct campaign *campaign, struct str word)
{
    for (size_t i = 0; i < LEVELS; i++)
        if (str_eq_text(word, level_words[i])) {
            campaign->level = (enum study_level)i;
            return 0;
        }
    return 1;
}

/* Whether the code is in "10558,10559,". */
static bool
listed(struct str list, struct str code)
{
    while (list.len)
        if (str_eq(str_cut(&list, ','), code))
            return true;
    return false;
}

/* How near a campaign is to a school: 3 its own, 2 its province's, 1 every school's, 0 another's.
 */
static unsigned
nearness(const struct campaign *campaign, struct str school_code)
{
    if (str_eq(campaign->school_code, school_code))
        return 3;
    if (!str_eq(campaign->school_code, STR("*")))
        return 0;
    if (str_eq(campaign->province, STR("*")))
        return 1;
    return listed(campaign->schools, school_code) ? 2 : 0;
}

const struct campaign *
campaign_of(const struct campaign *campaigns, size_t count, struct str school_code,
            enum study_level level)
{
    const struct campaign *best = NULL;
    unsigned best_rank = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned near = nearness(&campaigns[i], school_code);
        if (near == 0 || (campaigns[i].level != LEVEL_ANY && campaigns[i].level != level))
            continue;
        unsigned rank = 2 * near + (campaigns[i].level != LEVEL_ANY);
        if (rank < best_rank ||
            (rank == best_rank && str_cmp(campaigns[i].edition, best->edition) <= 0))
            continue;
        best = &campaigns[i];
        best_rank = rank;
    }
    return best;
}

bool
campaign_asks_level(const struct campaign *campaigns, size_t count, struct str school_code)
{
    for (size_t i = 0; i < count; i++)
        if (campaigns[i].level != LEVEL_ANY && nearness(&campaigns[i], school_code))
            return true;
    return false;
}
