//! What SQLite adds to the contract: a file that can be damaged, shared, newer, or somebody else's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tempfile::TempDir;

use super::SqliteStore;
use crate::contract::{notes, run};
use crate::{Sequence, Store, StoreError, digest_of};

async fn fresh() -> (SqliteStore, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (SqliteStore::open(directory.path().join("journal.sqlite")).await.unwrap(), directory)
}

crate::contract::contract!(fresh());

/// A closed journal of five events and a blob.
async fn closed() -> (PathBuf, TempDir) {
    let (mut store, directory) = fresh().await;
    store.append(Sequence(0), &notes(0..5)).await.unwrap();
    store.put_blob(b"a bundle").await.unwrap();
    let path = store.path().to_path_buf();
    store.close().await.unwrap();
    (path, directory)
}

/// What somebody with another tool can do to the file.
async fn tamper(path: &Path, sql: &str) {
    let mut connection =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn both_ways(path: &Path) -> [StoreError; 2] {
    let (writer, reader) = (SqliteStore::open(path).await, SqliteStore::open_read_only(path).await);
    [writer.expect_err("a writer opens it"), reader.expect_err("a reader opens it")]
}

const UNLOCKED: &str =
    "DROP TRIGGER journal_is_append_only_update; DROP TRIGGER journal_is_append_only_delete;
    DROP TRIGGER journal_grows_at_its_end; DROP TRIGGER head_only_grows; DROP TRIGGER blob_stays_as_it_is;";

#[test]
fn tampered_journal_is_found_at_its_first_wrong_event() {
    for (sql, wrong) in [
        ("UPDATE journal SET event = CAST(replace(event, 'anna', 'otto') AS BLOB) WHERE sequence = 3", 3),
        ("UPDATE journal SET hash = zeroblob(32) WHERE sequence = 4", 4),
        ("DELETE FROM journal WHERE sequence = 2", 2),
        ("DELETE FROM journal WHERE sequence > 3", 4),
        ("DELETE FROM journal; UPDATE head SET sequence = 0", 0),
        ("INSERT INTO journal SELECT 6, event, hash FROM journal WHERE sequence = 5", 6),
        ("UPDATE head SET sequence = 4", 5),
        ("DROP TRIGGER head_stays; DELETE FROM head", 0),
        ("UPDATE journal SET sequence = sequence + 10 WHERE sequence = 5", 5),
    ] {
        run(async {
            let (path, _directory) = closed().await;
            tamper(&path, &format!("{UNLOCKED} {sql}")).await;
            for error in both_ways(&path).await {
                assert!(
                    matches!(error, StoreError::Corrupt { sequence: Some(Sequence(at)), .. } if at == wrong),
                    "{sql}: {error:?}"
                );
            }
        });
    }
}

#[test]
fn tampered_blob_is_found_when_it_is_read() {
    run(async {
        let (path, _directory) = closed().await;
        tamper(&path, &format!("{UNLOCKED} UPDATE blob SET bytes = x'00'")).await;
        let mut store = SqliteStore::open(&path).await.unwrap();
        let error = store.blob(digest_of(b"a bundle")).await.unwrap_err();
        assert!(matches!(error, StoreError::CorruptBlob { .. }), "{error:?}");
    });
}

#[test]
fn database_itself_forbids_to_change_what_was_written() {
    run(async {
        let (path, _directory) = closed().await;
        let mut connection =
            SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path)).await.unwrap();
        for sql in [
            "UPDATE journal SET event = x'00' WHERE sequence = 1",
            "DELETE FROM journal WHERE sequence = 5",
            "INSERT INTO journal VALUES (9, x'00', zeroblob(32))",
            "INSERT OR REPLACE INTO journal VALUES (5, x'00', zeroblob(32))",
            "UPDATE head SET sequence = 1",
            "DELETE FROM head",
            "UPDATE blob SET bytes = x'00'",
            "DELETE FROM blob",
        ] {
            let refused = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await;
            assert!(refused.is_err(), "{sql}");
        }
        connection.close().await.unwrap();
        assert_eq!(SqliteStore::open(&path).await.unwrap().sequence().await.unwrap(), Sequence(5));
    });
}

#[test]
fn garbage_truncated_empty_or_strange_files_are_no_journals() {
    run(async {
        let (path, _directory) = closed().await;
        let whole = fs::read(&path).unwrap();
        let mut holed = whole.clone();
        holed[4_096..].fill(0x5a);
        for bytes in
            [&b"not a database, however long this text may be"[..], &whole[..whole.len() / 2], &[], &holed]
        {
            fs::write(&path, bytes).unwrap();
            for error in both_ways(&path).await {
                assert!(matches!(error, StoreError::Corrupt { .. }), "{} bytes: {error:?}", bytes.len());
            }
            assert_eq!(fs::read(&path).unwrap(), bytes, "opening must not repair or overwrite it");
        }
        let directory = path.with_file_name("directory");
        fs::create_dir(&directory).unwrap();
        let error = SqliteStore::open_read_only(&directory).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    });
}

