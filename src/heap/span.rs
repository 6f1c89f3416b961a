//! A span: 256 KiB that small blocks of all sizes are cut from, and the record of what is free there.
//!
//! The record lies apart from the blocks, with those of its [region](super::region): who writes past a
//! block meets another block, not ours. It has a bit for each *granule*, which is set while the
//! granule is free; so what is freed side by side is one gap again, for a block of any size.

use core::ptr::NonNull;

use super::class::Class;

/// The bytes of a span, and its alignment.
pub const SIZE: usize = 256 * 1024;

/// The bytes of the bits for the most granules that a span has.
pub const BITMAP: usize = SIZE / 16 / 8;

/// The largest block that is cut from fine granules.
const FINE: usize = 4096;

/// A block of memory, by its first byte.
pub type Block = NonNull<u8>;

/// A span, by its record.
pub type Link = Option<NonNull<Span>>;

/// Why a block cannot be taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub enum Corrupt {
    /// It is no block.
    Foreign(Block),
    /// It came back already.
    Twice(Block),
}

/// The granules of a span: fine blocks and coarse ones are not cut from the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grain {
    /// Of 16 bytes, for blocks up to a few KiB.
    Fine,
    /// Of 256 bytes, which the sizes of larger blocks are multiples of.
    Coarse,
}

impl Grain {
    /// That of a class.
    pub fn of(class: Class) -> Self {
        match class.size() {
            ..=FINE => Self::Fine,
            _ => Self::Coarse,
        }
    }

    fn shift(self) -> u32 {
        match self {
            Self::Fine => 4,
            Self::Coarse => 8,
        }
    }

    /// How long a gap is, in granules, that has a place for a block of this class whatever it begins at.
    pub fn enough(class: Class) -> usize {
        let (length, align) = shape(class);
        length + align - 1
    }
}

const BITS: usize = u64::BITS as usize;

/// The record of a span.
#[repr(C)]
pub struct Span {
    /// The neighbours in the list that it is in.
    pub before: Link,
    pub behind: Link,
    /// The first byte.
    start: NonNull<u8>,
    bits: NonNull<u64>,
    grain: Grain,
    /// The list that it is in, as its store numbers them.
    pub list: u8,
    /// Where a search begins: the words before this one have nothing that the last search wanted.
    rover: u16,
    /// The longest gap that is known of, in granules.
    gap: u16,
    /// How many granules are free.
    free: u16,
    /// The bytes behind these were never given out since the kernel gave them.
    touched: u32,
}

impl Span {
    /// The record of a span of which all is free, and `touched` bytes may hold something.
    ///
    /// # Safety
    /// Of the `SIZE` bytes at `start` and the `BITMAP` bytes at `bits` nothing is used.
    pub unsafe fn new(
        start: NonNull<u8>,
        bits: NonNull<u64>,
        grain: Grain,
        touched: usize,
    ) -> Self {
        let granules = SIZE >> grain.shift();
        for word in 0..granules / BITS {
            // SAFETY: `BITMAP` bytes are enough for the bits of any grain; the caller's promise.
            unsafe { bits.add(word).write(u64::MAX) };
        }
        Self {
            before: None,
            behind: None,
            start,
            bits,
            grain,
            list: u8::MAX,
            rover: 0,
            gap: granules as u16,
            free: granules as u16,
            touched: touched as u32,
        }
    }

    /// The first byte.
    pub fn start(&self) -> Block {
        self.start
    }

    /// How many bytes may hold something.
    pub fn touched(&self) -> usize {
        self.touched as usize
    }

    /// The longest gap that is known of, in granules.
    pub fn gap(&self) -> usize {
        self.gap.into()
    }

    /// Whether no block is out.
    pub fn is_empty(&self) -> bool {
        usize::from(self.free) == self.granules()
    }

    fn granules(&self) -> usize {
        SIZE >> self.grain.shift()
    }

    /// Cuts blocks of a class, as many as one search finds and `out` has room for; says how many.
    ///
    /// A search goes from where the last one ended. One that went through all of the span without
    /// filling `out` knows the longest gap that is left.
    pub fn take(&mut self, class: Class, out: &mut [*mut u8]) -> usize {
        let (length, align) = shape(class);
        let from_start = self.rover == 0;
        let (mut count, mut longest) = (0, 0);
        let mut at = usize::from(self.rover) * BITS;
        while let Some((begin, end)) = self.next_gap(at) {
            let first = begin.next_multiple_of(align);
            let fit = (end.saturating_sub(first) / length).min(out.len() - count);
            if fit == 0 {
                longest = longest.max(end - begin);
                at = end;
                continue;
            }
            for (nth, block) in out[count..count + fit].iter_mut().enumerate() {
                *block = self.address(first + nth * length).as_ptr();
            }
            count += fit;
            at = first + fit * length;
            self.clear(first, at);
            longest = longest.max(first - begin);
            if count == out.len() {
                self.rover = (at / BITS) as u16;
                return count;
            }
        }
        self.rover = 0;
        if from_start {
            self.gap = longest as u16;
        }
        count
    }

    /// Cuts one block, and says whether it is zero.
    pub fn take_one(&mut self, class: Class) -> Option<(Block, bool)> {
        let touched = self.touched();
        let mut block = [core::ptr::null_mut()];
        if self.take(class, &mut block) == 0 {
            return None;
        }
        let block = NonNull::new(block[0])?;
        Some((block, block.addr().get() % SIZE >= touched))
    }

