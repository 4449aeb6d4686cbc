//! Where archives report storage commitment: associations that others open to us (N-EVENT-REPORT, and C-ECHO).
//!
//! Owning thread: `uplink-listen`, one association at a time, each with time limits. What a report says is only passed on:
//! whoever asked knows its transaction.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dicom_dictionary_std::uids;
use dicom_ul::association::server::{AcceptAny, Negotiation, ServerAssociationOptions};
use dicom_ul::pdu::RequestorRoles;
use rustls::ServerConfig;

use super::channel::Channel;
use super::command::{self, C_ECHO, N_EVENT_REPORT};
use super::{Report, take_report};
use crate::uplink::settings::AeTitle;
use crate::uplink::throttle::Throttle;

/// How long a caller may say nothing.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an association may last.
const LONGEST: Duration = Duration::from_secs(120);
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

/// Takes reports until `stop` is set.
pub(in crate::uplink) fn run(
    listener: &TcpListener,
    ae_title: &AeTitle,
    tls: Option<&Arc<ServerConfig>>,
    stop: &AtomicBool,
    report: impl Fn(Report),
) {
    while !stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => {
                if let Err(words) = serve(stream, ae_title, tls, stop, &report) {
                    tracing::debug!("a call for the commitment listener failed: {words}");
                }
            }
            Err(_) => std::thread::sleep(LOOK),
        }
    }
}

fn serve(
    stream: TcpStream,
    ae_title: &AeTitle,
    tls: Option<&Arc<ServerConfig>>,
    stop: &AtomicBool,
    report: &impl Fn(Report),
) -> Result<(), String> {
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
    let refused = |e: dicom_ul::association::Error| crate::one_line(&e);
    let mut channel = match tls {
        Some(config) => {
            let options = options.tls_config(Arc::clone(config));
            Channel::accepted(options.establish_tls(stream).map_err(refused)?)
        }
        None => Channel::accepted(options.establish(stream).map_err(refused)?),
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
