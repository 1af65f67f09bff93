-- One copy scans at a time, for the length of its transaction.
SELECT pg_try_advisory_xact_lock(20263000)
