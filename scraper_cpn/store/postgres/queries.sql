-- The statements of the store, by name. Those that read a table in parts begin after the last row's key, and
-- take the number of rows as their last value.

-- name: version
SELECT to_regclass('scrape.version')::text

-- name: schema
SELECT schema FROM scrape.version

-- name: commit
SELECT scrape.commit_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
    $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44,
    $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59)

-- name: claim
SELECT scrape.claim_part($1, $2, $3, $4, $5)

-- name: renew
SELECT scrape.renew_part($1, $2, $3, $4)

-- name: release
SELECT scrape.release_part($1, $2, $3)

-- name: holder
SELECT owner, holder, lease_until::text, lease_until > clock_timestamp() AS held FROM scrape.part WHERE id = $1

-- name: runs
SELECT p.id, c.name, c.created_ns, p.seq, p.at_ns, p.holder,
    p.owner IS NOT NULL AND p.lease_until > clock_timestamp() AS held, c.partitions
FROM scrape.crawl c JOIN scrape.part p ON p.crawl = c.id
WHERE c.state = $1 AND p.pid = 0 ORDER BY c.id

-- name: add_crawl
INSERT INTO scrape.crawl (state, name, created_ns, partitions) VALUES ($1, $2, $3, $4) RETURNING id

-- name: add_parts
WITH added AS (
    INSERT INTO scrape.part (crawl, pid) SELECT $1, generate_series(0, $2::integer - 1) RETURNING id, pid
)
SELECT id FROM added ORDER BY pid

-- name: add_metadata
INSERT INTO scrape.metadata SELECT $1, t.* FROM unnest($2::text[], $3::bytea[]) AS t

-- name: add_texts
INSERT INTO scrape.text SELECT $1, t.* FROM unnest($2::bigint[], $3::bigint[], $4::text[]) AS t

-- name: head
SELECT seq, at_ns, next_serial, next_id, marking_hash, tokens, paged, seen, faulted, sunk, items, journal_first, journal_bytes,
    base_seq, base_at_ns, base_next_serial, base_next_id, base_marking_hash, base_seen, base_faulted
FROM scrape.part WHERE id = $1

-- name: page
SELECT place, key, o1, o2, serial, colour FROM scrape.paged
WHERE part = $1 AND place = $2 AND key = $3 AND (o1, o2, serial) >= ($4, $5, $6)
ORDER BY o1, o2, serial LIMIT $7

-- name: token
SELECT serial, place, ready_ns, expires_ns, colour FROM scrape.token
WHERE part = $1 AND serial > $2 ORDER BY serial LIMIT $3

-- name: base_token
SELECT serial, place, ready_ns, expires_ns, colour FROM scrape.base_token
WHERE part = $1 AND serial > $2 ORDER BY serial LIMIT $3

-- name: tokens
SELECT serial, place, ready_ns, expires_ns, colour FROM scrape.token
WHERE part = $1 AND place = ANY ($2) AND serial > $3 ORDER BY serial LIMIT $4

-- name: paged
SELECT place, key, o1, o2, serial, colour FROM scrape.paged
WHERE part = $1 AND (place, key, o1, o2, serial) > ($2, $3, $4, $5, $6)
ORDER BY place, key, o1, o2, serial LIMIT $7

-- name: base_paged
SELECT place, key, o1, o2, serial, colour FROM scrape.base_paged
WHERE part = $1 AND (place, key, o1, o2, serial) > ($2, $3, $4, $5, $6)
ORDER BY place, key, o1, o2, serial LIMIT $7

-- name: holding
SELECT place, key, o1, o2, serial, colour FROM scrape.paged
WHERE part = $1 AND place = $2 AND key = $3 AND position($4::bytea IN colour) > 0
ORDER BY o1, o2, serial

-- name: ahead
SELECT count(*) FROM scrape.paged
WHERE part = $1 AND place = $2 AND key = $3 AND (o1, o2, serial) < ($4, $5, $6) AND serial <> ALL ($7::bigint[])

