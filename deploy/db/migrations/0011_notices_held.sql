-- Notices are among what is held about a person; a reminder goes by the campaign of school, province and level.
INSERT INTO identity.held_place VALUES
('notification.notice', 't.recipient IN ($1, $2::text)', '{}'),
('notification.consent', 't.account_id = $1', '{}');

GRANT SELECT (student_id, yxdm, xldm) ON roster.student TO sy_notification;
GRANT SELECT (school_code, province) ON campaign.school TO sy_notification;
