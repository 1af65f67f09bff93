-- The campaign a school's students are in now: its own before that of every school, the newest.
SELECT campaign_id
  FROM campaign.campaign
 WHERE school_code IN ($1, '*')
 ORDER BY edition DESC, school_code = '*', campaign_id
 LIMIT 1
