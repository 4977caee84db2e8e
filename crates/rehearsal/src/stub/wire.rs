//! What parent and stubs say to each other.
