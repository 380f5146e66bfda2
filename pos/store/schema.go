package store

// applicationID marks a file as till's: "till" in ASCII, in the header of the
// file at offset 68.
const applicationID = 0x74696c6c

// schema1. The columns beside a document (json, under its CRC-32C sum) are
// derived from it. Times are nanoseconds since 1970. guard is ~value, so that a
// counter that was damaged is not counted on.
const schema1 = `
CREATE TABLE meta (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL,
	sum   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE counters (
	name  TEXT PRIMARY KEY, -- 'number': last receipt number; 'outbox': last seq
	value INTEGER NOT NULL,
	guard INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters VALUES ('number', 0, -1), ('outbox', 0, -1);

CREATE TABLE sales (
	number    INTEGER PRIMARY KEY,
	id        TEXT NOT NULL UNIQUE,
	code      TEXT NOT NULL, -- as it is searched: lower case, o and l as digits
	reference TEXT NOT NULL, -- as it is searched: lower case
	status    TEXT NOT NULL,
	created   INTEGER NOT NULL,
	closed    INTEGER,       -- NULL while open
	json      TEXT NOT NULL,
	sum       INTEGER NOT NULL
) STRICT;
CREATE INDEX sales_open ON sales (number) WHERE closed IS NULL;
CREATE INDEX sales_closed ON sales (closed) WHERE closed IS NOT NULL;
CREATE INDEX sales_status ON sales (status);
CREATE INDEX sales_created ON sales (created);
CREATE INDEX sales_code ON sales (code);
CREATE INDEX sales_reference ON sales (reference) WHERE reference <> '';

CREATE TABLE accounts (
	rid   INTEGER PRIMARY KEY,
	id    TEXT NOT NULL UNIQUE,
	next  INTEGER NOT NULL, -- lowest index never used
	guard INTEGER NOT NULL
) STRICT;

-- Every showing of an address: one row per sale, never deleted.
CREATE TABLE addresses (
	number      INTEGER NOT NULL REFERENCES sales (number),
	account     INTEGER NOT NULL REFERENCES accounts (rid),
	idx         INTEGER NOT NULL,
	destination TEXT NOT NULL,
	since       INTEGER NOT NULL,
	newest      INTEGER NOT NULL, -- 1 for the row that Owner answers
	PRIMARY KEY (number, account, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX addresses_destination ON addresses (lower(destination));

-- Who has an index now. In an account without a cooldown an index has one sale
-- for ever.
CREATE TABLE indices (
	account INTEGER NOT NULL REFERENCES accounts (rid),
	idx     INTEGER NOT NULL,
	number  INTEGER, -- the last sale, NULL while there is none
	free    INTEGER, -- since when, NULL while held
	PRIMARY KEY (account, idx)
) STRICT, WITHOUT ROWID;

-- The earliest free time of each block of 64^level indices, so that the lowest
-- index that has cooled down is found without walking past those that have not.
CREATE TABLE frees (
	account INTEGER NOT NULL,
	level   INTEGER NOT NULL,
	pos     INTEGER NOT NULL,
	free    INTEGER NOT NULL,
	PRIMARY KEY (account, level, pos)
) STRICT, WITHOUT ROWID;

CREATE TABLE payments (
	rowid       INTEGER PRIMARY KEY,
	network     TEXT NOT NULL,
	txid        TEXT NOT NULL,
	idx         INTEGER NOT NULL,
	sale        TEXT NOT NULL, -- '' while it belongs to none
	destination TEXT NOT NULL,
	first_at    INTEGER NOT NULL,
	json        TEXT NOT NULL,
	sum         INTEGER NOT NULL,
	UNIQUE (network, txid, idx)
) STRICT;
CREATE INDEX payments_sale ON payments (sale, first_at);
CREATE INDEX payments_destination ON payments (destination);
CREATE INDEX payments_txid ON payments (lower(txid));

CREATE TABLE cursors (
	rail TEXT PRIMARY KEY,
	json TEXT NOT NULL,
	sum  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
	seq  INTEGER PRIMARY KEY,
	json TEXT NOT NULL,
	sum  INTEGER NOT NULL
) STRICT;
`

// schema2 adds the journal, the deliveries, and a check sum for every row that
// had none. From here on the sums of meta and cursors are over their keys, too.
const schema2 = `
ALTER TABLE accounts ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE addresses ADD COLUMN sum INTEGER NOT NULL DEFAULT 0; -- newest is not in it
ALTER TABLE indices ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;

-- Every entry, never changed and never deleted. hash is the SHA-256 over the
-- entry and the hash of the one before it.
CREATE TABLE journal (
	seq  INTEGER PRIMARY KEY,
	at   INTEGER NOT NULL,
	kind TEXT NOT NULL,
	sale TEXT NOT NULL, -- '' where it is about none
	body TEXT NOT NULL,
	hash BLOB NOT NULL
) STRICT;
CREATE INDEX journal_sale ON journal (sale);
INSERT INTO counters VALUES ('journal', 0, -1);

CREATE TABLE deliveries (
	seq   INTEGER PRIMARY KEY, -- of the change in the outbox
	sale  TEXT NOT NULL,
	state TEXT NOT NULL,
	next  INTEGER NOT NULL,
	due   INTEGER, -- next, where it is the first of its sale that waits
	json  TEXT NOT NULL,
	sum   INTEGER NOT NULL
) STRICT;
CREATE INDEX deliveries_sale ON deliveries (sale);
CREATE INDEX deliveries_open ON deliveries (state) WHERE state <> 'done';
CREATE INDEX deliveries_waiting ON deliveries (sale) WHERE state = 'waiting';
CREATE INDEX deliveries_due ON deliveries (due) WHERE due IS NOT NULL;
`
