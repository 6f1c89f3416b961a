//! Self-test cases of memory from the kernel: mappings, reserved address space, and slots for values.

use core::ptr::NonNull;

use ring3::Errno;
use ring3::mem::*;

use crate::case::*;
use crate::cases;
use crate::machine::TOO_MUCH;
use crate::maps::{is_guard, mapped, protection};

cases! {
    "the page size", [page_size], page_size().is_power_of_two() && page_size() >= 4096 => YES;
    "fresh memory is zero and begins on a page", [map], fresh() => YES;
    "a mapping without bytes", [map], map(0).map(drop) => error(Errno::EINVAL);
    "a mapping larger than the address space", [map], map(TOO_MUCH).map(drop) => error(Errno::ENOMEM);
    "reserved memory has no rights", [reserve], reserved(|start, _| is_guard(start.as_ptr().addr())) => YES;
    "a reservation larger than the address space", [reserve], reserve(TOO_MUCH).map(drop) => error(Errno::ENOMEM);
    // SAFETY: of all that is done here: `reserved` and `map` give whole pages that nobody else uses.
    "committed memory is written", [commit], reserved(|start, length| unsafe { commit(start, length).is_ok() && touch(start, length) }) => YES;
    "a part of it is protected again", [protect], reserved(|start, length| unsafe { commit(start, length).is_ok() && protect(start, page_size()).is_ok() } && is_guard(start.as_ptr().addr()) && protection(start.as_ptr().addr() + page_size()) == Some(*b"rw-p")) => YES;
    "discarded memory is zero", [discard], reserved(|start, length| unsafe { commit(start, length).is_ok() && touch(start, length) && discard(start, length).is_ok() && start.read() == 0 }) => YES;
    "huge pages are requested", [prefer_huge], huge() => DONE, cannot EINVAL;
    "a mapping at a free address", [map_at], at_free() => YES;
    "a mapping at a used address", [map_at], at_taken() => error(Errno::EEXIST);
    "unmapped memory is not accessible", [unmap], unmapped() => YES;
    "unmapping no page", [unmap], map(page_size()).and_then(|start| unsafe { let result = unmap(start.add(1), 1); unmap(start, page_size())?; result }) => error(Errno::EINVAL);
    "a mapping grows and keeps its bytes", [remap], grown() => YES;
    "a mapping that may not move", [remap], may_not_move() => error(Errno::ENOMEM);
    "a mapping moves into reserved space", [move_to], moved() => YES;
    "an owned mapping", [Mapping::new], own_mapping() => YES;
    "a dropped mapping is unmapped", [Mapping::new], given_back() => YES;
    "a thousand mappings leave no mapping", [Mapping::new], stays(|| Mapping::new(1 << 20).map(|mapping| mapping[0] == 0)) => value(0);
    "an owned mapping grows and keeps its bytes", [Mapping::resize], Mapping::new(10).and_then(|mut mapping| { mapping[9] = 7; mapping.resize(1 << 20)?; Ok(mapping.len() == 1 << 20 && mapping[9] == 7 && mapping[(1 << 20) - 1] == 0) }) => YES;
    "an owned mapping shrinks", [Mapping::resize], stays(|| Mapping::new(1 << 20).and_then(|mut mapping| { mapping.resize(5)?; Ok(mapping.len() == 5) })) => value(0);
    "an owned mapping of no bytes", [Mapping::resize], Mapping::new(1).and_then(|mut mapping| mapping.resize(0)) => error(Errno::EINVAL);
    "an owned mapping larger than the address space", [Mapping::resize], Mapping::new(1).and_then(|mut mapping| mapping.resize(TOO_MUCH)).is_err() => YES;
    "slots for values", [Slots::new], Slots::<u64>::new(3).map(|slots| slots.len()) => value(3);
    "slots are zero", [Slots::values, Slots::values_mut], zeros_in_slots() => YES;
    "more slots than the address space has", [Slots::new], Slots::<u64>::new(1 << (usize::BITS - 3)).map(drop) => error(Errno::ENOMEM);
    "an owned mapping without bytes", [Mapping::new], Mapping::new(0).map(drop) => error(Errno::EINVAL);
}

/// The number of bytes that stay mapped after a thousand values were made and dropped. The kernel's count of pages in
/// memory cannot grow without them: a page in memory is mapped.
pub fn stays(make: impl Fn() -> Result<bool, Errno>) -> Result<usize, Errno> {
    make()?;
    let before = mapped();
    (0..1000).try_for_each(|_| make()?.then_some(()).ok_or(Errno::EIO))?;
    Ok(mapped().saturating_sub(before))
}

const PAGES: usize = 3;

/// Writes the first and the last byte.
///
/// # Safety
/// That much memory of one's own.
unsafe fn touch(start: NonNull<u8>, length: usize) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let zero = start.read() == 0 && start.add(length - 1).read() == 0;
        start.write(1);
        start.add(length - 1).write(1);
        zero
    }
}

