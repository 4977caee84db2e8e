//! The reload matrix: every change that lab and field know to mislead `nginx -t`, `nginx -s reload` or the person who
//! trusts them, applied by the real command to a real nginx, one row a test and each on every nginx that there is here.
//!
//! After every row the host is whole: the workers that should serve are there, every socket answers, and what is on disk is
//! what serves. A refusal names the line and the stage that saw it. Rows that `nginx -t` passes say so, and it is asked.

#[path = "../support/mod.rs"]
mod support;

mod drift;
mod hostile;
mod kept;
mod proof;
mod requests;
mod row;
mod told;
