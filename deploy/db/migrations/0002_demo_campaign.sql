-- A campaign for every school that has none of its own, so that a first run can be used at once.
-- The months are those of one 届 as universities print them (January to August of the year).
INSERT INTO campaign.campaign (campaign_id, school_code, name, edition, opens_at, closes_at,
                               graduation_months, fixed_values)
VALUES ('2027-default', '*', '2027届毕业生生源信息上报', '2027',
        '2026-08-01 00:00:00+08', '2027-07-31 23:59:59+08',
        '{202701,202702,202703,202704,202705,202706,202707,202708}', '{}');
