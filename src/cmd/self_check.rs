//! The check of the store beside the running daemon, which has the store to itself: SIGUSR1 asks for it, as the timer
//! `sonograde-check` does, and it is made when no exam runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::pipeline::Live;
use crate::process;
use crate::store::{Findings, Store, StoreError};

/// How long after a look that found something the store is looked at again.
const AGAIN: Duration = Duration::from_secs(5);

/// Checks whenever SIGUSR1 comes. Called in the runtime; from then on the signal does not end the process.
pub(super) fn watch_for(store: Arc<Store>, live: watch::Receiver<Live>) -> std::io::Result<()> {
    let asked = signal(SignalKind::user_defined1())?;
    tokio::spawn(on_signal(asked, store, live));
    Ok(())
}

async fn on_signal(mut asked: Signal, store: Arc<Store>, mut live: watch::Receiver<Live>) {
    while asked.recv().await.is_some() {
        loop {
            // An error means that the pipeline has ended.
            let Ok(before) = live.wait_for(idle).await.map(|live| exam(&live)) else {
                return;
            };
            let looked = look(Arc::clone(&store)).await;
            if idle(&live.borrow()) && exam(&live.borrow()) == before {
                say(looked);
                break;
            }
            tracing::info!("the store is checked again after this exam");
        }
    }
}

fn idle(live: &Live) -> bool {
    live.exam.as_ref().is_none_or(|exam| exam.ended)
}

/// The last exam.
fn exam(live: &Live) -> Option<String> {
    live.exam.as_ref().map(|exam| exam.id.clone())
}

/// On a thread of its own, behind everything else. What only one of two looks finds was being written or removed.
async fn look(store: Arc<Store>) -> Option<Result<Findings, StoreError>> {
    let (send, looked) = tokio::sync::oneshot::channel();
    let both = move || {
        process::step_back();
        let first = store.check(false);
        let both = first.and_then(|first| {
            if first.found.is_empty() {
                return Ok(first);
            }
            std::thread::sleep(AGAIN);
            let mut second = store.check(false)?;
            second.found.retain(|finding| first.found.contains(finding));
            Ok(second)
        });
        // Nobody waits where the daemon ends.
        let _ = send.send(both);
    };
    let thread = std::thread::Builder::new().name("check".into()).spawn(both);
    thread.ok()?;
    looked.await.ok()
}

fn say(looked: Option<Result<Findings, StoreError>>) {
    match looked {
        Some(Ok(all)) if all.found.is_empty() => {
            tracing::info!(
                "the store is whole: {} exams, {} frames, {} files",
                all.exams,
                all.frames,
                all.files
            );
        }
        Some(Ok(all)) => {
            for finding in &all.found {
                tracing::error!("the store is damaged: {}", finding.what);
            }
            tracing::error!("stop the daemon and run `sonograde check --repair` with [store] path");
        }
        Some(Err(error)) => tracing::error!("the store cannot be checked: {}", crate::one_line(&error)),
        None => tracing::error!("the store cannot be checked: the system starts no thread"),
    }
}
