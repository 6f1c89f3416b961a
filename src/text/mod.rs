//! Text: what programs print, and numbers read from text.

pub mod number;
mod print;
mod shown;

pub use print::*;
pub use shown::Shown;
