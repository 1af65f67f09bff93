#include "schema/campaign.h"

void
campaign_default(struct campaign *campaign)
{
    *campaign = (struct campaign){.version = 1};
    for (unsigned i = 0; i < FIELD_COUNT_; i++)
        campaign->required[i] = fields[i].required;
}
