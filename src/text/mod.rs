//! Text: printing values, and parsing numbers.

pub mod number;
mod print;
mod shown;

pub use print::*;
pub use shown::Shown;