-- name: colours
SELECT key, o1, o2, serial, colour FROM scrape.paged
WHERE part = $1 AND place = $2 AND (key, o1, o2, serial) > ($3, $4, $5, $6)
ORDER BY key, o1, o2, serial LIMIT $7

-- name: number
SELECT counter, key, number FROM scrape.number
WHERE part = $1 AND (counter, key) > ($2, $3) ORDER BY counter, key LIMIT $4

-- name: base_number
SELECT counter, key, number FROM scrape.base_number
WHERE part = $1 AND (counter, key) > ($2, $3) ORDER BY counter, key LIMIT $4

-- name: flight
SELECT id, rest FROM scrape.flight WHERE part = $1 AND id > $2 ORDER BY id LIMIT $3

-- name: base_flight
SELECT id, rest FROM scrape.base_flight WHERE part = $1 AND id > $2 ORDER BY id LIMIT $3

-- name: seen
SELECT n, place, key FROM scrape.seen WHERE part = $1 AND n <= $2 AND n > $3 ORDER BY n LIMIT $4

-- name: faulted
SELECT n, rest FROM scrape.faulted WHERE part = $1 AND n <= $2 AND n > $3 ORDER BY n LIMIT $4

-- name: sunk
SELECT sink, taken, base_taken FROM scrape.sink WHERE part = $1

-- name: rows
SELECT n, sink, name, body FROM scrape.sink_row WHERE part = $1 AND sink = $2 AND n > $3 ORDER BY n LIMIT $4

-- name: named
SELECT n, sink, name, body FROM scrape.sink_row WHERE part = $1 AND name = $2 AND n > $3 ORDER BY n LIMIT $4

-- name: items
SELECT n, fingerprint, visit, ordinal, body FROM scrape.item WHERE part = $1 AND n > $2 ORDER BY n LIMIT $3

-- name: journal
SELECT seq, at_ns, firings, marking_hash, inputs FROM scrape.journal WHERE part = $1 AND seq > $2 ORDER BY seq LIMIT $3

-- name: latest
SELECT seq, at_ns, firings, marking_hash, inputs FROM scrape.journal
WHERE part = $1 AND seq > $2 AND seq < $3 ORDER BY seq DESC LIMIT $4

-- name: metadata
SELECT name, value FROM scrape.metadata WHERE part = $1 ORDER BY name

-- name: texts
SELECT n, line, body FROM scrape.text WHERE part = $1 AND n <= $2 AND n > $3 ORDER BY n LIMIT $4

-- name: counts
SELECT place, count(*) FROM scrape.token WHERE part = $1 GROUP BY place
UNION ALL
SELECT place, count(*) FROM scrape.paged WHERE part = $1 GROUP BY place

-- name: backlog
SELECT key, count(*) FROM scrape.paged WHERE part = $1 AND place = $2 GROUP BY key

-- name: rows_there
SELECT count(*) FILTER (WHERE t.what = 'token'), count(*) FILTER (WHERE t.what = 'paged'),
    count(*) FILTER (WHERE t.what = 'seen'), count(*) FILTER (WHERE t.what = 'faulted'),
    count(*) FILTER (WHERE t.what = 'sink_row'), count(*) FILTER (WHERE t.what = 'item'),
    count(*) FILTER (WHERE t.what = 'journal')
FROM (
    SELECT 'token' AS what FROM scrape.token WHERE part = $1
    UNION ALL SELECT 'paged' FROM scrape.paged WHERE part = $1
    UNION ALL SELECT 'seen' FROM scrape.seen WHERE part = $1
    UNION ALL SELECT 'faulted' FROM scrape.faulted WHERE part = $1
    UNION ALL SELECT 'sink_row' FROM scrape.sink_row WHERE part = $1
    UNION ALL SELECT 'item' FROM scrape.item WHERE part = $1
    UNION ALL SELECT 'journal' FROM scrape.journal WHERE part = $1 AND seq BETWEEN $2 AND $3
) AS t
