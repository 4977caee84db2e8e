//! What is assumed of files, upstreams and credentials.

use std::collections::BTreeSet;

use super::trail::Point;
use crate::route::{Answered, Atom, FileKind, Is, Observed, Router, Template, Test, World};

/// What an atom may be, the usual first.
pub(super) fn all(atom: &Atom, is: Is, statuses: &[u16]) -> Vec<Is> {
    match (atom, is) {
        (Atom::File(_), _) => {
            vec![Is::File(FileKind::File), Is::File(FileKind::Directory), Is::File(FileKind::Absent)]
        }
        (Atom::AuthRequest(_), _) => [200, 401, 403, 500].map(Is::Status).to_vec(),
        (Atom::Upstream(_), _) => statuses.iter().map(|&status| Is::Status(status)).chain([Is::No]).collect(),
        (_, Is::Status(_)) => statuses.iter().map(|&status| Is::Status(status)).collect(),
        (_, Is::File(_)) => Vec::new(),
        (_, Is::Nth(now)) => (0..=now + 1).map(Is::Nth).collect(),
        (_, Is::Yes | Is::No) => vec![Is::Yes, Is::No],
    }
}

/// The statuses of upstreams that make a difference somewhere, and one that makes none.
pub(super) fn statuses(routers: &[&Router<'_>]) -> Vec<u16> {
    let mut statuses = BTreeSet::from([200, 404, 502]);
    for router in routers {
        let pages = router.config().named("error_page");
        let codes = pages.flat_map(|node| node.args().map(<[u8]>::to_vec).collect::<Vec<_>>());
        let code = |text: Vec<u8>| std::str::from_utf8(&text).ok()?.parse::<u16>().ok();
        statuses.extend(codes.filter_map(code).filter(|code| (300..600).contains(code)).take(32));
    }
    statuses.into_iter().collect()
}

/// What was said of the world where it was asked.
pub(super) fn asked(points: &[Point]) -> World {
    let mut world = World::default();
    for asked in points.iter().flat_map(|point| point.asked.iter().flatten()) {
        if let (Test::Atom(atom), Answered::Is(is)) = (&asked.test, &asked.answer) {
            world.0.insert(atom.clone(), *is);
        }
    }
    world
}

/// Takes over what a walk took for granted.
pub(super) fn learn(seen: &Observed, world: &mut World) {
    for question in &seen.questions {
        if let (Test::Atom(atom), Answered::Is(is)) = (&question.test, &question.answer) {
            world.0.entry(atom.clone()).or_insert(*is);
        }
    }
}

/// How the name of an atom was put together where it was asked before.
pub(super) fn named_alike<'a>(points: &'a [Point], atom: &Atom) -> Option<&'a Template> {
    let asked = |point: &&Point| {
        point.asked.iter().flatten().any(|asked| matches!(&asked.test, Test::Atom(other) if other == atom))
    };
    points.iter().find(asked).map(|point| &point.subject)
}

/// Says of the world what is wanted of it, under the name that it has for this request; whether that is new.
pub(super) fn put_right(wanted: &Point, got: &Point, world: &mut World) -> bool {
    let mut any = false;
    for (wanted, got) in wanted.asked.iter().zip(&got.asked) {
        let (Some(wanted), Some(got)) = (wanted, got) else { continue };
        if let (Test::Atom(atom), Answered::Is(is)) = (&got.test, &wanted.answer)
            && world.0.get(atom) != Some(is)
        {
            world.0.insert(atom.clone(), *is);
            any = true;
        }
    }
    any
}

/// Whether files and directories can lie like this.
pub(super) fn is_possible(world: &World) -> bool {
    let files: Vec<(Vec<u8>, FileKind)> = world
        .0
        .iter()
        .filter_map(|(atom, is)| match (atom, is) {
            (Atom::File(path), Is::File(kind)) => Some((tidy(path), *kind)),
            _ => None,
        })
        .collect();
    files.iter().all(|(path, kind)| {
        files.iter().all(|(other, other_kind)| {
            let below = other.len() > path.len() && other.starts_with(path) && other[path.len()] == b'/';
            let there = matches!(other_kind, FileKind::File | FileKind::Directory);
            let differ = path == other && kind != other_kind;
            let through_a_file = below && there && *kind != FileKind::Directory;
            !differ && !through_a_file
        })
    })
}

/// A path without doubled slashes, and without one at its end.
fn tidy(path: &[u8]) -> Vec<u8> {
    let mut tidy: Vec<u8> = Vec::with_capacity(path.len());
    for &byte in path {
        if byte != b'/' || tidy.last() != Some(&b'/') {
            tidy.push(byte);
        }
    }
    if tidy.ends_with(b"/") {
        tidy.pop();
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_has_nothing_below_it() {
        let world = |files: &[(&str, FileKind)]| {
            let atom = |path: &str| Atom::File(path.as_bytes().to_vec());
            World(files.iter().map(|(path, kind)| (atom(path), Is::File(*kind))).collect())
        };
        use FileKind::{Absent, Directory, File};
        assert!(is_possible(&world(&[("/a", Directory), ("/a/b", File)])));
        assert!(!is_possible(&world(&[("/a", File), ("/a/b", File)])));
        assert!(!is_possible(&world(&[("/a/", Absent), ("/a//b", File)])));
        assert!(!is_possible(&world(&[("/a/", Absent), ("/a", Directory)])));
        assert!(is_possible(&world(&[("/a", File), ("/ab", File)])));
    }
}
