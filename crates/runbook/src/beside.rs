//! Two things at once, where there are threads.

use std::sync::Mutex;

/// Of shorter documents one thread is done as soon as two, which both need the same patterns first; and
/// several documents have a thread each already.
const WORTH_A_THREAD_BYTES: usize = 32 * 1024;

/// As much as the first thread of a process has: what can be read there can be read here.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// Tells whether a document of so many bytes is worth another thread, and whether there are any: a
/// browser has none.
pub(crate) fn is_worth(bytes: usize) -> bool {
    !cfg!(target_family = "wasm") && bytes >= WORTH_A_THREAD_BYTES
}

/// Does two things at once where that [`is_worth`] it for a document of so many bytes, and one
/// after the other where it is not.
pub(crate) fn beside<A: Send, B>(
    bytes: usize,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B,
) -> (A, B) {
    if !is_worth(bytes) {
        return (one(), other());
    }
    let one = Mutex::new(Some(one));
    // Taken by whoever comes first; nobody holds the lock while the work is done.
    let take = || one.lock().ok().and_then(|mut one| one.take()).map(|one| one());
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, take);
        let other = other();
        let done = thread.ok().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        // Without a further thread this one does all the work.
        let done = done.flatten().or_else(take).expect("one of the two has taken it");
        (done, other)
    })
}
