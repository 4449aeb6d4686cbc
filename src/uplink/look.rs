//! A look at the servers of the config, without an exam at hand: does each answer, and would it do what it is there for?
//! They are asked, nothing is sent; what they answer may name patients, and is not kept.
//!
//! Owning thread: whoever calls, and one for each server while it is asked.

use std::thread::{ScopedJoinHandle, scope};

use dicom_dictionary_std::uids;

use super::settings::{Destination, Dicom, Limits, Worklist};
use super::trouble::Trouble;
use super::{dimse, line, peer};

/// No server may take longer than this for a part of its answer, in milliseconds: somebody waits.
const PATIENCE_MS: u64 = 5_000;

/// A server of the config.
#[derive(Debug)]
pub struct Server {
    /// What the config calls it.
    pub name: String,
    /// What speaks there.
    pub kind: &'static str,
    /// Where it is.
    pub address: String,
    /// It answers, and this is what it would not do; or why it cannot be used.
    pub lacks: Result<Vec<&'static str>, String>,
}

/// Asks every server, all at once: it takes as long as the slowest.
pub fn servers(dicom: &Dicom, destinations: &[Destination]) -> Vec<Server> {
    scope(|scope| {
        let worklist = dicom.worklist.as_ref().map(|list| {
            let asked = scope.spawn(|| worklist(dicom, list));
            ("worklist".to_owned(), "worklist", list.address.clone(), asked)
        });
        let destinations = destinations.iter().map(|one| {
            let asked = scope.spawn(|| destination(dicom, one));
            (one.name.clone(), one.kind.name(), one.kind.address(), asked)
        });
        let all: Vec<_> = worklist.into_iter().chain(destinations).collect();
        let heard = |(name, kind, address, asked): (_, _, _, ScopedJoinHandle<'_, _>)| Server {
            name,
            kind,
            address,
            lacks: asked.join().unwrap_or_else(|_| Err("asking it failed".into())),
        };
        all.into_iter().map(heard).collect()
    })
}

fn destination(dicom: &Dicom, destination: &Destination) -> Result<Vec<&'static str>, String> {
    let destination = Destination {
        limits: hurried(destination.limits),
        ..destination.clone()
    };
    let line = line(dicom, &destination).map_err(|error| crate::one_line(&error))?;
    line.look().map_err(words)
}

fn worklist(dicom: &Dicom, list: &Worklist) -> Result<Vec<&'static str>, String> {
    let limits = hurried(list.limits);
    let peer = peer(dicom, &list.address, &list.called_ae, list.tls.as_ref(), limits)
        .map_err(|error| crate::one_line(&error))?;
    let class = uids::MODALITY_WORKLIST_INFORMATION_MODEL_FIND;
    dimse::echo(&peer, &[("a worklist", class)]).map_err(words)
}

fn hurried(limits: Limits) -> Limits {
    Limits {
        connect_ms: limits.connect_ms.min(PATIENCE_MS),
        read_ms: limits.read_ms.min(PATIENCE_MS),
        write_ms: limits.write_ms.min(PATIENCE_MS),
    }
}

fn words(trouble: Trouble) -> String {
    match trouble {
        Trouble::Link(words) | Trouble::Later(words) | Trouble::Refused(words) => words,
    }
}
