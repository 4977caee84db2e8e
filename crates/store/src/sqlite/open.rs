//! How a journal file comes into being, and how it is opened by its writer and by a reader.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection};

use super::SqliteStore;
use crate::{Store, StoreError};

/// Marks the file as ours: `Evkl`.
const APPLICATION_ID: i64 = 0x4576_6b6c;
/// The layout of the tables; one that is higher was made by a newer version.
const LAYOUT: i64 = 1;
/// How many drafts this process has begun, so that no two share a name.
static DRAFTS: AtomicU64 = AtomicU64::new(0);
/// How long an append waits for another program's.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

impl SqliteStore {
    /// Opens the journal at `path` for reading and appending, makes it (mode 0600) when there is none, and
    /// verifies it.
    ///
    /// # Errors
    /// [`StoreError`]: corrupt, newer, locked, not permitted, or the disk is full.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => look(&path, &file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(&path).await?,
            Err(error) => return Err(StoreError::io(&path, error)),
        }
        Self::check(connect(&path, options(&path)).await?, path).await
    }

    /// Opens the journal at `path` for reading alone, and verifies it. Whoever may read the file may do that;
    /// nothing is written, not even beside it when that is not permitted.
    ///
    /// # Errors
    /// [`StoreError`]: missing, corrupt, newer, or not permitted.
    pub async fn open_read_only(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let file = File::open(&path).map_err(|error| StoreError::io(&path, error))?;
        look(&path, &file)?;
        let options = SqliteConnectOptions::new().filename(&path).read_only(true).busy_timeout(BUSY_TIMEOUT);
        let opened = match connect(&path, options.clone()).await {
            Ok(connection) => Self::check(connection, path.clone()).await,
            Err(error) => Err(error),
        };
        match opened {
            // The files that share a write-ahead log cannot be made here. Without a log there is nothing to share.
            Err(StoreError::NotPermitted { .. }) if !has_log(&path) => {
                Self::check(connect(&path, options.immutable(true)).await?, path).await
            }
            opened => opened,
        }
    }

    async fn check(connection: SqliteConnection, path: PathBuf) -> Result<Self, StoreError> {
        let mut store = Self { path, connection };
        let failed = store.failed();
        let id: Result<i64, _> =
            sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut store.connection).await;
        if id.map_err(&failed)? != APPLICATION_ID {
            let what = "it is a database, but not a journal".to_owned();
            return Err(StoreError::Corrupt { path: store.path, sequence: None, what });
        }
        let layout: Result<i64, _> =
            sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut store.connection).await;
        let found = layout.map_err(&failed)?;
        if found > LAYOUT {
            return Err(StoreError::Newer { path: store.path, found, understood: LAYOUT });
        }
        store.verify().await?;
        Ok(store)
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
}

async fn connect(path: &Path, options: SqliteConnectOptions) -> Result<SqliteConnection, StoreError> {
    SqliteConnection::connect_with(&options).await.map_err(|error| StoreError::database(path, error))
}

/// Refuses what cannot be a journal before a database is asked: an empty file is not a new journal, because
/// a new one appears whole.
fn look(path: &Path, file: &File) -> Result<(), StoreError> {
    let metadata = file.metadata().map_err(|error| StoreError::io(path, error))?;
    let what = match (metadata.is_file(), metadata.len()) {
        (false, _) => "it is not a file",
        (true, 0) => "it is empty",
        _ => return Ok(()),
    };
    Err(StoreError::Corrupt { path: path.to_path_buf(), sequence: None, what: what.to_owned() })
}

fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(log).is_ok_and(|metadata| metadata.len() > 0)
}

/// Makes a journal beside `path` and links it there, so that nobody ever sees half of one.
async fn create(path: &Path) -> Result<(), StoreError> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".new-{}-{}", std::process::id(), DRAFTS.fetch_add(1, Ordering::Relaxed)));
    let draft = PathBuf::from(draft);
    let made = fill(path, &draft).await.and_then(|()| publish(path, &draft));
    for end in ["", "-wal", "-shm", "-journal"] {
        let mut left = draft.as_os_str().to_owned();
        left.push(end);
        // What was never made cannot be removed; what cannot be removed harms nobody.
        let _ = fs::remove_file(left);
    }
    made
}

async fn fill(path: &Path, draft: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::database(path, error);
    let new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft);
    new.map_err(|error| StoreError::io(path, error))?;
    let mut connection = connect(path, options(draft)).await?;
    let marks = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {LAYOUT};");
    let script = format!("BEGIN IMMEDIATE; {} {marks} COMMIT;", include_str!("schema.sql"));
    sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(&mut connection).await.map_err(failed)?;
    connection.close().await.map_err(failed)
}

fn publish(path: &Path, draft: &Path) -> Result<(), StoreError> {
    let linked = match fs::hard_link(draft, path) {
        // Somebody else made one meanwhile: theirs is the journal.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        // A file system without hard links.
        Err(error) if matches!(error.raw_os_error(), Some(1 | 38 | 95)) => fs::rename(draft, path),
        linked => linked,
    };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    linked.and_then(|()| File::open(directory)?.sync_all()).map_err(|error| StoreError::io(path, error))
}
