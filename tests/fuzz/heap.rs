//! The heap against the model of one, over inputs that libFuzzer makes up. A fault is a panic, and the
//! input that led there a file: `make fuzz`.

#![no_main]

use std::cell::RefCell;

use heap_model::{Exchange, Model};
use libfuzzer_sys::fuzz_target;
use ring3::heap::Heap;

thread_local! {
    /// Of one input after the other: each gives back all that it was given.
    static MODEL: RefCell<Model> = const { RefCell::new(Model::new(0)) };
}

static EXCHANGE: Exchange = Exchange::new();

fuzz_target!(|input: &[u8]| {
    MODEL.with_borrow_mut(|model| {
        model.run(&Heap::new(), &EXCHANGE, input).unwrap();
        model.finish(&Heap::new(), &EXCHANGE).unwrap();
    });
});