#[test]
fn somebody_elses_database_is_left_alone() {
    run(async {
        let (path, _directory) = closed().await;
        tamper(&path, "PRAGMA application_id = 7").await;
        for error in both_ways(&path).await {
            assert!(error.to_string().ends_with("it is a database, but not a journal"), "{error}");
        }
    });
}

#[test]
fn journal_of_a_newer_version_is_named_as_such() {
    run(async {
        let (path, _directory) = closed().await;
        tamper(&path, "PRAGMA user_version = 9").await;
        for error in both_ways(&path).await {
            assert!(matches!(error, StoreError::Newer { found: 9, understood: 1, .. }), "{error:?}");
            assert!(
                error.to_string().contains("a newer version wrote it (format 9, this one understands 1)")
            );
        }
    });
}

#[test]
fn event_of_a_newer_version_is_named_as_such() {
    run(async {
        let (path, _directory) = closed().await;
        let event = br#"{"v":9,"at":1,"what":{"teleported":{}}}"#;
        let head = SqliteStore::open(&path).await.unwrap().verify().await.unwrap().head;
        let hash = crate::chain::link(head, Sequence(6), event).to_string();
        let hex: String = event.iter().map(|byte| format!("{byte:02x}")).collect();
        let insert = format!("INSERT INTO journal VALUES (6, x'{hex}', x'{hash}')");
        tamper(&path, &insert).await;
        for error in both_ways(&path).await {
            assert!(matches!(error, StoreError::Newer { found: 9, .. }), "{error:?}");
        }
    });
}

#[test]
fn of_two_who_append_at_the_same_place_one_loses() {
    run(async {
        let (mut one, _directory) = fresh().await;
        let mut other = SqliteStore::open(one.path()).await.unwrap();
        let (mine, theirs) = (notes(1..2), notes(2..3));
        let (first, second) =
            tokio::join!(one.append(Sequence(0), &mine), other.append(Sequence(0), &theirs));
        let (won, lost) = if first.is_ok() { (first, second) } else { (second, first) };
        assert_eq!(won.unwrap().sequence(), Sequence(1));
        assert!(matches!(lost, Err(StoreError::Conflict { found: Sequence(1), .. })), "{lost:?}");
        assert_eq!(one.read(Sequence(0)).await.unwrap(), other.read(Sequence(0)).await.unwrap());
    });
}

#[test]
fn two_who_make_the_same_journal_get_the_same() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.sqlite");
        let (one, other) = tokio::join!(SqliteStore::open(&path), SqliteStore::open(&path));
        one.unwrap().append(Sequence(0), &notes(0..1)).await.unwrap();
        assert_eq!(other.unwrap().sequence().await.unwrap(), Sequence(1));
    });
}

#[test]
fn journal_that_somebody_holds_for_too_long_is_locked() {
    run(async {
        let (mut store, _directory) = fresh().await;
        sqlx::raw_sql("PRAGMA busy_timeout = 50").execute(&mut store.connection).await.unwrap();
        let mut other = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(store.path()))
            .await
            .unwrap();
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        let error = store.append(Sequence(0), &notes(0..1)).await.unwrap_err();
        assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
        assert_eq!(store.read(Sequence(0)).await.unwrap(), [], "a reader is not kept waiting");
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
        store.append(Sequence(0), &notes(0..1)).await.unwrap();
    });
}

#[test]
fn journal_is_for_its_owner_alone_and_appears_whole() {
    run(async {
        let (store, directory) = fresh().await;
        let names = || {
            let entries = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap());
            let mut names: Vec<String> = entries.map(|it| it.file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        for name in names() {
            let mode = fs::metadata(directory.path().join(&name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        store.close().await.unwrap();
        assert_eq!(names(), ["journal.sqlite"]);
    });
}

#[test]
fn reader_sees_what_a_writer_appends_and_cannot_append() {
    run(async {
        let (mut writer, _directory) = fresh().await;
        let mut reader = SqliteStore::open_read_only(writer.path()).await.unwrap();
        writer.append(Sequence(0), &notes(0..3)).await.unwrap();
        assert_eq!(reader.read(Sequence(0)).await.unwrap().len(), 3);
        let error = reader.append(Sequence(3), &notes(3..4)).await.unwrap_err();
        assert!(matches!(error, StoreError::NotPermitted { .. }), "{error:?}");
        let error = reader.put_blob(b"x").await.unwrap_err();
        assert!(matches!(error, StoreError::NotPermitted { .. }), "{error:?}");
    });
}

#[test]
fn missing_journal_is_missing_to_a_reader_and_made_by_a_writer() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.sqlite");
        let error = SqliteStore::open_read_only(&path).await.unwrap_err();
        assert!(matches!(error, StoreError::Missing { .. }), "{error:?}");
        assert!(!path.exists());
        SqliteStore::open(&path).await.unwrap();
        assert!(path.exists());
        let nowhere = SqliteStore::open(directory.path().join("no/such/journal.sqlite")).await.unwrap_err();
        assert!(matches!(nowhere, StoreError::Missing { .. }), "{nowhere:?}");
    });
}
