//! A span: 256 KiB of memory that small blocks are cut from, and the record of its free parts.
//!
//! The record has a bit for each *granule*, which is set while the granule is free. So adjacent freed blocks form one
//! gap, and a block of any size can be cut from the gap. The record does not lie in the span, but at the start of the
//! span's [region](super::region): a write past the end of a block hits another block, not the record.

use core::ptr::NonNull;

use super::class::Class;

/// The bytes of a span. A span is aligned to its size.
pub const SIZE: usize = 256 * 1024;

/// The bytes of a span's bitmap, for the smallest granule.
pub const BITMAP: usize = SIZE / 16 / 8;

/// The bytes of the largest block that is cut from fine granules.
const FINE: usize = 4096;

/// A block of memory: the address of its first byte.
pub type Block = NonNull<u8>;

/// The address of a span's record, or none.
pub type Link = Option<NonNull<Span>>;

/// Why the heap refuses a freed block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub enum Corrupt {
    /// The address is not the start of an allocated block of this size.
    Foreign(Block),
    /// The block is already free.
    Twice(Block),
}

/// The size of a span's granules. All blocks of a span have the same grain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grain {
    /// 16 bytes, for blocks up to 4 KiB.
    Fine,
    /// 256 bytes, for blocks above 4 KiB: their sizes are multiples of 256.
    Coarse,
}

impl Grain {
    /// Returns the grain of the spans that blocks of this class are cut from.
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

    /// Returns the least length in granules of a gap that has room for a block of this class, wherever the gap begins.
    pub fn enough(class: Class) -> usize {
        let (length, align) = shape(class);
        length + align - 1
    }
}

const BITS: usize = u64::BITS as usize;

/// The record of a span.
///
/// `start` and `bits` are valid for as long as the record is in use: [`Span::new`]'s caller promises that.
#[repr(C)]
pub struct Span {
    /// The previous and the next span in the list that this span is in.
    pub previous: Link,
    pub next: Link,
    /// The address of the span.
    start: NonNull<u8>,
    /// The bitmap: a bit for each granule, set while the granule is free.
    bits: NonNull<u64>,
    grain: Grain,
    /// The number of the store's list that this span is in.
    pub list: u8,
    /// The index of the bitmap word where the next search begins. The words before it have no gap for a block of the
    /// class that was searched last.
    rover: u16,
    /// The length of the longest known gap, in granules.
    gap: u16,
    /// The number of free granules.
    free: u16,
    /// The high-water mark: no byte from this offset on was handed out since the kernel mapped its page, or since the
    /// page was discarded. So these bytes are zero.
    touched: u32,
}

