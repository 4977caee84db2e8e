//! Choices against their own rules, asked many strings.
