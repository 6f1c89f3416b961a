//! Collections that reserve all their memory at once, and take it page by page as they fill.

mod list;
mod slab;

pub use list::List;
pub use slab::Slab;
