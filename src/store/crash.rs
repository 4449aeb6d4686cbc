//! Named points at which a test kills the process. In a release build there are none.

/// Where a test kills the process: `SONOGRADE_DIE_AT=<point>:<n>` at its n-th pass, from 1, as kill -9 does.
#[cfg(debug_assertions)]
pub(super) fn point(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static CHOSEN: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSES: AtomicU64 = AtomicU64::new(0);
    let chosen = CHOSEN.get_or_init(|| {
        let text = std::env::var("SONOGRADE_DIE_AT").ok()?;
        let (name, pass) = text.split_once(':')?;
        Some((name.to_owned(), pass.parse().ok()?))
    });
    if let Some((chosen, pass)) = chosen
        && chosen == name
        && PASSES.fetch_add(1, Ordering::Relaxed) + 1 == *pass
    {
        let me = std::process::id().to_string();
        let _ = std::process::Command::new("kill").args(["-9", &me]).status();
        std::thread::park(); // this thread gets no further
    }
}

#[cfg(not(debug_assertions))]
#[inline]
pub(super) fn point(_: &str) {}
