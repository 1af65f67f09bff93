#include "services/syctl/domain.h"

#include "base/clock.h"

static const struct stage_words words[] = {
    [STAGE_UNKNOWN] = {"unknown", "it is neither judged, nor waiting, nor a dead letter",
                       "check the id; if the student saw 202, search the log for it",
                       "没有查到这次提交，请核对编号；如页面曾显示已接收，请联系学校就业部门"},
    [STAGE_WAITING] = {"waiting", "acknowledged and in Kafka, not yet judged: it is not lost",
                       "nobody, if validation runs; else the operator: syctl doctor, syctl lag",
                       "已收到，正在排队审核，请稍后查看结果，无需重复提交"},
    [STAGE_JUDGING] = {"judging", "a copy of validation has it in hand",
                       "nobody: it is done in a moment",
                       "已收到，正在审核，请稍后查看结果，无需重复提交"},
    [STAGE_RETRYING] = {"retrying",
                        "a copy of validation has it in hand and could not store it yet",
                        "nobody, if the part comes back: it is tried again by itself; else the "
                        "operator: mend what the error names, syctl doctor",
                        "已收到，系统正在恢复，恢复后会自动审核，无需重复提交"},
    [STAGE_DEAD] = {"dead-letter", "it could not be judged and was put aside with its reason",
                    "the operator: mend the cause, then syctl dlq replay",
                    "已收到，但系统未能处理，工作人员正在核查，请留意后续通知"},
    [STAGE_ACCEPTED] = {"judged", "it has its judgement: accepted", "nobody: all is done",
                        "审核已通过"},
    [STAGE_REJECTED] = {"judged", "it has its judgement: rejected",
                        "the student: mend the fields named and submit again",
                        "审核未通过，请按提示修改后重新提交"},
};

enum stage
why_decide(const struct why_facts *facts)
{
    if (facts->judged)
        return facts->rejected ? STAGE_REJECTED : STAGE_ACCEPTED;
    if (facts->waiting && facts->held)
        return facts->tries ? STAGE_RETRYING : STAGE_JUDGING;
    if (facts->waiting)
        return STAGE_WAITING;
    return facts->dead ? STAGE_DEAD : STAGE_UNKNOWN;
}

const struct stage_words *
stage_words(enum stage stage)
{
    return &words[stage];
}

bool
since_parse(struct str text, int64_t now_ms, int64_t *ret_ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    uint64_t count = 0;
    if (text.len < 2)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (text.ptr[text.len - 1] != units[i].unit)
            continue;
        if (!str_to_u64((struct str){text.ptr, text.len - 1}, 1000000, &count))
            return false;
        *ret_ms = now_ms - (int64_t)count * units[i].ms;
        return true;
    }
    return clock_parse_rfc3339(text, ret_ms);
}

bool
replay_wanted(const struct replay_filter *filter, struct str reason, int64_t time_ms,
              int64_t offset)
{
    if (filter->offset >= 0 && offset != filter->offset)
        return false;
    if (filter->reason && !str_eq_text(reason, filter->reason))
        return false;
    return time_ms >= filter->since_ms;
}
