//! One file, write-ahead log, one writer.

mod open;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use evenkeel_fleet::{Digest, Event, Receipt, Sequence};
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Row, SqliteConnection};

use crate::{BLOB_BYTES_MAX, Recorded, Store, StoreError, Verified, chain, digest_of};

/// How many events are fetched at once.
const PAGE: i64 = 512;

/// A journal in one SQLite file.
///
/// Every commit is synced (`synchronous = FULL`), so a receipt survives a power cut. Several programs may
/// have it open; one writes at a time.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    connection: SqliteConnection,
}

impl SqliteStore {
    /// The file it lies in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the file; the write-ahead log is folded into it when nobody else has it open.
    ///
    /// # Errors
    /// [`StoreError`] when that failed. Nothing acknowledged is lost by it.
    pub async fn close(self) -> Result<(), StoreError> {
        let Self { path, connection } = self;
        connection.close().await.map_err(|error| StoreError::database(&path, error))
    }

    fn failed(&self) -> impl Fn(sqlx::Error) -> StoreError + use<> {
        let path = self.path.clone();
        move |error| StoreError::database(&path, error)
    }

    fn corrupt(&self, sequence: Sequence, what: impl Into<String>) -> StoreError {
        StoreError::Corrupt { path: self.path.clone(), sequence: Some(sequence), what: what.into() }
    }

    /// Up to [`PAGE`] rows after `after`: sequence, bytes, hash.
    async fn page(&mut self, after: Sequence) -> Result<Vec<(Sequence, Vec<u8>, Vec<u8>)>, StoreError> {
        let failed = self.failed();
        let select = "SELECT sequence, event, hash FROM journal WHERE sequence > ? ORDER BY sequence LIMIT ?";
        let rows = sqlx::query(select).bind(number(after)).bind(PAGE).fetch_all(&mut self.connection).await;
        let read = |row: SqliteRow| Ok((sequence(row.try_get(0)?), row.try_get(1)?, row.try_get(2)?));
        rows.and_then(|rows| rows.into_iter().map(read).collect()).map_err(failed)
    }

    async fn head(&mut self) -> Result<(Sequence, Digest), StoreError> {
        let failed = self.failed();
        let head = head(&mut self.connection).await.map_err(failed)?;
        head.ok_or_else(|| self.corrupt(Sequence(0), "it has no end"))
    }

    /// Appends inside the transaction that has begun, and ends it.
    async fn write(&mut self, expected: Sequence, events: &[Event]) -> Result<Receipt, StoreError> {
        let failed = self.failed();
        let (found, mut hash) = self.head().await?;
        if found != expected {
            return Err(StoreError::Conflict { expected, found });
        }
        let mut last = found;
        for event in events {
            let bytes = chain::encode(event);
            last = last.after(1);
            hash = chain::link(hash, last, &bytes);
            let insert = sqlx::query("INSERT INTO journal (sequence, event, hash) VALUES (?, ?, ?)");
            let row = insert.bind(number(last)).bind(bytes).bind(hash.0.to_vec());
            row.execute(&mut self.connection).await.map_err(&failed)?;
        }
        sqlx::query("COMMIT").execute(&mut self.connection).await.map_err(&failed)?;
        Ok(Receipt::durable(expected, events.len()))
    }

    async fn walk(&mut self) -> Result<Verified, StoreError> {
        let (mut last, mut hash) = (Sequence(0), chain::GENESIS);
        loop {
            let page = self.page(last).await?;
            if page.is_empty() {
                break;
            }
            for (at, bytes, stored) in page {
                let wanted = last.after(1);
                if at != wanted {
                    return Err(self.corrupt(wanted, format!("it is missing; the next one is {at}")));
                }
                hash = chain::link(hash, at, &bytes);
                if stored != hash.0 {
                    return Err(self.corrupt(at, "it, or its hash, was changed"));
                }
                chain::decode(&self.path, at, &bytes)?;
                last = at;
            }
        }
        match self.head().await? {
            (end, _) if end > last => {
                Err(self.corrupt(last.after(1), format!("it is missing; the end is at {end}")))
            }
            (end, stored) if end == last && stored == hash => Ok(Verified { sequence: last, head: hash }),
            (end, _) => Err(self.corrupt(last, format!("the recorded end, {end}, does not match it"))),
        }
    }
}

impl Store for SqliteStore {
    async fn append(&mut self, expected: Sequence, events: &[Event]) -> Result<Receipt, StoreError> {
        let failed = self.failed();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await.map_err(&failed)?;
        let written = self.write(expected, events).await;
        if written.is_err() {
            // On a full disk SQLite has done this by itself already, and says that there is nothing to do.
            let _may_be_done = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
        }
        written
    }

    async fn read(&mut self, after: Sequence) -> Result<Vec<Recorded>, StoreError> {
        let (mut last, mut events) = (after, Vec::new());
        loop {
            let page = self.page(last).await?;
            if page.is_empty() {
                return Ok(events);
            }
            for (sequence, bytes, _) in page {
                events.push(Recorded { sequence, event: chain::decode(&self.path, sequence, &bytes)? });
                last = sequence;
            }
        }
    }

    async fn sequence(&mut self) -> Result<Sequence, StoreError> {
        Ok(self.head().await?.0)
    }

    async fn put_blob(&mut self, bytes: &[u8]) -> Result<Digest, StoreError> {
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(StoreError::TooLarge { bytes: bytes.len() });
        }
        let (digest, failed) = (digest_of(bytes), self.failed());
        let insert = sqlx::query("INSERT INTO blob (digest, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING");
        let row = insert.bind(digest.0.to_vec()).bind(bytes);
        row.execute(&mut self.connection).await.map_err(failed)?;
        Ok(digest)
    }

    async fn blob(&mut self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let failed = self.failed();
        let select = sqlx::query("SELECT bytes FROM blob WHERE digest = ?").bind(digest.0.to_vec());
        let row = select.fetch_optional(&mut self.connection).await;
        let bytes: Option<Vec<u8>> =
            row.and_then(|row| row.map(|row| row.try_get(0)).transpose()).map_err(failed)?;
        match bytes {
            Some(bytes) if digest_of(&bytes) != digest => {
                Err(StoreError::CorruptBlob { path: self.path.clone(), digest })
            }
            bytes => Ok(bytes),
        }
    }

    async fn verify(&mut self) -> Result<Verified, StoreError> {
        let failed = self.failed();
        // One snapshot, so that an append in the middle is not taken for a fault.
        sqlx::query("BEGIN").execute(&mut self.connection).await.map_err(&failed)?;
        let verified = self.walk().await;
        let ended = sqlx::query("ROLLBACK").execute(&mut self.connection).await.map_err(&failed);
        verified.and_then(|verified| ended.map(|_| verified))
    }
}

async fn head(connection: &mut SqliteConnection) -> Result<Option<(Sequence, Digest)>, sqlx::Error> {
    let row = sqlx::query("SELECT sequence, hash FROM head").fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(None) };
    let hash: Vec<u8> = row.try_get(1)?;
    Ok(<[u8; 32]>::try_from(hash).ok().map(|hash| (sequence(row.get(0)), Digest(hash))))
}

/// SQLite's integers are signed; a journal does not grow that far.
fn number(sequence: Sequence) -> i64 {
    i64::try_from(sequence.0).unwrap_or(i64::MAX)
}

fn sequence(number: i64) -> Sequence {
    Sequence(u64::try_from(number).unwrap_or(0))
}
