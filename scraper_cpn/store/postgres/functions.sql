-- What changes a partition: each function is one call, and so one transaction and one round trip.
--
-- Errors of our own: SC001 the claim is another's, SC002 the batch does not follow the last one, SC003 it
-- contradicts the tables, SC004 a budget has less left than is drawn, SC005 the tables lack an acknowledged batch,
-- SC006 the crawl is gone. Nothing of such a batch is written.

-- Plans are fixed: they are made when tables are empty, and must hold when they have millions of rows.
CREATE FUNCTION scrape.commit_batch(
    _part bigint, _epoch bigint, _owner text, _lease_ms bigint, _idle boolean,
    _seq bigint, _at_ns bigint, _next_serial bigint, _next_id bigint, _firings bigint,
    _marking_hash bigint, _inputs bytea, _most_age_ns bigint, _most_bytes bigint, _delete_most bigint,
    _gone bigint[],
    _born_serial bigint[], _born_place text[], _born_ready bigint[], _born_expires bigint[], _born_colour bytea[],
    _left_place text[], _left_key text[], _left_o1 bigint[], _left_o2 bigint[], _left_serial bigint[],
    _came_place text[], _came_key text[], _came_o1 bigint[], _came_o2 bigint[], _came_serial bigint[], _came_colour bytea[],
    _counter text[], _counter_key text[], _number bigint[],
    _seen_place text[], _seen_key text[],
    _landed bigint[], _flight bigint[], _flight_rest bytea[],
    _faulted bytea[],
    _row_sink text[], _row_name text[], _row_body bytea[],
    _item_fingerprint bytea[], _item_visit bigint[], _item_ordinal bigint[], _item_body bytea[],
    _metadata_name text[], _metadata_value bytea[],
    _received bigint[], _sent_pid integer[], _sent_tokens integer[], _sent_body bytea[],
    _credit_counter text[], _credit_drawn bigint[],
    _text bigint[], _text_line bigint[], _text_body text[]
) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    head scrape.part;
    changed bigint;