fn fresh() -> Result<bool, Errno> {
    let length = PAGES * page_size();
    let start = map(length)?;
    // SAFETY: fresh memory of ours.
    let zero = unsafe { touch(start, length) };
    // SAFETY: not used again.
    unsafe { unmap(start, length)? };
    Ok(zero && start.addr().get() % page_size() == 0)
}

fn reserved(work: impl FnOnce(NonNull<u8>, usize) -> bool) -> Result<bool, Errno> {
    let length = PAGES * page_size();
    let start = reserve(length)?;
    let result = work(start, length);
    // SAFETY: not used again.
    unsafe { unmap(start, length)? };
    Ok(result)
}

fn huge() -> Result<(), Errno> {
    let length = 4 << 20;
    let start = map(length)?;
    // SAFETY: pages of ours.
    let result = unsafe { prefer_huge(start, length) };
    // SAFETY: not used again.
    unsafe { unmap(start, length)? };
    result
}

/// An address where nothing is: something was there a moment ago.
fn free(length: usize) -> Result<usize, Errno> {
    let start = reserve(length)?;
    // SAFETY: nobody has used it.
    unsafe { unmap(start, length)? };
    Ok(start.addr().get())
}

fn at_free() -> Result<bool, Errno> {
    let length = PAGES * page_size();
    let address = free(length)?;
    let start = map_at(address, length)?;
    // SAFETY: fresh memory of ours, not used again afterwards.
    unsafe {
        let zero = touch(start, length);
        unmap(start, length)?;
        Ok(zero && start.addr().get() == address)
    }
}

fn at_taken() -> Result<(), Errno> {
    let start = map(page_size())?;
    let result = map_at(start.addr().get(), page_size()).map(drop);
    // SAFETY: not used again.
    unsafe { unmap(start, page_size())? };
    result
}

fn unmapped() -> Result<bool, Errno> {
    let start = map(PAGES * page_size())?;
    // SAFETY: not used again.
    unsafe { unmap(start.add(page_size()), page_size())? };
    let (first, middle) = (start.addr().get(), start.addr().get() + page_size());
    let result = protection(first) == Some(*b"rw-p") && protection(middle).is_none();
    // SAFETY: not used again.
    unsafe { unmap(start, PAGES * page_size())? };
    Ok(result)
}

fn grown() -> Result<bool, Errno> {
    let (length, new_length) = (page_size(), 64 * page_size());
    let start = map(length)?;
    // SAFETY: a whole mapping of ours; what is gone is not used again.
    unsafe {
        start.write(7);
        let start = remap(start, length, new_length, MREMAP_MAYMOVE)?;
        let kept = start.read() == 7 && start.add(new_length - 1).read() == 0;
        unmap(start, new_length)?;
        Ok(kept)
    }
}

fn may_not_move() -> Result<(), Errno> {
    let length = page_size();
    let start = map(2 * length)?;
    // SAFETY: the first page alone, which has no room after it: the second is there.
    unsafe {
        let result = remap(start, length, 2 * length, Remap::NONE);
        unmap(start, 2 * length)?;
        result.map(drop)
    }
}

fn moved() -> Result<bool, Errno> {
    let length = page_size();
    let (start, to) = (map(length)?, reserve(2 * length)?);
    // SAFETY: a whole mapping of ours, and space that nobody uses.
    unsafe {
        start.write(9);
        move_to(start, length, to, 2 * length)?;
        let kept = to.read() == 9 && to.add(2 * length - 1).read() == 0;
        unmap(to, 2 * length)?;
        Ok(kept && protection(start.addr().get()).is_none())
    }
}

fn zeros_in_slots() -> Result<bool, Errno> {
    let mut slots = Slots::<u64>::new(3)?;
    // SAFETY: there are 3 slots, and the kernel's zero bytes are a valid u64.
    let values = unsafe { slots.values_mut(2) };
    values[1] = 7;
    // SAFETY: as above.
    Ok(unsafe { slots.values(3) } == [0, 7, 0])
}

fn own_mapping() -> Result<bool, Errno> {
    let mut mapping = Mapping::new(page_size())?;
    let zero = mapping.iter().all(|&byte| byte == 0);
    mapping[1] = 1;
    Ok(zero && mapping.len() == page_size() && mapping[1] == 1)
}

/// qemu-user may map memory of its own where the mapping was, so one of three attempts must succeed.
fn given_back() -> Result<bool, Errno> {
    for _ in 0..3 {
        let mapping = Mapping::new(1 << 20)?;
        let address = mapping.as_ptr().addr();
        let there = protection(address) == Some(*b"rw-p");
        drop(mapping);
        if there && protection(address).is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}
