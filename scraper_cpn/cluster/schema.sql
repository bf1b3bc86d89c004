-- What the workers of a crawl share, beside the tables of its partitions (see store/postgres/schema.sql).

-- `laws`: what every worker has to agree on, in JSON. `serves`: whether the crawl waits for tokens from outside when
-- there is no work left. `stopping`: workers let running work end, then leave. `ended`: how it ended.
CREATE TABLE IF NOT EXISTS scrape.cluster (
    crawl bigint PRIMARY KEY REFERENCES scrape.crawl (id),
    laws bytea NOT NULL,
    serves boolean NOT NULL,
    stopping boolean NOT NULL DEFAULT false,
    ended text
);

-- Named values of a crawl, which stay as they were when it was made. Those that batches change are each partition's.
CREATE TABLE IF NOT EXISTS scrape.fact (
    crawl bigint NOT NULL REFERENCES scrape.crawl (id),
    name text COLLATE "C" NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (crawl, name)
);

-- A worker process; `holder` says in JSON which one. One that was not seen for the length of a lease is gone.
CREATE TABLE IF NOT EXISTS scrape.worker (
    crawl bigint NOT NULL REFERENCES scrape.crawl (id),
    id text COLLATE "C" NOT NULL,
    holder text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (crawl, id)
) WITH (fillfactor = 50);

-- How far somebody has read the rows of a sink: `n` is that of the last row of a partition.
CREATE TABLE IF NOT EXISTS scrape.reader (
    crawl bigint NOT NULL REFERENCES scrape.crawl (id),
    name text COLLATE "C" NOT NULL,
    sink text COLLATE "C" NOT NULL,
    part bigint NOT NULL REFERENCES scrape.part (id),
    n bigint NOT NULL,
    PRIMARY KEY (crawl, name, sink, part)
) WITH (fillfactor = 50);

-- A heartbeat: renews the leases of the partitions that the worker still owns, and says how things stand.
-- Leases are on the clock of this server alone.
CREATE OR REPLACE FUNCTION scrape.beat(
    _crawl bigint, _worker text, _holder text, _lease_ms bigint, _parts bigint[], _epochs bigint[],
    OUT kept bigint[], OUT workers text[], OUT holders text[], OUT stopping boolean, OUT ended text, OUT now_ns bigint
)
LANGUAGE plpgsql
AS $$
BEGIN
    SELECT c.stopping, c.ended INTO stopping, ended FROM scrape.cluster c WHERE c.crawl = _crawl;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no crawl %', _crawl USING ERRCODE = 'SC006';
    END IF;
    INSERT INTO scrape.worker AS w (crawl, id, holder, seen_at)
    VALUES (_crawl, _worker, _holder, clock_timestamp())
    ON CONFLICT (crawl, id) DO UPDATE SET seen_at = excluded.seen_at;
    DELETE FROM scrape.worker w
    WHERE w.crawl = _crawl AND w.seen_at < clock_timestamp() - 20 * _lease_ms * interval '1 millisecond';
    WITH renewed AS (
        UPDATE scrape.part p SET lease_until = clock_timestamp() + _lease_ms * interval '1 millisecond'
        FROM unnest(_parts, _epochs) AS mine (id, epoch)
        WHERE p.id = mine.id AND p.epoch = mine.epoch AND p.owner = _worker
        RETURNING p.id
    )
    SELECT coalesce(array_agg(id), '{}') INTO kept FROM renewed;
    SELECT coalesce(array_agg(w.id), '{}'), coalesce(array_agg(w.holder), '{}') INTO workers, holders
    FROM scrape.worker w
    WHERE w.crawl = _crawl AND w.seen_at > clock_timestamp() - _lease_ms * interval '1 millisecond';
    now_ns := extract(epoch FROM clock_timestamp()) * 1000000000;
END
$$;

-- Claim up to `_most` partitions that nobody owns, whose lease is over, or that this worker has dropped (it owns them,
-- but they are not in `_held`). Two workers that claim at once get different ones.
CREATE OR REPLACE FUNCTION scrape.claim_parts(
    _crawl bigint, _worker text, _lease_ms bigint, _holder text, _held bigint[], _most bigint
) RETURNS TABLE (id bigint, pid integer, epoch bigint, owner_was text)
LANGUAGE sql
AS $$
    WITH free AS (
        SELECT p.id, p.owner FROM scrape.part p
        WHERE p.crawl = _crawl AND p.id <> ALL (_held)
            AND (p.owner IS NULL OR p.owner = _worker OR p.lease_until < clock_timestamp())
        ORDER BY p.lease_until, p.pid
        LIMIT _most
        FOR UPDATE SKIP LOCKED
    )
    UPDATE scrape.part p SET
        epoch = p.epoch + 1, owner = _worker, holder = _holder,
        lease_until = clock_timestamp() + _lease_ms * interval '1 millisecond'
    FROM free
    WHERE p.id = free.id
    RETURNING p.id, p.pid, p.epoch, free.owner
