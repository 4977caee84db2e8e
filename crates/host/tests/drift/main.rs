//! Drift on real parts: the kernel's events, real commands that edit files, a helper that hangs.

mod edits;
mod tree;
