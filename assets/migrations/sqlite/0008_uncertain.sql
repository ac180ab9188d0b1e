-- What attempts may have taken counts against caps in every life of a job, not only in the one that asked. From here on an answer that
-- its lease left unread is request state 1; it counts by its estimate until it is read. So do attempts that failed and may have been
-- charged, by what is left of theirs, and refused ones of the kind.

UPDATE requests SET state = 1
WHERE state = 0 AND EXISTS (SELECT 1 FROM responses p WHERE p.request = requests.id)
  AND EXISTS (SELECT 1 FROM tasks t WHERE t.id = requests.task AND t.state NOT IN (1, 2, 3));

-- Sums of the whole database outlive deleted jobs: what was left out of them is added.
INSERT INTO counters
    WITH missed AS (
        SELECT substr(n.name, 1, instr(n.name || '/', '/') - 1) AS provider, CAST(r.at_ms / 86400000 AS TEXT) AS day,
               MAX(r.estimate_usd - r.cost, 0) AS usd, MAX(r.estimate_tokens - r.tokens, 0) AS tokens,
               r.estimate_requests - (r.state = 3) AS requests
        FROM requests r JOIN teachers n ON n.id = r.teacher
        WHERE (r.state = 1 OR (r.state IN (3, 4) AND r.maybe_billed)) AND r.estimate_requests > 0)
    SELECT 0, kind, name, SUM(value) FROM (
        SELECT 'provider.usd' AS kind, provider AS name, usd AS value FROM missed
        UNION ALL SELECT 'provider.tokens', provider, tokens FROM missed
        UNION ALL SELECT 'provider.requests', provider, requests FROM missed
        UNION ALL SELECT 'day.usd', day, usd FROM missed
        UNION ALL SELECT 'day.tokens', day, tokens FROM missed
        UNION ALL SELECT 'day.requests', day, requests FROM missed
    ) GROUP BY kind, name HAVING SUM(value) > 0
    ON CONFLICT (job, kind, name) DO UPDATE SET value = value + excluded.value;

-- Those of jobs are counted anew.
DELETE FROM counters WHERE job > 0 AND kind = 'sum'
    AND name IN ('uncertain_usd', 'uncertain_tokens', 'uncertain_requests', 'maybe_billed');
INSERT INTO counters
    WITH unsure AS (
        SELECT task >> 40 AS job, maybe_billed, estimate_requests > 0 AND (state = 1 OR maybe_billed) AS counts,
               MAX(estimate_usd - cost, 0) AS usd, MAX(estimate_tokens - tokens, 0) AS tokens,
               estimate_requests - (state IN (2, 3)) AS requests
        FROM requests WHERE state = 1 OR maybe_billed)
    SELECT job, 'sum', name, SUM(value) FROM (
        SELECT job, 'maybe_billed' AS name, maybe_billed AS value FROM unsure
        UNION ALL SELECT job, 'uncertain_usd', usd FROM unsure WHERE counts
        UNION ALL SELECT job, 'uncertain_tokens', tokens FROM unsure WHERE counts
        UNION ALL SELECT job, 'uncertain_requests', requests FROM unsure WHERE counts
    ) GROUP BY job, name HAVING SUM(value) > 0;
