//! Where archives report storage commitment: associations that others open to us (N-EVENT-REPORT, and C-ECHO).
//!
//! Owning thread: `uplink-listen`, and one for each association, of which there are few and which have time limits. What a
//! report says is only passed on: whoever asked knows its transaction.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dicom_dictionary_std::uids;
use dicom_ul::association::server::{AcceptAny, Negotiation, ServerAssociationOptions};
use dicom_ul::pdu::RequestorRoles;
use rustls::ServerConfig;

use super::channel::{Channel, shielded};
use super::command::{self, C_ECHO, N_EVENT_REPORT};
use super::{Report, take_report};
use crate::uplink::settings::AeTitle;
use crate::uplink::throttle::Throttle;

/// How long a caller may say nothing.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an association may last.
const LONGEST: Duration = Duration::from_secs(120);
/// Associations at once: more callers are hung up on.
const MOST: usize = 8;
/// How often it is looked for an end.
const LOOK: Duration = Duration::from_millis(200);

/// In a report the archive, which calls, is the SCP (PS3.4, J.3.3).
struct Roles;

impl Negotiation for Roles {
    fn negotiate_roles(&self, _class: &str, scu_role: bool, scp_role: bool) -> Option<RequestorRoles> {
        Some(RequestorRoles {
            scu: scu_role,
            scp: scp_role,
        })
    }
}

/// Who listens.
pub(in crate::uplink) struct Listener {
    pub ae_title: AeTitle,
    pub tls: Option<Arc<ServerConfig>>,
    pub stop: Arc<AtomicBool>,
}

/// Takes reports until `stop` is set. Associations that are open then end by themselves.
pub(in crate::uplink) fn run(
    socket: &TcpListener,
    listener: Listener,
    report: impl Fn(Report) + Send + Sync + 'static,
) {
    let shared = Arc::new((listener, report, AtomicUsize::new(0)));
    while !shared.0.stop.load(Ordering::Relaxed) {
        let Ok((stream, _)) = socket.accept() else {
            std::thread::sleep(LOOK);
            continue;
        };
        if shared.2.load(Ordering::Relaxed) >= MOST {
            continue;
        }
        let ours = Arc::clone(&shared);
        ours.2.fetch_add(1, Ordering::Relaxed);
        let thread = std::thread::Builder::new().name("uplink-report".into());
        let started = thread.spawn(move || {
            if let Err(words) = serve(stream, &ours.0, &ours.1) {
                tracing::debug!("a call for the commitment listener failed: {words}");
            }
            ours.2.fetch_sub(1, Ordering::Relaxed);
        });
        if let Err(error) = started {
            shared.2.fetch_sub(1, Ordering::Relaxed);
            tracing::error!("no thread for a report on a commitment: {error}");
        }
    }
}

fn serve(stream: TcpStream, listener: &Listener, report: &impl Fn(Report)) -> Result<(), String> {
    let Listener { ae_title, tls, stop } = listener;
    let io = |e: std::io::Error| e.to_string();
    stream.set_nonblocking(false).map_err(io)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(io)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(io)?;
    let options: ServerAssociationOptions<AcceptAny, Roles> = ServerAssociationOptions::new()
        .accept_any()
        .ae_title(ae_title.0.clone())
        .read_timeout(PATIENCE)
        .write_timeout(PATIENCE)
        .with_abstract_syntax(uids::STORAGE_COMMITMENT_PUSH_MODEL)
        .with_abstract_syntax(uids::VERIFICATION)
        .with_negotiation(Roles);
    let mut channel = match tls {
        Some(config) => {
            let options = options.tls_config(Arc::clone(config));
            Channel::of(shielded("a call", || options.establish_tls(stream))?)
        }
        None => Channel::of(shielded("a call", || options.establish(stream))?),
    }
    .map_err(io)?;
    let end = Instant::now() + LONGEST;
    while Instant::now() < end && !stop.load(Ordering::Relaxed) {
        let Some(message) = channel.receive().map_err(|e| format!("{e:?}"))? else {
            return Ok(());
        };
        match message.kind() {
            N_EVENT_REPORT => {
                if let Some(found) = take_report(&mut channel, &message) {
                    report(found);
                }
            }
            kind => {
                // Who asks whether somebody is here gets an answer; anything else is no business of ours.
                let status = if kind == C_ECHO { 0 } else { 0x0211 };
                let answer = command::answer(&message, status);
                channel
                    .send(message.context, &answer, None, &mut Throttle::new(None))
                    .map_err(|e| format!("{e:?}"))?;
            }
        }
    }
    Ok(())
}
