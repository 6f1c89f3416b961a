//! Distributes work over several threads.

use ring3::sync::Mutex;
use ring3::thread;

/// The greatest number of threads.
pub const MOST: usize = 8;

/// The number of bytes of text for which one more thread is started.
const SHARE: usize = 1 << 20;

/// Returns how many threads to use for a text of this many bytes: at most one for each CPU, and at most [`MOST`].
pub fn threads(bytes: usize) -> usize {
    match bytes / SHARE {
        0..=1 => 1,
        shares => shares.min(MOST).min(thread::available_parallelism()),
    }
}

/// Calls `work` for all items, in `threads` threads, or in fewer if no more can be started. A thread that has finished
/// an item takes the next one.
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
