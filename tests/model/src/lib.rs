//! A model of a heap: it knows which blocks are out and what each holds, makes a heap do a sequence of
//! [operations](operation::Operation), and says what is wrong with the answers.
//!
//! It checks that a block is aligned, overlaps no other of this model, and holds what was written there
//! until it is given back; that zeros are zeros; that `realloc` keeps what both sizes have; that only
//! what is very large is refused, and what cannot be is.
//!
//! Models of several threads share an [`Exchange`], so that one frees what another was given. They do not
//! compare their blocks' addresses, for which they would have to wait for each other: where two overlap,
//! one finds something else in its block than it wrote.

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

/// How many blocks a model has out at most.
const BLOCKS: usize = 4096;

/// How many bytes they have at most: a block beyond goes back at once.
const BYTES: usize = 512 << 20;

/// Up to this size a heap must have a block, whatever its alignment.
const GRANTED: usize = 64 << 20;

/// From this size on it cannot have one: the address space is no larger.
const REFUSED: usize = 1 << 47;

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// A block begins at no multiple of its alignment.
    Misaligned,
    /// A block has bytes of another that is out.
    Overlap,
    /// A block holds something else than what was written there.
    Changed,
    /// After `realloc` it does.
    Lost,
    /// `alloc_zeroed` gave something else than zeros.
    NotZero,
    /// There was no block for a modest layout.
    Refused,
    /// There was one for a layout that is larger than the address space.
    Granted,
}

/// What is wrong, and where.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub wrong: Wrong,
    /// The layout of the block: after `realloc` its new one.
    pub layout: Layout,
    /// The number of the operation, from 0, of all that the model was given.
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

/// The blocks of one thread at a time.
pub struct Model {
    /// The first `count` are out, in no order.
    blocks: [Block; BLOCKS],
    /// The same, as indices, by address.
    order: [u16; BLOCKS],
    count: usize,
    /// The bytes of those that are out.
    bytes: usize,
    /// Marks the next block, as no other.
    mark: u64,
    operations: u64,
}

impl Model {
    /// No block is out. Models that share an exchange have different numbers.
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

    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Does what `input` says. All that is out stays out.
    ///
    /// # Errors
    /// The first fault. The model is of no use after it.
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

    /// Gives all blocks back, those in the exchange too.
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
                // From a thread that overlapped one of ours, where it did.
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
        // SAFETY: the layout is not of size 0.
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
        // SAFETY: the block is out, with this layout, and `layout` is one, not of size 0.
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
        // SAFETY: the block is out, with this layout, and nobody has it any more.
        unsafe { heap.dealloc(block.start, block.layout) };
        Ok(())
    }

    /// Room for one block more.
    fn make_room(&mut self, heap: &impl GlobalAlloc) -> Result<(), Fault> {
        if self.count == BLOCKS {
            self.dealloc(heap, self.operations as usize % BLOCKS)?;
        }
        Ok(())
    }

    /// Has a block out and writes to it, or gives it back if it takes too much.
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
        self.order[at] = self.count as u16; // below BLOCKS, which fits
        self.blocks[self.count] = block;
        self.count += 1;
        self.bytes += block.layout.size();
        Ok(())
    }

    fn remove(&mut self, nth: usize) -> Block {
        let block = self.blocks[nth];
        let last = self.count - 1;
        let (at, of_last) = (self.place(block.start), self.place(self.blocks[last].start));
        // The last takes its number.
        self.order[of_last] = nth as u16; // below BLOCKS, which fits
        self.blocks[nth] = self.blocks[last];
        self.order.copy_within(at + 1..self.count, at);
        self.count = last;
        self.bytes -= block.layout.size();
        block
    }

    /// Where in `order` a block that starts there is or belongs.
    fn place(&self, start: *mut u8) -> usize {
        self.order[..self.count].partition_point(|&nth| self.blocks[usize::from(nth)].start < start)
    }

    /// Whether there may be a block for this layout, or must be.
    fn check_answer(&self, start: *mut u8, layout: Layout) -> Result<(), Fault> {
        if start.is_null() && layout.size() <= GRANTED {
            return Err(self.fault(Wrong::Refused, layout));
        }
        if !start.is_null() && layout.size() >= REFUSED {
            return Err(self.fault(Wrong::Granted, layout));
        }
        Ok(())
    }

    /// Whether a block is aligned and has no byte of another.
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

    /// Whether a block holds what was written there.
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
