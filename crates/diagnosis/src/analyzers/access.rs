use evenkeel_model::Message::{AccessForbidden, AuthRequestStatus, NoUser, OpenFailed, PasswordMismatch, UserUnknown};

use crate::Fact::{Any, Said, SaidErrno, Status, UpstreamStatus, WantsPassword};
use crate::evidence::ChangeKind::{Edit, Package, Release};
use crate::row::Shape::Status as Got;
use crate::row::{PLAIN, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "password-wrong",
        says: "the password file does not know user {0}, or has another password",
        seen: &[Got(401)],
        shows: &[Any(&[Said(UserUnknown), Said(PasswordMismatch)])],
        changes: &[Release, Edit],
        check: "the file that auth_basic_user_file names",
        fix: "put the user back into it",
        ..PLAIN
    },
    Row {
        id: "password-wanted",
        says: "the request has no password, and the location wants one",
        seen: &[Got(401)],
        shows: &[Status(401), Any(&[Said(NoUser), WantsPassword])],
        // Whoever has a password meets what is behind it.
        excludes: &[Said(UserUnknown), Said(PasswordMismatch), SaidErrno(OpenFailed, &[2]), UpstreamStatus(401)],
        changes: &[Release, Edit],
        check: "auth_basic where the request goes",
        fix: "auth_basic off for what is public",
        ..PLAIN
    },
    Row {
        id: "password-file-missing",
        says: "the password file {0} is not there",
        seen: &[Got(403)],
        shows: &[SaidErrno(OpenFailed, &[2]), Status(403)],
        changes: &[Release, Edit],
        check: "the path that auth_basic_user_file names",
        fix: "put the file back",
        ..PLAIN
    },
    Row {
        id: "forbidden-by-rule",
        says: "an allow or deny rule forbids it",
        seen: &[Got(403)],
        shows: &[Said(AccessForbidden)],
        changes: &[Release, Edit, Package],
        check: "which deny covers the client, and how old that entry is: many lists are written by programs",
        fix: "take the entry out; give entries that a program writes an end",
        ..PLAIN
    },
    Row {
        id: "auth-request-fails",
        says: "the service that auth_request asks answers {0} instead of yes or no",
        seen: &[Got(500)],
        shows: &[Said(AuthRequestStatus)],
        changes: &[Release, Edit, crate::evidence::ChangeKind::Application],
        check: "the line just above it in the error log: what happened to the subrequest",
        fix: "mend the service that decides",
        ..PLAIN
    },
];
