INSERT INTO notification.consent AS k (account_id, template, remaining)
SELECT $1, t, 1 FROM unnest($2::text[]) t
    ON CONFLICT (account_id, template) DO UPDATE
   SET remaining = least(k.remaining + 1, $3::integer), changed_at = now()
