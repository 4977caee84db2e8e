//! Asking and telling the nginx of this host.
