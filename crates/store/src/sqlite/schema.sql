CREATE TABLE journal (
    sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
    event    BLOB NOT NULL,
    hash     BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- Where the journal ends, so that a tail that was cut off is seen.
CREATE TABLE head (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    sequence INTEGER NOT NULL,
    hash     BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
INSERT INTO head VALUES (1, 0, zeroblob(32));

CREATE TABLE blob (
    digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
    bytes  BLOB NOT NULL
) STRICT;

CREATE TRIGGER journal_is_append_only_update BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_is_append_only_delete BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_grows_at_its_end BEFORE INSERT ON journal
WHEN NEW.sequence <> (SELECT sequence FROM head) + 1
BEGIN SELECT RAISE(ABORT, 'the journal grows at its end'); END;
CREATE TRIGGER journal_ends_at_its_last AFTER INSERT ON journal
BEGIN UPDATE head SET sequence = NEW.sequence, hash = NEW.hash; END;
CREATE TRIGGER head_only_grows BEFORE UPDATE ON head
WHEN NEW.sequence < OLD.sequence
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER head_stays BEFORE DELETE ON head
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER blob_stays_as_it_is BEFORE UPDATE ON blob
BEGIN SELECT RAISE(ABORT, 'blobs never change'); END;
CREATE TRIGGER blob_stays BEFORE DELETE ON blob
BEGIN SELECT RAISE(ABORT, 'blobs are never removed'); END;