BEGIN
    -- The fence: only the owner, in order. The row stays locked until the batch is durable.
    UPDATE scrape.part SET
        lease_until = clock_timestamp() + _lease_ms * interval '1 millisecond',
        idle = _idle,
        seq = _seq, at_ns = _at_ns, next_serial = _next_serial, next_id = _next_id, marking_hash = _marking_hash,
        tokens = tokens + cardinality(_born_serial) - cardinality(_gone),
        paged = paged + cardinality(_came_serial) - cardinality(_left_serial),
        seen = seen + cardinality(_seen_key),
        faulted = faulted + cardinality(_faulted),
        sunk = sunk + cardinality(_row_sink),
        items = items + cardinality(_item_visit),
        journal_bytes = journal_bytes + length(_inputs),
        journal_since_ns = CASE WHEN seq = base_seq THEN _at_ns ELSE journal_since_ns END
    WHERE id = _part AND epoch = _epoch AND owner = _owner AND seq = _seq - 1
    RETURNING * INTO head;
    IF NOT FOUND THEN
        PERFORM scrape.refuse_batch(_part, _epoch, _owner, _seq);
    END IF;
    -- An acknowledged batch is durable, whatever the database does for others.
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;

    IF cardinality(_received) > 0 THEN
        DELETE FROM scrape.outbox WHERE dst = _part AND id = ANY (_received);
        GET DIAGNOSTICS changed = ROW_COUNT;
        PERFORM scrape.expect('outbox', changed, cardinality(_received));
    END IF;
    IF cardinality(_gone) > 0 THEN
        DELETE FROM scrape.token WHERE part = _part AND serial = ANY (_gone);
        GET DIAGNOSTICS changed = ROW_COUNT;
        PERFORM scrape.expect('token', changed, cardinality(_gone));
    END IF;
    IF cardinality(_born_serial) > 0 THEN
        INSERT INTO scrape.token
        SELECT _part, t.* FROM unnest(_born_serial, _born_place, _born_ready, _born_expires, _born_colour) AS t;
    END IF;
    IF cardinality(_left_serial) > 0 THEN
        DELETE FROM scrape.paged p
        USING unnest(_left_place, _left_key, _left_o1, _left_o2, _left_serial) AS t (place, key, o1, o2, serial)
        WHERE p.part = _part AND p.place = t.place AND p.key = t.key
            AND p.o1 = t.o1 AND p.o2 = t.o2 AND p.serial = t.serial;
        GET DIAGNOSTICS changed = ROW_COUNT;
        PERFORM scrape.expect('paged', changed, cardinality(_left_serial));
    END IF;
    IF cardinality(_came_serial) > 0 THEN
        INSERT INTO scrape.paged
        SELECT _part, t.* FROM unnest(_came_place, _came_key, _came_o1, _came_o2, _came_serial, _came_colour) AS t;
    END IF;
    IF cardinality(_number) > 0 THEN
        INSERT INTO scrape.number SELECT _part, t.* FROM unnest(_counter, _counter_key, _number) AS t
        ON CONFLICT (part, counter, key) DO UPDATE SET number = excluded.number;
    END IF;
    IF cardinality(_landed) > 0 THEN
        DELETE FROM scrape.flight WHERE part = _part AND id = ANY (_landed);
        GET DIAGNOSTICS changed = ROW_COUNT;
        PERFORM scrape.expect('flight', changed, cardinality(_landed));
    END IF;
    IF cardinality(_flight) > 0 THEN
        INSERT INTO scrape.flight SELECT _part, t.* FROM unnest(_flight, _flight_rest) AS t
        ON CONFLICT (part, id) DO UPDATE SET rest = excluded.rest;
    END IF;
    IF cardinality(_seen_key) > 0 THEN
        INSERT INTO scrape.seen
        SELECT _part, head.seen - cardinality(_seen_key) + t.n, t.place, t.key
        FROM unnest(_seen_place, _seen_key) WITH ORDINALITY AS t (place, key, n);
    END IF;
    IF cardinality(_faulted) > 0 THEN
        INSERT INTO scrape.faulted
        SELECT _part, head.faulted - cardinality(_faulted) + t.n, t.rest
        FROM unnest(_faulted) WITH ORDINALITY AS t (rest, n);
    END IF;
    IF cardinality(_row_sink) > 0 THEN
        INSERT INTO scrape.sink_row
        SELECT _part, head.sunk - cardinality(_row_sink) + t.n, t.sink, t.name, t.body
        FROM unnest(_row_sink, _row_name, _row_body) WITH ORDINALITY AS t (sink, name, body, n);
        INSERT INTO scrape.sink AS s (part, sink, taken)
        SELECT _part, t.sink, count(*) FROM unnest(_row_sink) AS t (sink) GROUP BY t.sink
        ON CONFLICT (part, sink) DO UPDATE SET taken = s.taken + excluded.taken;
    END IF;
    IF cardinality(_item_visit) > 0 THEN
        INSERT INTO scrape.item
        SELECT _part, head.items - cardinality(_item_visit) + t.n, t.fingerprint, t.visit, t.ordinal, t.body
        FROM unnest(_item_fingerprint, _item_visit, _item_ordinal, _item_body)
            WITH ORDINALITY AS t (fingerprint, visit, ordinal, body, n);
    END IF;
    IF cardinality(_metadata_name) > 0 THEN
        INSERT INTO scrape.metadata SELECT _part, t.* FROM unnest(_metadata_name, _metadata_value) AS t
        ON CONFLICT (part, name) DO UPDATE SET value = excluded.value;
    END IF;
    IF cardinality(_text) > 0 THEN
        INSERT INTO scrape.text SELECT _part, t.* FROM unnest(_text, _text_line, _text_body) AS t;
    END IF;
    IF cardinality(_sent_pid) > 0 THEN
        INSERT INTO scrape.outbox (dst, src, tokens, body)
        SELECT p.id, _part, t.tokens, t.body
        FROM unnest(_sent_pid, _sent_tokens, _sent_body) AS t (pid, tokens, body)
        JOIN scrape.part p ON p.crawl = head.crawl AND p.pid = t.pid;
        GET DIAGNOSTICS changed = ROW_COUNT;
        PERFORM scrape.expect('part', changed, cardinality(_sent_pid));
    END IF;
    IF cardinality(_credit_counter) > 0 THEN
        PERFORM scrape.draw_credits(head.crawl, _credit_counter, _credit_drawn);
    END IF;
    INSERT INTO scrape.journal VALUES (_part, _seq, _at_ns, _firings, _marking_hash, _inputs);

    IF head.at_ns - head.journal_since_ns > _most_age_ns OR head.journal_bytes > _most_bytes THEN
        PERFORM scrape.take_base(_part);
        head.base_seq := head.seq;
    END IF;
    IF head.journal_first <= head.base_seq THEN
        UPDATE scrape.part SET journal_first = least(head.base_seq + 1, head.journal_first + _delete_most)
        WHERE id = _part RETURNING * INTO head;
        DELETE FROM scrape.journal WHERE part = _part AND seq < head.journal_first;
    END IF;
