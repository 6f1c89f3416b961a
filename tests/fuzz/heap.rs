//! Fuzz target (`make fuzz`): checks ring3's heap against a model of a heap, with inputs from libFuzzer. A fault ends
//! the program by a panic, and libFuzzer stores the input in a file.

#![no_main]

use std::cell::RefCell;

use heap_model::{Exchange, Model};
use libfuzzer_sys::fuzz_target;
use ring3::heap::Heap;

thread_local! {
    /// Used for all inputs: `finish` returns all blocks to the heap at the end of each input.
    static MODEL: RefCell<Model> = const { RefCell::new(Model::new(0)) };
}

static EXCHANGE: Exchange = Exchange::new();

fuzz_target!(|input: &[u8]| {
    MODEL.with_borrow_mut(|model| {
        model.run(&Heap::new(), &EXCHANGE, input).unwrap();
        model.finish(&Heap::new(), &EXCHANGE).unwrap();
    });
});