$$;

-- Free what a worker owns, so that others need not wait for its leases: it has ended, or somebody saw it die.
CREATE OR REPLACE FUNCTION scrape.release_worker(_crawl bigint, _worker text) RETURNS bigint
LANGUAGE sql
AS $$
    DELETE FROM scrape.worker WHERE crawl = _crawl AND id = _worker;
    WITH freed AS (
        UPDATE scrape.part SET owner = NULL, holder = NULL, lease_until = '-infinity'
        WHERE crawl = _crawl AND owner = _worker
        RETURNING 1
    )
    SELECT count(*) FROM freed
$$;

-- End a crawl that has nothing left to do; returns how it ended, or NULL.
--
-- The last statement sees everything in one snapshot: no partition has work, no token is on its way, and none that
-- wants units of a budget could still get some. Whoever feeds the crawl holds the lock before it.
CREATE OR REPLACE FUNCTION scrape.end_if_done(_crawl bigint) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    word text;
BEGIN
    -- Most calls end here, without a lock: somebody has work.
    IF EXISTS (SELECT FROM scrape.part WHERE crawl = _crawl AND NOT idle) THEN
        RETURN (SELECT ended FROM scrape.cluster WHERE crawl = _crawl);
    END IF;
    PERFORM FROM scrape.cluster WHERE crawl = _crawl FOR UPDATE;
    WITH parts AS (
        SELECT p.id, p.idle, convert_from(m.value, 'UTF8') AS word, convert_from(w.value, 'UTF8') AS wants
        FROM scrape.part p
        LEFT JOIN scrape.metadata m ON m.part = p.id AND m.name = 'ended'
        LEFT JOIN scrape.metadata w ON w.part = p.id AND w.name = 'wants'
        WHERE p.crawl = _crawl
    )
    UPDATE scrape.cluster c SET ended = coalesce(c.ended, CASE
        WHEN EXISTS (SELECT FROM parts WHERE parts.word = '"faulted"') THEN 'faulted'
        WHEN EXISTS (SELECT FROM parts WHERE parts.word = '"spent"') THEN 'spent'
        WHEN EXISTS (SELECT FROM parts WHERE parts.word = '"stuck"') THEN 'stuck'
        ELSE 'finished' END)
    WHERE c.crawl = _crawl AND (c.ended IS NOT NULL OR (
        NOT c.serves
        AND NOT EXISTS (SELECT FROM parts WHERE NOT parts.idle)
        AND NOT EXISTS (SELECT FROM scrape.outbox o JOIN scrape.part p ON p.id = o.dst WHERE p.crawl = _crawl)
        AND NOT EXISTS (
            SELECT FROM parts CROSS JOIN LATERAL jsonb_array_elements_text(parts.wants::jsonb) AS wanted (counter)
            WHERE EXISTS (SELECT FROM scrape.credit f WHERE f.crawl = _crawl AND f.counter = wanted.counter AND f.free > 0)
                OR EXISTS (
                    SELECT FROM scrape.number n
                    JOIN parts holder ON holder.id = n.part
                    WHERE n.counter = wanted.counter AND n.number > 0 AND holder.word <> '"spent"'
                )
        )
    ))
    RETURNING c.ended INTO word;
    RETURN word;
END
$$;

-- Tokens from outside, for partitions by their numbers; false if the crawl takes none any more.
CREATE OR REPLACE FUNCTION scrape.feed(_crawl bigint, _pid integer[], _tokens integer[], _body bytea[]) RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM FROM scrape.cluster WHERE crawl = _crawl AND ended IS NULL FOR SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO scrape.outbox (dst, src, tokens, body)
    SELECT p.id, p.id, t.tokens, t.body
    FROM unnest(_pid, _tokens, _body) AS t (pid, tokens, body)
    JOIN scrape.part p ON p.crawl = _crawl AND p.pid = t.pid;
    RETURN true;
END
$$;

-- Draw units of a budget for a partition: they leave what is free, and are on their way to it, in one transaction.
-- `_bodies[k]` brings k units. Returns how many.
CREATE OR REPLACE FUNCTION scrape.draw(_crawl bigint, _counter text, _part bigint, _bodies bytea[]) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
    number bigint;
BEGIN
    SELECT least(free, cardinality(_bodies)) INTO number FROM scrape.credit
    WHERE crawl = _crawl AND counter = _counter FOR UPDATE;
    IF number > 0 THEN
        UPDATE scrape.credit SET free = free - number WHERE crawl = _crawl AND counter = _counter;
        INSERT INTO scrape.outbox (dst, src, tokens, body) VALUES (_part, _part, number, _bodies[number]);
    END IF;
    RETURN coalesce(number, 0);
END
$$;