    /// Takes back `count` blocks of a class, one behind the other; or says why they cannot all be out.
    pub fn put(&mut self, class: Class, block: Block, count: usize) -> Result<(), Corrupt> {
        let offset = block.addr().get() % SIZE;
        let first = offset >> self.grain.shift();
        let end = first + count * shape(class).0;
        if Grain::of(class) != self.grain
            || first << self.grain.shift() != offset
            || end > self.granules()
        {
            return Err(Corrupt::Foreign(block));
        }
        if !self.set(first, end) {
            return Err(Corrupt::Twice(block));
        }
        self.rover = self.rover.min((first / BITS) as u16);
        // What it makes with the free granules before and behind it, as far as a word sees.
        let gap = self.ones_before(first) + (end - first) + self.ones_from(end);
        self.gap = self.gap.max(gap as u16);
        Ok(())
    }

    /// The first gap at or behind a granule: where it begins and ends.
    #[inline]
    fn next_gap(&self, at: usize) -> Option<(usize, usize)> {
        let words = self.granules() / BITS;
        let mut word = at / BITS;
        if word >= words {
            return None;
        }
        let mut free = self.word(word) & (u64::MAX << (at % BITS));
        while free == 0 {
            word += 1;
            if word == words {
                return None;
            }
            free = self.word(word);
        }
        let begin = word * BITS + free.trailing_zeros() as usize;
        let mut used = !self.word(word) & (u64::MAX << (begin % BITS));
        while used == 0 {
            word += 1;
            if word == words {
                return Some((begin, self.granules()));
            }
            used = !self.word(word);
        }
        Some((begin, word * BITS + used.trailing_zeros() as usize))
    }

    /// Marks the granules from `first` to `end` as used; they were free.
    fn clear(&mut self, first: usize, end: usize) {
        for (word, mask) in words(first, end) {
            self.set_word(word, self.word(word) & !mask);
        }
        self.free -= (end - first) as u16;
        self.touched = self.touched.max((end << self.grain.shift()) as u32);
    }

    /// Marks the granules from `first` to `end` as free; false, and nothing is changed, where one was.
    fn set(&mut self, first: usize, end: usize) -> bool {
        if words(first, end).any(|(word, mask)| self.word(word) & mask != 0) {
            return false;
        }
        for (word, mask) in words(first, end) {
            self.set_word(word, self.word(word) | mask);
        }
        self.free += (end - first) as u16;
        true
    }

    /// How many granules right before this one are free, up to 64.
    fn ones_before(&self, end: usize) -> usize {
        let (word, shift) = (end / BITS, end % BITS);
        let mut bits = 0;
        if shift != 0 {
            bits = self.word(word) << (BITS - shift);
        }
        if word != 0 {
            bits |= self.word(word - 1) >> shift;
        }
        bits.leading_ones() as usize
    }

    /// How many granules from this one on are free, up to 64.
    fn ones_from(&self, first: usize) -> usize {
        let (word, shift) = (first / BITS, first % BITS);
        let words = self.granules() / BITS;
        let mut bits = 0;
        if word < words {
            bits = self.word(word) >> shift;
        }
        if shift != 0 && word + 1 < words {
            bits |= self.word(word + 1) << (BITS - shift);
        }
        bits.trailing_ones() as usize
    }

    /// Where a granule is.
    fn address(&self, granule: usize) -> Block {
        // SAFETY: granules are within the span.
        unsafe { self.start.add(granule << self.grain.shift()) }
    }

    fn word(&self, number: usize) -> u64 {
        debug_assert!(number < self.granules() / BITS);
        // SAFETY: the bits are this record's, one for each granule.
        unsafe { self.bits.add(number).read() }
    }

    fn set_word(&mut self, number: usize, value: u64) {
        debug_assert!(number < self.granules() / BITS);
        // SAFETY: as in `word`.
        unsafe { self.bits.add(number).write(value) }
    }
}

/// The granules of a block of a class, and what the number of its first is a multiple of.
fn shape(class: Class) -> (usize, usize) {
    let length = class.size() >> Grain::of(class).shift();
    // Those of a power of two serve layouts that ask for as much alignment.
    (
        length,
        if class.size().is_power_of_two() {
            length
        } else {
            1
        },
    )
}

/// The words that hold the bits from `first` to `end`, and which bits of them.
#[inline]
pub fn words(first: usize, end: usize) -> impl Iterator<Item = (usize, u64)> {
    (first / BITS..end.div_ceil(BITS)).map(move |word| {
        let from = first.saturating_sub(word * BITS);
        let above = (word * BITS + BITS).saturating_sub(end);
        (word, u64::MAX >> above & u64::MAX << from)
    })
}

/// A list of spans, each of which is in it once.
pub struct List {
    first: Link,
}

// SAFETY: records are memory of the process, not of a thread.
unsafe impl Send for List {}

impl List {
    pub const fn new() -> Self {
        Self { first: None }
    }

    pub fn first(&self) -> Link {
        self.first
    }

    /// # Safety
    /// The span is in no list, and used by nobody else; so are those of the list.
    pub unsafe fn push(&mut self, mut span: NonNull<Span>) {
        // SAFETY: the caller's promise.
        unsafe {
            span.as_mut().before = None;
            span.as_mut().behind = self.first;
            if let Some(mut behind) = self.first {
                behind.as_mut().before = Some(span);
            }
        }
        self.first = Some(span);
    }

    /// # Safety
    /// The span is in this list, whose spans are used by nobody else.
    pub unsafe fn remove(&mut self, span: NonNull<Span>) {
        // SAFETY: the caller's promise.
        unsafe {
            let &Span { before, behind, .. } = span.as_ref();
            match before {
                Some(mut before) => before.as_mut().behind = behind,
                None => self.first = behind,
            }
            if let Some(mut behind) = behind {
                behind.as_mut().before = before;
            }
        }
    }
}
