//! What every store promises, as one suite. A backend ends its tests with `contract!(…)`.

use evenkeel_fleet::journal::What;
use evenkeel_fleet::{Actor, Event, Fleet, Sequence, Timestamp};

use crate::{Store, StoreError, digest_of};

/// Runs the suite on what `$open` gives: an empty store, and whatever must live as long as it.
macro_rules! contract {
    ($open:expr; $($(#[$meta:meta])* $promise:ident),* $(,)?) => {$(
        #[test]
        fn $promise() {
            crate::contract::run(async {
                let (mut store, _alive) = $open.await;
                crate::contract::$promise(&mut store).await;
            });
        }
    )*};
    ($open:expr) => {
        crate::contract::contract! { $open;
            empty_store_is_at_zero,
            what_is_appended_is_read_in_its_order,
            append_at_another_sequence_appends_nothing,
            append_of_nothing_is_receipted,
            long_journal_is_read_whole,
            reading_from_the_middle_leaves_out_what_was_before,
            head_depends_on_every_event,
            blob_is_found_by_its_digest,
            receipt_hands_out_the_effects_of_its_turn,
        }
    };
}

pub(crate) use contract;

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// An event that differs from the others.
pub(crate) fn note(n: u64) -> Event {
    let (who, text) = (Actor::new("anna", "test"), format!("note {n} “\u{0}é\n"));
    Event { at: Timestamp::from_millis(n), what: What::Note { host: None, release: None, who, text } }
}

pub(crate) fn notes(numbers: std::ops::Range<u64>) -> Vec<Event> {
    numbers.map(note).collect()
}

async fn read(store: &mut impl Store, after: u64) -> Vec<Event> {
    store.read(Sequence(after)).await.unwrap().into_iter().map(|recorded| recorded.event).collect()
}

pub(crate) async fn empty_store_is_at_zero(store: &mut impl Store) {
    assert_eq!(store.sequence().await.unwrap(), Sequence(0));
    assert_eq!(read(store, 0).await, []);
    assert_eq!(store.verify().await.unwrap().sequence, Sequence(0));
    assert_eq!(store.blob(digest_of(b"")).await.unwrap(), None);
}

pub(crate) async fn what_is_appended_is_read_in_its_order(store: &mut impl Store) {
    let receipt = store.append(Sequence(0), &notes(0..2)).await.unwrap();
    assert_eq!(receipt.sequence(), Sequence(2));
    store.append(Sequence(2), &notes(2..3)).await.unwrap();
    let recorded = store.read(Sequence(0)).await.unwrap();
    assert_eq!(recorded.iter().map(|it| it.sequence.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(recorded.into_iter().map(|it| it.event).collect::<Vec<_>>(), notes(0..3));
    assert_eq!(store.verify().await.unwrap().sequence, Sequence(3));
}

pub(crate) async fn append_at_another_sequence_appends_nothing(store: &mut impl Store) {
    store.append(Sequence(0), &notes(0..2)).await.unwrap();
    for wrong in [0, 1, 3, u64::MAX] {
        let lost = store.append(Sequence(wrong), &notes(5..6)).await;
        assert!(
            matches!(lost, Err(StoreError::Conflict { expected: Sequence(n), found: Sequence(2) }) if n == wrong),
            "{lost:?}"
        );
    }
    assert_eq!(read(store, 0).await, notes(0..2));
    store.append(Sequence(2), &notes(2..3)).await.unwrap();
}

pub(crate) async fn append_of_nothing_is_receipted(store: &mut impl Store) {
    store.append(Sequence(0), &notes(0..1)).await.unwrap();
    assert_eq!(store.append(Sequence(1), &[]).await.unwrap().sequence(), Sequence(1));
    assert!(store.append(Sequence(0), &[]).await.is_err());
}

pub(crate) async fn long_journal_is_read_whole(store: &mut impl Store) {
    store.append(Sequence(0), &notes(0..2_000)).await.unwrap();
    assert_eq!(read(store, 0).await, notes(0..2_000));
    assert_eq!(store.verify().await.unwrap().sequence, Sequence(2_000));
}

pub(crate) async fn reading_from_the_middle_leaves_out_what_was_before(store: &mut impl Store) {
    store.append(Sequence(0), &notes(0..5)).await.unwrap();
    assert_eq!(read(store, 3).await, notes(3..5));
    assert_eq!(read(store, 5).await, []);
    assert_eq!(read(store, u64::MAX).await, []);
}

pub(crate) async fn head_depends_on_every_event(store: &mut impl Store) {
    let mut heads = vec![store.verify().await.unwrap().head];
    for n in 0..3 {
        // The same event each time: its place in the chain alone tells it apart.
        store.append(Sequence(n), &notes(0..1)).await.unwrap();
        heads.push(store.verify().await.unwrap().head);
    }
    heads.sort();
    heads.dedup();
    assert_eq!(heads.len(), 4);
}

pub(crate) async fn blob_is_found_by_its_digest(store: &mut impl Store) {
    let (small, large) = (b"\0\xff worker".to_vec(), vec![7; 3_000_000]);
    for bytes in [&small, &large, &Vec::new()] {
        let digest = store.put_blob(bytes).await.unwrap();
        assert_eq!(digest, digest_of(bytes));
        assert_eq!(store.put_blob(bytes).await.unwrap(), digest);
        assert_eq!(store.blob(digest).await.unwrap().as_ref(), Some(bytes));
    }
    assert_eq!(store.blob(digest_of(b"never kept")).await.unwrap(), None);
}

pub(crate) async fn receipt_hands_out_the_effects_of_its_turn(store: &mut impl Store) {
    let (who, text) = (Actor::new("anna", "test"), "hello".to_owned());
    let input = evenkeel_fleet::Input::Note { host: None, release: None, who, text };
    let turn = Fleet::default().step(Timestamp::from_millis(1), input);
    let receipt = store.append(turn.expected(), turn.events()).await.unwrap();
    assert_eq!(turn.perform(receipt), []);
}
