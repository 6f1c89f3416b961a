//! A model of a heap: it makes a heap perform a sequence of [operations](operation::Operation), and checks each result.
//!
//! A block is "live" from its allocation until it is freed. The model knows the live blocks and their contents. It
//! checks:
//!
//! - A block is aligned, overlaps no other live block of this model, and keeps its contents until it is freed.
//! - `alloc_zeroed` returns zeros.
//! - `realloc` keeps the bytes that both sizes have.
//! - Only very large requests are refused, and impossible requests are refused.
//!
//! Models of several threads share an [`Exchange`], so that a thread frees blocks that another thread allocated. Models
//! do not compare the addresses of their blocks with each other, because that would need a lock. If blocks of two
//! models overlap, a model finds a block whose contents it did not write.

#![no_std]

mod block;
mod exchange;
mod operation;
mod random;

use core::alloc::{GlobalAlloc, Layout};
use core::fmt;

use block::Block;
pub use exchange::Exchange;
use operation::Operation;
pub use random::Random;

/// The maximum number of live blocks.
const BLOCKS: usize = 4096;

/// The maximum number of bytes in live blocks: blocks beyond this limit are freed at once.
const BYTES: usize = 512 << 20;

/// A heap must grant blocks up to this size, whatever their alignment.
const GRANTED: usize = 64 << 20;

/// A heap must refuse blocks of this size and more: they do not fit into the address space. On 32 bits, every layout
/// fits.
const REFUSED: u64 = 1 << 47;

/// A kind of defect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// The address of a block is not a multiple of its alignment.
    Misaligned,
    /// A block overlaps another live block.
    Overlap,
    /// The contents of a block have changed.
    Changed,
    /// The contents of a block have changed in `realloc`.
    Lost,
    /// `alloc_zeroed` returned a block that is not zero.
    NotZero,
    /// The heap refused a block of modest size.
    Refused,
    /// The heap granted a block that is larger than the address space.
    Granted,
}

/// A defect that the model has found, and where.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub wrong: Wrong,
    /// The layout of the block; for `realloc` the new layout.
    pub layout: Layout,
    /// The number of the operation, counted from 0 over all calls of [`Model::run`].
    pub operation: u64,
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, align) = (self.layout.size(), self.layout.align());
        write!(
            f,
            "operation {}, {size} bytes aligned to {align}: {:?}",
            self.operation, self.wrong
        )
    }
}

/// The live blocks of one thread at a time.
pub struct Model {
    /// The first `count` entries are the live blocks, in no order.
    blocks: [Block; BLOCKS],
    /// The indices of the live blocks, ordered by address.
    order: [u16; BLOCKS],
    count: usize,
    /// The sum of the live blocks' sizes.
    bytes: usize,
    /// The mark of the last new block. Each block has a different mark.
    mark: u64,
    operations: u64,
}

impl Model {
    /// Creates a model without live blocks. Models that share an exchange need different numbers.
    pub const fn new(number: u32) -> Self {
        Self {
            blocks: [Block::NONE; BLOCKS],
            order: [0; BLOCKS],
            count: 0,
            bytes: 0,
            mark: (number as u64) << 40,
            operations: 0,
        }
    }

    /// The number of operations that the model has performed.
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Performs the operations of `input`. Live blocks stay live at the end.
    ///
    /// # Errors
    /// The first fault. The model must not be used after a fault.
    pub fn run(
        &mut self,
        heap: &impl GlobalAlloc,
        exchange: &Exchange,
        mut input: &[u8],
    ) -> Result<(), Fault> {
        while let Some(operation) = Operation::read(&mut input) {
            self.step(heap, exchange, operation)?;
            self.operations += 1;
        }
        Ok(())
    }

    /// Frees all blocks, including the blocks in the exchange.
    ///
    /// # Errors
    /// The first fault.
    pub fn finish(&mut self, heap: &impl GlobalAlloc, exchange: &Exchange) -> Result<(), Fault> {
        self.empty(heap)?;
        for place in 0..Exchange::PLACES {
            if let Some(block) = exchange.take(place) {
                self.insert(block)?;
            }
        }
        self.empty(heap)
    }

    fn empty(&mut self, heap: &impl GlobalAlloc) -> Result<(), Fault> {
        while self.count != 0 {
            self.dealloc(heap, self.count - 1)?;
        }
        Ok(())
    }

    fn step(
        &mut self,
        heap: &impl GlobalAlloc,
        exchange: &Exchange,
        operation: Operation,
    ) -> Result<(), Fault> {
        match operation {
            Operation::Alloc { layout, zeroed } => self.alloc(heap, layout, zeroed),
            Operation::Take { place } => match exchange.take(place) {
                // The block may come from another thread. `insert` checks that it does not overlap a block of this
                // model.
                Some(block) => self.make_room(heap).and_then(|()| self.insert(block)),
                None => Ok(()),
            },
            _ if self.count == 0 => Ok(()),
            Operation::Realloc { nth, size } => self.realloc(heap, nth % self.count, size),
            Operation::Dealloc { nth } => self.dealloc(heap, nth % self.count),
            Operation::DeallocMany { nth, step } => {
                for _ in 0..=nth {
                    match self.count {
                        0 => break,
                        count => self.dealloc(heap, (nth * step) % count)?,
                    }
                }
                Ok(())
            }
            Operation::Give { nth, place } => {
                let block = self.remove(nth % self.count);
                match exchange.give(place, block) {
                    Ok(()) => Ok(()),
                    Err(block) => self.insert(block),
                }
            }
        }
    }

