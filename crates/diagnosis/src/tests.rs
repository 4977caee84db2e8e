//! What holds for every row, and how the engine weighs.
use crate::analyzers::rows;

#[test]
fn each_row_has_a_name_of_its_own_and_says_all_that_a_reader_wants() {
    let mut names: Vec<_> = rows().map(|row| row.id).collect();
    let many = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), many);
    for row in rows() {
        assert!(!row.shows.is_empty(), "{}: nothing shows it", row.id);
        for text in [row.says, row.check, row.fix] {
            assert!(!text.is_empty(), "{}: a text is missing", row.id);
        }
        for root in row.follows {
            assert!(names.contains(root), "{}: follows {root}, which is no row", row.id);
        }
    }
}
