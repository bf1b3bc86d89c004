-- The state file: one or more runs, each with its durable marking, what it has put out, and its journal.
--
-- Every key begins with the run; a partition's id, once there are partitions, goes before it.
-- Where rows are only ever added they are numbered from 1 on within their run (n), without gaps, so that
-- the greatest n is their count. STRICT needs SQLite 3.37.

-- About the file. `open`: 1 while a writer has it, and after one that crashed.
CREATE TABLE state (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    identity TEXT NOT NULL,
    open INTEGER NOT NULL
) STRICT;

-- What changes with each batch (see `RunHead` in `tables.py`), the base at which the journal begins, and counts of rows.
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_ns INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    next_serial INTEGER NOT NULL,
    next_id INTEGER NOT NULL,
    marking_hash INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    paged INTEGER NOT NULL,
    numbers INTEGER NOT NULL,
    flights INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    faulted INTEGER NOT NULL,
    sunk INTEGER NOT NULL,
    items INTEGER NOT NULL,
    journal_first INTEGER NOT NULL,
    journal_bytes INTEGER NOT NULL,
    journal_since_ns INTEGER NOT NULL,
    base_seq INTEGER NOT NULL,
    base_at_ns INTEGER NOT NULL,
    base_next_serial INTEGER NOT NULL,
    base_next_id INTEGER NOT NULL,
    base_marking_hash INTEGER NOT NULL,
    base_seen INTEGER NOT NULL,
    base_faulted INTEGER NOT NULL
) STRICT;

CREATE TABLE token (
    run INTEGER NOT NULL REFERENCES run (id),
    serial INTEGER NOT NULL,
    place TEXT NOT NULL,
    ready_ns INTEGER NOT NULL,
    expires_ns INTEGER,
    colour BLOB NOT NULL,
    PRIMARY KEY (run, serial)
) STRICT, WITHOUT ROWID;

CREATE TABLE paged (
    run INTEGER NOT NULL REFERENCES run (id),
    place TEXT NOT NULL,
    key TEXT NOT NULL,
    o1 INTEGER NOT NULL,
    o2 INTEGER NOT NULL,
    serial INTEGER NOT NULL,
    colour BLOB NOT NULL,
    PRIMARY KEY (run, place, key, o1, o2, serial)
) STRICT, WITHOUT ROWID;

CREATE TABLE number (
    run INTEGER NOT NULL REFERENCES run (id),
    counter TEXT NOT NULL,
    key TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (run, counter, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE flight (
    run INTEGER NOT NULL REFERENCES run (id),
    id INTEGER NOT NULL,
    rest BLOB NOT NULL,
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;

-- Asked in memory only: an index on random text would write a page for each key.
CREATE TABLE seen (
    run INTEGER NOT NULL REFERENCES run (id),
    n INTEGER NOT NULL,
    place TEXT NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (run, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE faulted (
    run INTEGER NOT NULL REFERENCES run (id),
    n INTEGER NOT NULL,
    rest BLOB NOT NULL,
    PRIMARY KEY (run, n)
) STRICT, WITHOUT ROWID;

-- How many rows each sink has taken, and had at the base.
CREATE TABLE sink (
    run INTEGER NOT NULL REFERENCES run (id),
    sink TEXT NOT NULL,
    taken INTEGER NOT NULL,
    base_taken INTEGER NOT NULL,
    PRIMARY KEY (run, sink)
) STRICT, WITHOUT ROWID;

CREATE TABLE sink_row (
    run INTEGER NOT NULL REFERENCES run (id),
    n INTEGER NOT NULL,
    sink TEXT NOT NULL,
    name TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (run, n)
) STRICT, WITHOUT ROWID;

-- By n, not by identity: bodies are long, and are read in the order in which they came.
CREATE TABLE item (
    run INTEGER NOT NULL REFERENCES run (id),
    n INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    visit INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (run, n),
    UNIQUE (run, fingerprint, visit, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
    run INTEGER NOT NULL REFERENCES run (id),
    seq INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    firings INTEGER NOT NULL,
    marking_hash INTEGER NOT NULL,
    inputs BLOB NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

-- Named values of a run, such as its settings.
CREATE TABLE metadata (
    run INTEGER NOT NULL REFERENCES run (id),
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

-- Text that the run was created with, and that it reads bit by bit: `line` is the number of its first line.
CREATE TABLE text (
    run INTEGER NOT NULL REFERENCES run (id),
    n INTEGER NOT NULL,
    line INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, n)
) STRICT, WITHOUT ROWID;

-- The marking at which the journal begins; of `seen` and `faulted` the rows up to run.base_seen and
-- run.base_faulted are of it.
CREATE TABLE base_token (
    run INTEGER NOT NULL REFERENCES run (id),
    serial INTEGER NOT NULL,
    place TEXT NOT NULL,
    ready_ns INTEGER NOT NULL,
    expires_ns INTEGER,
    colour BLOB NOT NULL,
    PRIMARY KEY (run, serial)
) STRICT, WITHOUT ROWID;

CREATE TABLE base_paged (
    run INTEGER NOT NULL REFERENCES run (id),
    place TEXT NOT NULL,
    key TEXT NOT NULL,
    o1 INTEGER NOT NULL,
    o2 INTEGER NOT NULL,
    serial INTEGER NOT NULL,
    colour BLOB NOT NULL,
    PRIMARY KEY (run, place, key, o1, o2, serial)
) STRICT, WITHOUT ROWID;

CREATE TABLE base_number (
    run INTEGER NOT NULL REFERENCES run (id),
    counter TEXT NOT NULL,
    key TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (run, counter, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE base_flight (
    run INTEGER NOT NULL REFERENCES run (id),
    id INTEGER NOT NULL,
    rest BLOB NOT NULL,
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
