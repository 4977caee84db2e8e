//! What an nginx configuration means.
//!
//! The only crate that claims to predict nginx, so every claim is checked against a real one (`tests/mutations.rs`).
//!
//! * [`load`] turns a main file and the files it includes into a [`Config`]: one arena of nodes, includes spliced,
//!   every file parsed once. It opens no file: [`Files`] holds what the caller found out, [`Wants`] says what is missing.
//! * [`validate`] lists everything that `nginx -t` would refuse, without DNS, certificates or root. What cannot be known
//!   (an unknown module, a file on another machine) is never an error.
//! * [`Router`] says where nginx sends a request, and why; what the answer rests on and nobody told is a [`Dependence`].
//!   [`witnesses`] is one request for every server and location. Held against a real one too (`tests/route`).
//! * [`reach`] says whether a firewall lets a client reach a listening address. Held against the kernel (`tests/reach`).
//! * [`Config`] has typed views: servers, locations, upstreams, listening addresses, what a release must expect.
//!
//! Deliberately absent: the file system, the clock, the network, and any opinion (that is for the linter).
#![deny(clippy::disallowed_methods)]

mod canonical;
mod catalog;
mod choice;
mod config;
mod context;
mod coverage;
mod diff;
mod expect;
mod expectations;
mod explore;
mod explosion;
mod files;
mod glob;
mod include;
mod index;
mod inherit;
mod invariant;
mod language;
mod listen;
mod log;
mod lower;
mod number;
mod opened;
mod parsed;
mod pass;
mod problem;
pub mod reach;
mod request;
mod route;
mod settings;
mod stream;
mod suggest;
mod traffic;
mod validate;
mod wants;

pub use catalog::{Arity, Catalog, Entry, Setter, Version};
pub use choice::{Choice, Chosen, Demand, Pairs, Sought, View, find_pair, pairs, solve_with};
pub use config::{Args, Config, FileId, Include, Node, NodeId, SourceFile};
pub use context::{Context, Contexts};
pub use coverage::{Coverage, map_lines, witnesses_by_search};
pub use diff::{Change, ChangeKey, Diff, DiffOptions, Example, SettingChange, Side, What, class_key, diff};
pub use expect::{Difference, Expectation, Judgement, Kind, Live, RouteSpec, Seen};
pub use expectations::{ErrorLog, LogTarget, RuntimePath, RuntimeUse, Workers};
pub use explore::{Limits, Way, explore};
pub use explosion::exploding_text;
pub use files::{Answer, Files, Path, Presence, Want, Wants};
pub use include::load;
pub use invariant::{
    Counterexample, Demand as InvariantDemand, Guarded, Invariant, Part, Proof,
    Requests as InvariantRequests, prove,
};
pub use language::{Budget, Formula, Language, NotRegular, Solution, solve};
pub use listen::{Listen, ListenAddress, Options};
pub use log::error::{
    About, Captures, ErrorLine, LINE_BYTES_MAX, Level as LogLevel, Message, Phase as LogPhase, Stamp,
};
pub use log::{
    Answered as LoggedAnswer, Assumed, Escape, FormatError, Lacks, LogFormat, LoggedTo, Maker, Rate, Rates,
    Spans, Stuck, access_logs, fitting, logged_to, named_formats,
};
pub use lower::{Location, LocationKind, NameKind, Server, ServerKind, ServerName, Upstream, UpstreamServer};
pub use pass::Pass;
pub use problem::Problem;
pub use request::{
    AddedHeader, Dependence, Facts, Guard, GuardKind, HttpVersion, Limit, LimitKind, LocalAddress, Outcome,
    PassKind, Request, RequestError, Route, Says, SentHeader, Step,
};
pub use route::{
    Answered, Atom, FileKind, FileSystem, Input, Is, Observed, Piece, Question, Router, Shape, Template,
    Test, Witness, World, witnesses,
};
pub use route::{Given, NearMiss, Tree, WorldError};
pub use settings::{Built, Settings};
pub use stream::{
    Connection, ConnectionError, Hello, Preface, StreamChange, StreamObserved, StreamOutcome, StreamRoute,
    StreamRouter, TlsVersion, stream_diff,
};
pub use suggest::{Known, Suggestion, suggest, suggest_more};
pub use traffic::{ClassCount, Counted, Distinct, Remembered, Sides, Top, Traffic, Unread};
pub use validate::validate;