impl Span {
    /// Creates the record of a span without allocated blocks. The bytes from offset `touched` on are zero.
    ///
    /// # Safety
    /// - `start` is a multiple of `SIZE`. The `SIZE` bytes there and the `BITMAP` bytes at `bits` are mapped read-write
    ///   for as long as the record is used.
    /// - Nothing else uses these bytes, except the code that a block is handed out to.
    pub unsafe fn new(
        start: NonNull<u8>,
        bits: NonNull<u64>,
        grain: Grain,
        touched: usize,
    ) -> Self {
        let granules = SIZE >> grain.shift();
        for word in 0..granules / BITS {
            // SAFETY: the `granules` bits are at most `BITMAP` bytes, for either grain. The caller promises that these
            // bytes can be written.
            unsafe { bits.add(word).write(u64::MAX) };
        }
        Self {
            previous: None,
            next: None,
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

    /// Returns the address of the span.
    pub fn start(&self) -> Block {
        self.start
    }

    /// Returns the high-water mark: the bytes from this offset on are zero.
    pub fn touched(&self) -> usize {
        self.touched as usize
    }

    /// Returns the length of the longest known gap, in granules.
    pub fn gap(&self) -> usize {
        self.gap.into()
    }

    /// Whether all granules are free.
    pub fn is_empty(&self) -> bool {
        usize::from(self.free) == self.granules()
    }

    fn granules(&self) -> usize {
        SIZE >> self.grain.shift()
    }

    /// Cuts blocks of a class until `out` is full or the search reaches the end of the span. Returns the number of
    /// blocks.
    ///
    /// A search begins at the word where the last search ended. After a search from the start to the end of the span,
    /// `gap` is exact, because the search has seen all gaps.
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

    /// Cuts one block. Also returns whether all its bytes are zero.
    pub fn take_one(&mut self, class: Class) -> Option<(Block, bool)> {
        let touched = self.touched();
        let mut block = [core::ptr::null_mut()];
        if self.take(class, &mut block) == 0 {
            return None;
        }
        let block = NonNull::new(block[0])?;
        Some((block, block.addr().get() % SIZE >= touched))
    }

    /// Takes back a row of `count` adjacent blocks of a class, of which `block` is the first.
    ///
    /// # Errors
    /// `Foreign` if `block` cannot be a block of this class; `Twice` if a granule of the row is already free. The span
    /// is unchanged then.
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
        // The new gap includes the free granules before and after the row. At most 64 on either side are counted.
        let gap = self.ones_before(first) + (end - first) + self.ones_from(end);
        self.gap = self.gap.max(gap as u16);
        Ok(())
    }

    /// Returns the first gap from the granule `at` on: its first granule, and the granule after its last.
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

    /// Marks the granules `first..end` as used. They must be free.
    fn clear(&mut self, first: usize, end: usize) {
        for (word, mask) in words(first, end) {
            self.set_word(word, self.word(word) & !mask);
        }
        self.free -= (end - first) as u16;
        self.touched = self.touched.max((end << self.grain.shift()) as u32);
    }

    /// Marks the granules `first..end` as free. Returns false, and changes nothing, if one of them is already free.
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

    /// Returns how many granules directly before this granule are free, at most 64.
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

    /// Returns how many granules from this granule on are free, at most 64.
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

    /// Returns the address of a granule.
    fn address(&self, granule: usize) -> Block {
        // SAFETY: callers pass the number of a granule of this span, so the address is within the span's `SIZE` bytes.
        unsafe { self.start.add(granule << self.grain.shift()) }
    }

    /// Returns a word of the bitmap.
    fn word(&self, number: usize) -> u64 {
        debug_assert!(number < self.granules() / BITS);
        // SAFETY: `number` is below the number of bitmap words: every caller stays below `granules() / BITS`. The
        // caller of `Span::new` promised that the bitmap is mapped, and that only this record uses it.
        unsafe { self.bits.add(number).read() }
    }

    /// Writes a word of the bitmap.
    fn set_word(&mut self, number: usize, value: u64) {
        debug_assert!(number < self.granules() / BITS);
        // SAFETY: as in `word`; `&mut self` excludes other users of the record.
        unsafe { self.bits.add(number).write(value) }
    }
}

/// Returns how many granules a block of a class has, and the alignment of its first granule, in granules.
fn shape(class: Class) -> (usize, usize) {
    let length = class.size() >> Grain::of(class).shift();
    // A block whose size is a power of two also serves layouts with as large an alignment.
    (
        length,
        if class.size().is_power_of_two() {
            length
        } else {
            1
        },
    )
}

/// Returns the bitmap words that hold the bits `first..end`: the index of each word, and a mask of these bits in it.
#[inline]
pub fn words(first: usize, end: usize) -> impl Iterator<Item = (usize, u64)> {
    (first / BITS..end.div_ceil(BITS)).map(move |word| {
        let from = first.saturating_sub(word * BITS);
        let above = (word * BITS + BITS).saturating_sub(end);
        (word, u64::MAX >> above & u64::MAX << from)
    })
}

/// A doubly linked list of spans. A span is in at most one list.
pub struct List {
    first: Link,
}

// SAFETY: the records lie in memory of the process, which outlives each thread. A list is part of a store: a thread
// accesses the list and its records only while the thread holds the store's lock.
unsafe impl Send for List {}

impl List {
    pub const fn new() -> Self {
        Self { first: None }
    }

    /// Returns the first span.
    pub fn first(&self) -> Link {
        self.first
    }

    /// Adds a span at the start.
    ///
    /// # Safety
    /// - The span is in no list.
    /// - No reference to the record of this span, or of a span in the list, is used during the call, and no other
    ///   thread accesses these records.
    pub unsafe fn push(&mut self, mut span: NonNull<Span>) {
        // SAFETY: `span` and `self.first` point to records of spans. The caller promises that nothing else uses them.
        unsafe {
            span.as_mut().previous = None;
            span.as_mut().next = self.first;
            if let Some(mut next) = self.first {
                next.as_mut().previous = Some(span);
            }
        }
        self.first = Some(span);
    }

    /// Removes a span.
    ///
    /// # Safety
    /// - The span is in this list.
    /// - No reference to the record of a span in the list is used during the call, and no other thread accesses these
    ///   records.
    pub unsafe fn remove(&mut self, span: NonNull<Span>) {
        // SAFETY: `span` and its neighbours are records of spans in this list. The caller promises that nothing else
        // uses them.
        unsafe {
            let &Span { previous, next, .. } = span.as_ref();
            match previous {
                Some(mut previous) => previous.as_mut().next = next,
                None => self.first = next,
            }
            if let Some(mut next) = next {
                next.as_mut().previous = previous;
            }
        }
    }
}
