-- The tables of states on PostgreSQL. They live in a schema of their own, beside whatever else the database has.
--
-- A state has one or more crawls; a crawl has one or more partitions. A partition is what a run is in a
-- state file: one marking, one journal, one writer. Every key of the tables below `part` begins with it.
-- Where rows are only ever added they are numbered from 1 on within their partition (n), without gaps.
-- Texts that names and keys are made of sort by their bytes (COLLATE "C"), as in every other store.

CREATE SCHEMA IF NOT EXISTS scrape;

CREATE TABLE scrape.version (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    schema integer NOT NULL
);

CREATE TABLE scrape.crawl (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    created_ns bigint NOT NULL,
    partitions integer NOT NULL CHECK (partitions > 0),
    UNIQUE (state, name)
);

-- `owner` is the nonce of the writer's claim, `epoch` counts claims, and `holder` says in JSON which process it is.
-- The claim ends at `lease_until`, by the clock of this server, unless a batch or a heartbeat renews it.
-- `idle`: after the last batch the net had nothing to do. The rest is as in a run of a state file.
CREATE TABLE scrape.part (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    crawl bigint NOT NULL REFERENCES scrape.crawl (id),
    pid integer NOT NULL CHECK (pid >= 0),
    epoch bigint NOT NULL DEFAULT 0,
    owner text,
    holder text,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    idle boolean NOT NULL DEFAULT false,
    seq bigint NOT NULL DEFAULT 0,
    at_ns bigint NOT NULL DEFAULT 0,
    next_serial bigint NOT NULL DEFAULT 1,
    next_id bigint NOT NULL DEFAULT 1,
    marking_hash bigint NOT NULL DEFAULT 0,
    tokens bigint NOT NULL DEFAULT 0,
    paged bigint NOT NULL DEFAULT 0,
    seen bigint NOT NULL DEFAULT 0,
    faulted bigint NOT NULL DEFAULT 0,
    sunk bigint NOT NULL DEFAULT 0,
    items bigint NOT NULL DEFAULT 0,
    journal_first bigint NOT NULL DEFAULT 1,
    journal_bytes bigint NOT NULL DEFAULT 0,
    journal_since_ns bigint NOT NULL DEFAULT 0,
    base_seq bigint NOT NULL DEFAULT 0,
    base_at_ns bigint NOT NULL DEFAULT 0,
    base_next_serial bigint NOT NULL DEFAULT 1,
    base_next_id bigint NOT NULL DEFAULT 1,
    base_marking_hash bigint NOT NULL DEFAULT 0,
    base_seen bigint NOT NULL DEFAULT 0,
    base_faulted bigint NOT NULL DEFAULT 0,
    UNIQUE (crawl, pid)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

CREATE TABLE scrape.token (
    part bigint NOT NULL REFERENCES scrape.part (id),
    serial bigint NOT NULL,
    place text COLLATE "C" NOT NULL,
    ready_ns bigint NOT NULL,
    expires_ns bigint,
    colour bytea NOT NULL,
    PRIMARY KEY (part, serial)
);

CREATE TABLE scrape.paged (
    part bigint NOT NULL REFERENCES scrape.part (id),
    place text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    o1 bigint NOT NULL,
    o2 bigint NOT NULL,
    serial bigint NOT NULL,
    colour bytea NOT NULL,
    PRIMARY KEY (part, place, key, o1, o2, serial)
);

CREATE TABLE scrape.number (
    part bigint NOT NULL REFERENCES scrape.part (id),
    counter text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (part, counter, key)
) WITH (fillfactor = 50);

CREATE TABLE scrape.flight (
    part bigint NOT NULL REFERENCES scrape.part (id),
    id bigint NOT NULL,
    rest bytea NOT NULL,
    PRIMARY KEY (part, id)
) WITH (fillfactor = 70);

CREATE TABLE scrape.seen (
    part bigint NOT NULL REFERENCES scrape.part (id),
    n bigint NOT NULL,
    place text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    PRIMARY KEY (part, n)
);

CREATE TABLE scrape.faulted (
    part bigint NOT NULL REFERENCES scrape.part (id),
    n bigint NOT NULL,
    rest bytea NOT NULL,
    PRIMARY KEY (part, n)
);

CREATE TABLE scrape.sink (
    part bigint NOT NULL REFERENCES scrape.part (id),
    sink text COLLATE "C" NOT NULL,
    taken bigint NOT NULL,
    base_taken bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (part, sink)
) WITH (fillfactor = 50);

CREATE TABLE scrape.sink_row (
    part bigint NOT NULL REFERENCES scrape.part (id),
    n bigint NOT NULL,
    sink text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (part, n)
);

CREATE TABLE scrape.item (
    part bigint NOT NULL REFERENCES scrape.part (id),
    n bigint NOT NULL,
    fingerprint bytea NOT NULL,
    visit bigint NOT NULL,
    ordinal bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (part, n),
    UNIQUE (part, fingerprint, visit, ordinal)
);

-- Inputs are packed numbers and colours, which the server would compress badly and slowly.
CREATE TABLE scrape.journal (
    part bigint NOT NULL REFERENCES scrape.part (id),
    seq bigint NOT NULL,
    at_ns bigint NOT NULL,
    firings bigint NOT NULL,
    marking_hash bigint NOT NULL,
    inputs bytea NOT NULL,
    PRIMARY KEY (part, seq)
);
ALTER TABLE scrape.journal ALTER COLUMN inputs SET STORAGE EXTERNAL;

CREATE TABLE scrape.metadata (
    part bigint NOT NULL REFERENCES scrape.part (id),
    name text COLLATE "C" NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (part, name)
) WITH (fillfactor = 50);

CREATE TABLE scrape.text (
    part bigint NOT NULL REFERENCES scrape.part (id),
    n bigint NOT NULL,
    line bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (part, n)
);

-- Tokens on their way from one partition to another. A number is no order of commits: never ask for those after one.
CREATE TABLE scrape.outbox (
    dst bigint NOT NULL REFERENCES scrape.part (id),
    id bigint GENERATED ALWAYS AS IDENTITY,
    src bigint NOT NULL REFERENCES scrape.part (id),
    tokens integer NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (dst, id)
);

-- What is free of a budget that all partitions of a crawl share.
CREATE TABLE scrape.credit (
    crawl bigint NOT NULL REFERENCES scrape.crawl (id),
    counter text COLLATE "C" NOT NULL,
    free bigint NOT NULL CHECK (free >= 0),
    PRIMARY KEY (crawl, counter)
) WITH (fillfactor = 20);

-- The marking at which the journal begins; of `seen` and `faulted` the rows up to part.base_seen and
-- part.base_faulted are of it.
CREATE TABLE scrape.base_token (LIKE scrape.token INCLUDING ALL);
CREATE TABLE scrape.base_paged (LIKE scrape.paged INCLUDING ALL);
CREATE TABLE scrape.base_number (LIKE scrape.number INCLUDING ALL);
CREATE TABLE scrape.base_flight (LIKE scrape.flight INCLUDING ALL);

-- Rows of these tables live for seconds: what is dead must go before a table is mostly dead rows.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['token', 'paged', 'number', 'flight', 'outbox', 'credit', 'sink', 'metadata'] LOOP
        EXECUTE format(
            'ALTER TABLE scrape.%I SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000,'
            ' autovacuum_vacuum_cost_delay = 0)', name);
    END LOOP;
END
$$;
