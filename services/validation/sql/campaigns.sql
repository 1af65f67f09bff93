-- Every campaign, to be kept in memory (the same columns in every service that does).
SELECT campaign_id, school_code, name, edition,
       (extract(epoch FROM opens_at) * 1000)::bigint,
       (extract(epoch FROM closes_at) * 1000)::bigint,
       array_to_string(graduation_months, ','), array_to_string(required_fields, ','),
       (SELECT coalesce(string_agg(key || '=' || value, ',' ORDER BY key), '')
          FROM jsonb_each_text(fixed_values)), version,
       province, level, array_to_string(optional_fields, ','),
       (SELECT coalesce(string_agg(key || '=' || value, ',' ORDER BY key), '')
          FROM jsonb_each_text(rule_severities)),
       (SELECT coalesce(string_agg(s.school_code, ',' ORDER BY s.school_code), '')
          FROM campaign.school s WHERE s.province = c.province)
  FROM campaign.campaign c
 ORDER BY campaign_id
