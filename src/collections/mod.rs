//! Collections that reserve address space for all their values at once. A page takes memory only when a value is put
//! into it.
//!
//! ```
//! use ring3::collections::{List, Slab};
//!
//! let mut names = List::new(1_000_000)?;
//! names.push("first").unwrap();
//! assert_eq!(*names, ["first"]);
//!
//! let mut clients = Slab::new(1_000_000)?;
//! let key = clients.insert("client").unwrap();
//! assert_eq!(clients.get(key), Some(&"client"));
//! assert_eq!(clients.take(key), Some("client"));
//! # Ok::<(), ring3::Errno>(())
//! ```

mod list;
mod slab;

pub use list::List;
pub use slab::Slab;