    fn alloc(
        &mut self,
        heap: &impl GlobalAlloc,
        layout: Layout,
        zeroed: bool,
    ) -> Result<(), Fault> {
        self.make_room(heap)?;
        // SAFETY: `GlobalAlloc` needs a size other than 0: `Operation::read` returns sizes of at least 1.
        let start = unsafe {
            match zeroed {
                false => heap.alloc(layout),
                true => heap.alloc_zeroed(layout),
            }
        };
        self.check_answer(start, layout)?;
        if start.is_null() {
            return Ok(());
        }
        self.mark += 1;
        let block = Block {
            start,
            layout,
            mark: self.mark,
        };
        if zeroed && !block.is_zero() {
            return Err(self.fault(Wrong::NotZero, layout));
        }
        self.keep(heap, block)
    }

    fn realloc(&mut self, heap: &impl GlobalAlloc, nth: usize, size: usize) -> Result<(), Fault> {
        let old = self.remove(nth);
        self.check_contents(&old)?;
        let layout = operation::layout(size, old.layout.align());
        // SAFETY: the block was allocated by this heap with `old.layout`, and `remove` took it from the live blocks.
        // `layout` is a valid layout with the same alignment, and its size is at least 1.
        let start = unsafe { heap.realloc(old.start, old.layout, layout.size()) };
        self.check_answer(start, layout)?;
        if start.is_null() {
            self.check_contents(&old)?;
            return self.insert(old);
        }
        let moved = Block {
            start,
            layout,
            mark: old.mark,
        };
        let kept = old.layout.size().min(layout.size());
        if !moved.holds(old.layout.size(), kept) {
            return Err(self.fault(Wrong::Lost, layout));
        }
        self.keep(heap, moved)
    }

    fn dealloc(&mut self, heap: &impl GlobalAlloc, nth: usize) -> Result<(), Fault> {
        let block = self.remove(nth);
        self.check_contents(&block)?;
        // SAFETY: the block was allocated by this heap with this layout. `remove` took it from the live blocks, so it
        // is not used or freed again.
        unsafe { heap.dealloc(block.start, block.layout) };
        Ok(())
    }

    /// Frees a block if there is no room for one more.
    fn make_room(&mut self, heap: &impl GlobalAlloc) -> Result<(), Fault> {
        if self.count == BLOCKS {
            self.dealloc(heap, self.operations as usize % BLOCKS)?;
        }
        Ok(())
    }

    /// Adds a block to the live blocks and fills it. Frees the newest blocks while the live blocks exceed [`BYTES`].
    fn keep(&mut self, heap: &impl GlobalAlloc, block: Block) -> Result<(), Fault> {
        self.insert(block)?;
        block.fill();
        while self.bytes > BYTES {
            self.dealloc(heap, self.count - 1)?;
        }
        Ok(())
    }

    fn insert(&mut self, block: Block) -> Result<(), Fault> {
        self.check_place(&block)?;
        let at = self.place(block.start);
        self.order.copy_within(at..self.count, at + 1);
        self.order[at] = self.count as u16; // fits: `count` is below BLOCKS
        self.blocks[self.count] = block;
        self.count += 1;
        self.bytes += block.layout.size();
        Ok(())
    }

    fn remove(&mut self, nth: usize) -> Block {
        let block = self.blocks[nth];
        let last = self.count - 1;
        let (at, of_last) = (self.place(block.start), self.place(self.blocks[last].start));
        // The last block moves to the index of the removed block.
        self.order[of_last] = nth as u16; // fits: `nth` is below BLOCKS
        self.blocks[nth] = self.blocks[last];
        self.order.copy_within(at + 1..self.count, at);
        self.count = last;
        self.bytes -= block.layout.size();
        block
    }

    /// The position in `order` of the block that starts at this address, or where such a block would be inserted.
    fn place(&self, start: *mut u8) -> usize {
        self.order[..self.count].partition_point(|&nth| self.blocks[usize::from(nth)].start < start)
    }

    /// Checks whether the heap was allowed to refuse or grant this layout.
    fn check_answer(&self, start: *mut u8, layout: Layout) -> Result<(), Fault> {
        // With 32 bits, there may be no room for an alignment of a GiB.
        let fits = usize::BITS == 64 || layout.align() <= GRANTED;
        if start.is_null() && layout.size() <= GRANTED && fits {
            return Err(self.fault(Wrong::Refused, layout));
        }
        if !start.is_null() && layout.size() as u64 >= REFUSED {
            return Err(self.fault(Wrong::Granted, layout));
        }
        Ok(())
    }

    /// Checks that a block is aligned, and overlaps none of its neighbours.
    fn check_place(&self, block: &Block) -> Result<(), Fault> {
        if !block.start.addr().is_multiple_of(block.layout.align()) {
            return Err(self.fault(Wrong::Misaligned, block.layout));
        }
        let at = self.place(block.start);
        let neighbours = &self.order[at.saturating_sub(1)..self.count.min(at + 1)];
        let overlaps = |&nth: &u16| self.blocks[usize::from(nth)].overlaps(block);
        if neighbours.iter().any(overlaps) {
            return Err(self.fault(Wrong::Overlap, block.layout));
        }
        Ok(())
    }

    /// Checks that a block holds its contents.
    fn check_contents(&self, block: &Block) -> Result<(), Fault> {
        let size = block.layout.size();
        if !block.holds(size, size) {
            return Err(self.fault(Wrong::Changed, block.layout));
        }
        Ok(())
    }

    fn fault(&self, wrong: Wrong, layout: Layout) -> Fault {
        Fault {
            wrong,
            layout,
            operation: self.operations,
        }
    }
}