END
$$;

-- Why the fence has not let a batch through.
CREATE FUNCTION scrape.refuse_batch(_part bigint, _epoch bigint, _owner text, _seq bigint) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    head scrape.part;
BEGIN
    SELECT * INTO head FROM scrape.part WHERE id = _part;
    IF head.epoch IS DISTINCT FROM _epoch OR head.owner IS DISTINCT FROM _owner THEN
        RAISE EXCEPTION 'another process has taken over' USING ERRCODE = 'SC001';
    END IF;
    IF head.seq < _seq - 1 THEN
        RAISE EXCEPTION 'its last batch is %, not %', head.seq, _seq - 1 USING ERRCODE = 'SC005';
    END IF;
    RAISE EXCEPTION 'batch % does not follow batch %', _seq, head.seq USING ERRCODE = 'SC002';
END
$$;

CREATE FUNCTION scrape.expect(_table text, _there bigint, _wanted bigint) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    IF _there <> _wanted THEN
        RAISE EXCEPTION '% of % rows of the table % are missing', _wanted - _there, _wanted, _table
            USING ERRCODE = 'SC003';
    END IF;
END
$$;

-- Draw from budgets, or give back (below 0). Rows are locked in one order, so that no two calls wait for each other.
CREATE FUNCTION scrape.draw_credits(_crawl bigint, _counter text[], _drawn bigint[]) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    each record;
BEGIN
    FOR each IN
        SELECT t.counter, sum(t.drawn) AS drawn FROM unnest(_counter, _drawn) AS t (counter, drawn)
        GROUP BY t.counter ORDER BY t.counter COLLATE "C"
    LOOP
        UPDATE scrape.credit SET free = free - each.drawn
        WHERE crawl = _crawl AND counter = each.counter AND free >= each.drawn;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the budget % has less than % left', each.counter, each.drawn USING ERRCODE = 'SC004';
        END IF;
    END LOOP;
END
$$;

-- The journal begins anew: the marking becomes its base.
CREATE FUNCTION scrape.take_base(_part bigint) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['token', 'paged', 'number', 'flight'] LOOP
        EXECUTE format('DELETE FROM scrape.base_%I WHERE part = $1', name) USING _part;
        EXECUTE format('INSERT INTO scrape.base_%I SELECT * FROM scrape.%I WHERE part = $1', name, name) USING _part;
    END LOOP;
    UPDATE scrape.sink SET base_taken = taken WHERE part = _part;
    UPDATE scrape.part SET
        journal_bytes = 0, base_seq = seq, base_at_ns = at_ns, base_next_serial = next_serial, base_next_id = next_id,
        base_marking_hash = marking_hash, base_seen = seen, base_faulted = faulted
    WHERE id = _part;
END
$$;

-- Claim a partition; returns the epoch of the claim, or NULL while another process has it. `_dead` is the owner whose
-- process is known to have ended, if any: its lease need not be waited for.
CREATE FUNCTION scrape.claim_part(_part bigint, _owner text, _lease_ms bigint, _holder text, _dead text) RETURNS bigint
LANGUAGE sql
AS $$
    UPDATE scrape.part SET
        epoch = epoch + 1, owner = _owner, holder = _holder,
        lease_until = clock_timestamp() + _lease_ms * interval '1 millisecond'
    WHERE id = _part AND (owner IS NULL OR owner = _dead OR lease_until < clock_timestamp())
    RETURNING epoch
$$;

-- Renew a claim; false if it is another's by now.
CREATE FUNCTION scrape.renew_part(_part bigint, _epoch bigint, _owner text, _lease_ms bigint) RETURNS boolean
LANGUAGE sql
AS $$
    WITH renewed AS (
        UPDATE scrape.part SET lease_until = clock_timestamp() + _lease_ms * interval '1 millisecond'
        WHERE id = _part AND epoch = _epoch AND owner = _owner
        RETURNING 1
    )
    SELECT EXISTS (SELECT FROM renewed)
$$;

-- Give a claim back, so that others need not wait for the end of its lease.
CREATE FUNCTION scrape.release_part(_part bigint, _epoch bigint, _owner text) RETURNS void
LANGUAGE sql
AS $$
    UPDATE scrape.part SET owner = NULL, holder = NULL, lease_until = '-infinity'
    WHERE id = _part AND epoch = _epoch AND owner = _owner
$$;
