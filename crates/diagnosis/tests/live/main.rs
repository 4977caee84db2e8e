//! Failures brought about on a real nginx, the installed one and the newest: its own logs, read by the classifier, and a few
//! questions asked of the world make the evidence; the first cause must be the true one.

mod app;
mod ask;
mod case;
mod network;
mod own;
mod stage;
mod start;
mod upstream;
