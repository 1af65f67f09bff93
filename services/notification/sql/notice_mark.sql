-- Before it is sent: who finds it so afterwards cannot know whether it was.
UPDATE notification.notice
   SET state = 'sending', channel = $2, tries = tries + 1, claimed_at = now()
 WHERE notice_id = $1::uuid AND state IN ('waiting', 'sending')
