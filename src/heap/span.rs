//! Small blocks: spans of blocks of one class, and which spans have room.
//!
//! ```text
//!  a multiple of SIZE                                                          SIZE bytes behind
//!  | Span | up to a multiple of the block | block | block | ... | fresh: never given out yet |
//! ```

use core::alloc::Layout;
use core::num::NonZero;
use core::ptr::NonNull;

use super::class::{self, Class};
use super::large;

/// The bytes of a span, and its alignment: a block's address says its span by losing its low bits.
/// Eight of the largest blocks; pages that no block was given out from take no memory.
const SIZE: usize = 256 * 1024;

const LAYOUT: Layout = match Layout::from_size_align(SIZE, SIZE) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};

/// A small block, just taken.
pub struct Block {
    pub start: NonNull<u8>,
    /// Whether its bytes are zero, as the kernel gave them: it was never given out before.
    pub zero: bool,
}

/// What stands at the beginning of a span.
struct Span {
    /// The neighbours in the list of the class's spans that have room.
    before: Link,
    behind: Link,
    /// The blocks that were given back.
    free: Option<NonNull<FreeBlock>>,
    /// Where the blocks begin that were never given out: bytes from the span's beginning.
    fresh: usize,
    /// Whether those are zero: not where the span had an earlier life.
    zero: bool,
    /// How many blocks are out.
    live: usize,
}

type Link = Option<NonNull<Span>>;

/// What stands in a block that was given back.
struct FreeBlock {
    next: Option<NonNull<FreeBlock>>,
}

impl Span {
    /// The beginning of a span that has no block out.
    fn new(class: Class, zero: bool) -> Self {
        Self {
            before: None,
            behind: None,
            free: None,
            // Powers of two: the larger is a multiple of the smaller.
            fresh: class.size().max(size_of::<Self>().next_power_of_two()),
            zero,
            live: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.free.is_none() && self.fresh == SIZE
    }
}

/// All spans of a heap.
pub struct Spans {
    /// For each class the first of its spans that have room.
    roomy: [Link; class::COUNT],
    /// A span without blocks, for whichever class needs one next: so that a lone block that comes
    /// and goes is not a system call each time.
    spare: Link,
}

// SAFETY: spans are memory of the process, not of a thread.
unsafe impl Send for Spans {}

impl Spans {
    /// No span yet.
    pub const fn new() -> Self {
        Self {
            roomy: [None; class::COUNT],
            spare: None,
        }
    }

    /// A block that is handed out nowhere else; none where the kernel has no more memory.
    pub fn take(&mut self, class: Class) -> Option<Block> {
        let span = match self.roomy[class.index()] {
            Some(span) => span,
            None => self.open(class)?,
        };
        let header = self.header(span);
        let block = match header.free {
            Some(free) => {
                // SAFETY: `put` wrote the link there, and nobody has had the block since.
                header.free = unsafe { free.read() }.next;
                Block {
                    start: free.cast(),
                    zero: false,
                }
            }
            None => {
                // SAFETY: the span is not full, so that `fresh` is less than SIZE.
                let start = unsafe { span.cast().add(header.fresh) };
                header.fresh += class.size();
                Block {
                    start,
                    zero: header.zero,
                }
            }
        };
        header.live += 1;
        if header.is_full() {
            self.unlink(class, span);
        }
        Some(block)
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// `block` is one that [`take`](Self::take) of this gave for `class`, and is not used again.
    pub unsafe fn put(&mut self, class: Class, block: NonNull<u8>) {
        // SAFETY: no span begins at address 0, where nothing is mapped.
        let start = unsafe { NonZero::new_unchecked(block.addr().get() & !(SIZE - 1)) };
        let span = NonNull::with_exposed_provenance(start);
        let header = self.header(span);
        let was_full = header.is_full();
        let free = block.cast::<FreeBlock>();
        // SAFETY: the block is nobody's now, and of a class whose blocks have room for the link.
        unsafe { free.write(FreeBlock { next: header.free }) };
        header.free = Some(free);
        header.live -= 1;
        let is_empty = header.live == 0;
        if was_full {
            self.link(class, span);
        }
        if is_empty {
            self.unlink(class, span);
            self.close(span);
        }
    }

    /// A span for `class`, with room.
    fn open(&mut self, class: Class) -> Link {
        let (span, zero) = match self.spare.take() {
            Some(span) => (span, false),
            None => (large::map(LAYOUT)?.cast(), true),
        };
        // SAFETY: the span is as long and as aligned as LAYOUT says, and nobody else's.
        unsafe { span.write(Span::new(class, zero)) };
        self.link(class, span);
        Some(span)
    }

    /// Puts a span by that has no block out, or gives it back to the kernel.
    fn close(&mut self, span: NonNull<Span>) {
        match self.spare {
            None => self.spare = Some(span),
            // SAFETY: `open` mapped it, no list has it, and nobody has a block of it.
            Some(_) => unsafe { large::unmap(span.cast(), LAYOUT) },
        }
    }

    /// Adds a span to those of the class that have room.
    fn link(&mut self, class: Class, span: NonNull<Span>) {
        let behind = self.roomy[class.index()].replace(span);
        let header = self.header(span);
        header.before = None;
        header.behind = behind;
        if let Some(behind) = behind {
            self.header(behind).before = Some(span);
        }
    }

    /// Takes a span out of those of the class that have room.
    fn unlink(&mut self, class: Class, span: NonNull<Span>) {
        let &mut Span { before, behind, .. } = self.header(span);
        match before {
            Some(before) => self.header(before).behind = behind,
            None => self.roomy[class.index()] = behind,
        }
        if let Some(behind) = behind {
            self.header(behind).before = before;
        }
    }

    /// What a span of ours says of itself.
    fn header(&mut self, span: NonNull<Span>) -> &mut Span {
        // SAFETY: a span's address comes from `open`, which wrote this; nobody but us knows it, no
        // block overlaps it, and `self` is borrowed for as long.
        unsafe { &mut *span.as_ptr() }
    }
}
