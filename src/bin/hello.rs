#![no_std]
#![no_main]
fn main(a: ring3::rt::Args) -> i32 {
    a.len() as i32
}
ring3::bare_program!(main);
