//! Collections that reserve address space for all their values at once. A page takes memory only when a value is put
//! into it.

mod list;
mod slab;

pub use list::List;
pub use slab::Slab;
