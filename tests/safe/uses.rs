//! Uses that must not compile in a crate without `unsafe`. Each function has a line that ends with `//~ CODE`. Without
//! this line the function compiles. With the line the compiler reports the error CODE there. `tests/safe.rs` tries each
//! line separately.

#![no_std]
#![forbid(unsafe_code)]
#![allow(dead_code, unused, reason = "each is tried for what it is refused")]

use core::ffi::CStr;

use ring3::collections::{List, Slab};
use ring3::env::Strings;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::fs::dir::ReadDir;
use ring3::fs::mapping::{FileMapping, FileMappingMut};
use ring3::io::{BufReader, IoSliceMut};
use ring3::net::unix::{Received, receive};
use ring3::pipe::{O_CLOEXEC, Pipe};
use ring3::process::Lists;
use ring3::sync::Mutex;

/// The thread would jump to this address when it ends.
fn writes_the_words_of_a_thread() {
    ring3::arch::set_thread_word::<1>(1); //~ E0133
}

fn makes_a_system_call() {
    ring3::arch::syscall0::<39>(); //~ E0133
}

fn makes_a_result_of_a_number() {
    let _ = ring3::abi::check(5); //~ E0133
}

/// This would create a second owner of an open descriptor.
fn takes_what_was_inherited(pid: &CStr) {
    let _ = ring3::systemd::inherited(Some(pid), Some(c"1")); //~ E0133
}

fn makes_an_owner_of_a_number() {
    let _ = OwnedFd::from_raw(3); //~ E0133
}

fn borrows_a_number() {
    let _ = BorrowedFd::borrow_raw(3); //~ E0133
}

fn copies_an_owner(fd: &OwnedFd) {
    let other: OwnedFd = fd.clone(); //~ E0308
}

fn closes_what_is_borrowed(pipe: Pipe) {
    let end = pipe.read.as_fd();
    drop(pipe.read); //~ E0505
    let _ = ring3::io::read(end, &mut [0]);
}

fn keeps_what_was_received(received: Received) -> usize {
    let [first, ..] = received.descriptors;
    let fd = first.as_ref().map(OwnedFd::as_fd);
    drop(first); //~ E0505
    fd.map_or(0, |fd| fd.as_raw() as usize)
}

fn handles_a_signal(handler: extern "C" fn(i32)) {
    let _ = ring3::signal::handle(15, handler); //~ E0133
}

fn lends_a_stack_for_a_while(stack: &mut [u8]) {
    let _ = ring3::signal::set_alternate_stack(stack); //~ E0521
}

fn unmaps(start: core::ptr::NonNull<u8>) {
    let _ = ring3::mem::unmap(start, 4096); //~ E0133
}

fn makes_strings_of_a_pointer(list: *const *const core::ffi::c_char) {
    let _ = Strings::new(list); //~ E0133
}

fn keeps_strings_without_their_list(mut lists: Lists<'_>) -> usize {
    let strings = lists.get(0);
    drop(lists); //~ E0505
    strings.iter().count()
}

fn keeps_a_value_of_a_slab(mut slab: Slab<u32>) -> u32 {
    let value = slab.get(0).copied();
    let place = slab.get(0);
    slab.clear(); //~ E0502
    place.copied().or(value).unwrap_or(0)
}

fn keeps_a_value_of_a_list(mut list: List<u32>) -> u32 {
    let first = list.first();
    list.pop(); //~ E0502
    first.copied().unwrap_or(0)
}

fn gives_a_thread_what_is_one_threads(cell: &'static core::cell::Cell<u32>) {
    let _ = ring3::thread::spawn(|| cell.set(1)); //~ E0277
}

/// The mask is that of the thread that held the signals.
fn gives_a_thread_the_mask_of_another(held: ring3::signal::Held) {
    let _ = ring3::thread::spawn(|| drop(held)); //~ E0277
}

fn gives_a_thread_what_ends_before_it() {
    let number = 1;
    let _ = ring3::thread::spawn(|| number + 1); //~ E0373
}

fn shares_what_is_one_threads() {
    fn share<T: Sync>(_: &T) {}
    share(&Mutex::new(1));
    share(&Mutex::new(core::ptr::null::<u8>())); //~ E0277
}

/// The kernel writes the next entries to the buffer that holds the name.
fn keeps_an_entry(mut entries: ReadDir<'_>) -> usize {
    let entry = entries.next_entry().ok().flatten();
    let _ = entries.next_entry(); //~ E0499
    entry.map_or(0, |entry| entry.file_name().count_bytes())
}

fn keeps_a_line(mut reader: BufReader<'_>) -> usize {
    let line = reader.next_line().ok().flatten();
    reader.consume(1); //~ E0499
    line.map_or(0, <[u8]>::len)
}

fn changes_what_is_read_into(fd: BorrowedFd<'_>) {
    let mut buffer = [0; 8];
    let mut slices = [IoSliceMut::new(&mut buffer)];
    buffer[0] = 1; //~ E0506
    let _ = ring3::io::read_vectored(fd, &mut slices);
}

/// Another process could change or truncate the file.
fn maps_a_file(fd: BorrowedFd<'_>) {
    let _ = FileMapping::whole(fd); //~ E0133
}

fn maps_a_file_to_change_it(fd: BorrowedFd<'_>) {
    let _ = FileMappingMut::shared(fd, 0, 1); //~ E0133
}
