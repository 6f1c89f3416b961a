//! What the programs share, because std lacks it: command lines, messages, dates and signals.

pub mod cli;
pub mod date;
pub mod error;
pub mod signal;
