//! Points at which a debug build ends at once, where `KAP_CRASH` says so: what a crash there leaves behind can be tried. A
//! release build has none of it.
//!
//! `KAP_CRASH="after number events:3"` ends the process once the third transaction of that name is durable; `before` ends it
//! when the transaction is about to be made.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where the process ends.
struct Wanted {
    place: String,
    /// How often that place is reached before, and then once more.
    left: AtomicUsize,
}

static WANTED: LazyLock<Option<Wanted>> = LazyLock::new(wanted);

#[expect(
    clippy::disallowed_methods,
    reason = "a test says it to the program that it starts; it is no setting of an operator's"
)]
fn wanted() -> Option<Wanted> {
    let text = std::env::var("KAP_CRASH").ok()?;
    let (place, count) = text.rsplit_once(':')?;
    let left = AtomicUsize::new(count.parse().ok()?);
    let place = place.to_owned();
    Some(Wanted { place, left })
}

/// A place that is reached: `when` is `before` or `after` the transaction called `name`.
pub(super) fn point(when: &str, name: &str) {
    let Some(wanted) = &*WANTED else { return };
    let here = wanted.place.split_once(' ');
    if here == Some((when, name)) && wanted.left.fetch_sub(1, Ordering::SeqCst) == 1 {
        std::process::abort();
    }
}
