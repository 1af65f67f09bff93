SELECT DISTINCT chain FROM audit.event ORDER BY chain
