-- The statements of workers and ports, by name. Those that change more than one table are functions, in schema.sql.

-- name: beat
SELECT kept, workers, holders, stopping, ended, now_ns FROM scrape.beat($1, $2, $3, $4, $5, $6)

-- name: claim
SELECT id, pid, epoch, owner_was FROM scrape.claim_parts($1, $2, $3, $4, $5, $6)

-- name: release
SELECT scrape.release_part($1, $2, $3)

-- name: release_worker
SELECT scrape.release_worker($1, $2)

-- name: end_if_done
SELECT scrape.end_if_done($1)

-- name: inbox
SELECT dst, id, body FROM scrape.outbox WHERE dst = ANY ($1) AND id <> ALL ($2) ORDER BY id LIMIT $3

-- name: draw
SELECT scrape.draw($1, $2, $3, $4)

-- name: feed
SELECT scrape.feed($1, $2, $3, $4)

-- name: lock
LOCK TABLE scrape.version IN ACCESS EXCLUSIVE MODE

-- name: crawl_of
SELECT crawl FROM scrape.part WHERE id = $1

-- name: add_cluster
INSERT INTO scrape.cluster (crawl, laws, serves) VALUES ($1, $2, $3)

-- name: add_credits
INSERT INTO scrape.credit (crawl, counter, free) SELECT $1, t.* FROM unnest($2::text[], $3::bigint[]) AS t

-- name: add_facts
INSERT INTO scrape.fact (crawl, name, value) SELECT $1, t.* FROM unnest($2::text[], $3::bytea[]) AS t

-- name: facts
SELECT name, value FROM scrape.fact WHERE crawl = $1 ORDER BY name

-- name: is_missing
SELECT to_regclass('scrape.cluster') IS NULL

-- name: find
SELECT c.id, k.laws, array(SELECT p.id FROM scrape.part p WHERE p.crawl = c.id ORDER BY p.pid)
FROM scrape.crawl c JOIN scrape.cluster k ON k.crawl = c.id WHERE c.state = $1 AND c.name = $2

-- name: set_stopping
UPDATE scrape.cluster SET stopping = $2 WHERE crawl = $1

-- name: ended
SELECT ended FROM scrape.cluster WHERE crawl = $1

-- name: consume
SELECT c.part, r.n, r.body FROM unnest($1::bigint[], $2::bigint[]) AS c (part, n)
CROSS JOIN LATERAL (
    SELECT s.n, s.body FROM scrape.sink_row s
    WHERE s.part = c.part AND s.n > c.n AND s.sink = $3 ORDER BY s.n LIMIT $4
) AS r
ORDER BY r.n, c.part LIMIT $4

-- name: counts
SELECT place, sum(number) FROM (
    SELECT place, count(*) AS number FROM scrape.token WHERE part = ANY ($1) GROUP BY place
    UNION ALL SELECT place, count(*) FROM scrape.paged WHERE part = ANY ($1) GROUP BY place
    UNION ALL SELECT sink, sum(taken) FROM scrape.sink WHERE part = ANY ($1) GROUP BY sink
    UNION ALL SELECT 'outbox', coalesce(sum(tokens), 0) FROM scrape.outbox WHERE dst = ANY ($1)
) AS counted GROUP BY place ORDER BY place

-- name: add_reader
INSERT INTO scrape.reader (crawl, name, sink, part, n)
SELECT $1, $2, $3, t.part, 0 FROM unnest($4::bigint[]) AS t (part)
ON CONFLICT DO NOTHING

-- name: read_so_far
SELECT part, n FROM scrape.reader WHERE crawl = $1 AND name = $2 AND sink = $3 ORDER BY part FOR UPDATE

-- name: move_reader
UPDATE scrape.reader r SET n = t.n FROM unnest($4::bigint[], $5::bigint[]) AS t (part, n)
WHERE r.crawl = $1 AND r.name = $2 AND r.sink = $3 AND r.part = t.part

-- name: look
SELECT c.created_ns, (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint, k.ended, k.stopping,
    (SELECT count(*) FROM scrape.part p WHERE p.crawl = c.id AND p.idle),
    (SELECT coalesce(sum(o.tokens), 0) FROM scrape.outbox o JOIN scrape.part p ON p.id = o.dst WHERE p.crawl = c.id)
FROM scrape.crawl c JOIN scrape.cluster k ON k.crawl = c.id WHERE c.id = $1

-- name: look_workers
SELECT w.holder, (extract(epoch FROM clock_timestamp() - w.seen_at) * 1000000000)::bigint,
    (SELECT count(*) FROM scrape.part p WHERE p.crawl = w.crawl AND p.owner = w.id AND p.lease_until > clock_timestamp())
FROM scrape.worker w WHERE w.crawl = $1 ORDER BY w.since, w.id

-- name: look_credits
SELECT counter, free FROM scrape.credit WHERE crawl = $1 ORDER BY counter

-- name: go_on
UPDATE scrape.cluster SET ended = NULL, stopping = false WHERE crawl = $1
