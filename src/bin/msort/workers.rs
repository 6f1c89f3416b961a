//! Work for several threads.

use ring3::sync::Mutex;
use ring3::thread;

/// The most threads that there are.
pub const MOST: usize = 8;

/// What it takes to be worth a thread, in bytes of text.
const SHARE: usize = 1 << 20;

/// How many threads are to sort so many bytes: no more than run at the same time.
pub fn threads(bytes: usize) -> usize {
    match bytes / SHARE {
        0..=1 => 1,
        shares => shares.min(MOST).min(thread::available_parallelism()),
    }
}

/// Does what there is to do with all the items, in `threads` threads or in as many as can be had: one
/// that is done with an item takes the next.
pub fn share<T>(threads: usize, items: impl Iterator<Item = T> + Send, work: impl Fn(T) + Sync) {
    let items = Mutex::new(items);
    let next = || items.lock().next();
    let take = || {
        while let Some(item) = next() {
            work(item);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            if scope.spawn(take).is_err() {
                break;
            }
        }
        take();
    });
}
