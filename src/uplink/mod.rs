//! Delivers finished exams to the hospital's servers: whenever there is a network, each object once, until it is kept.
//!
//! The outbox in the store is the truth; it is written with the end of an exam, in one transaction. One thread for each
//! destination (`worker`) reads it, makes each object anew from the store (`parcel`; the same bytes each time), sends it
//! (`line`: `dimse`, `dicomweb` or `bucket`), and asks whether it is kept. Only then is a delivery `committed`, and only then may
//! retention remove the exam. A process that is killed anywhere sends again at worst: the same object under the same
//! SOP Instance UID, of which an archive keeps one.
//!
//! Threads: `uplink-NAME` for each destination, `uplink-listen` and `uplink-report` where storage commitment is reported, `worklist`. They wait for the
//! network; nothing waits for them. Deliberately not here: what the objects hold (`dicom`), and every write (`store`).

mod agenda;
mod asked;
mod backoff;
mod bucket;
mod dicomweb;
mod dimse;
mod handle;
mod http;
mod kind;
mod line;
pub mod look;
mod parcel;
pub mod settings;
mod sheet;
mod state;
mod throttle;
mod tls;
mod trouble;
mod worker;
pub mod worklist;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rustls::ServerConfig;

pub use handle::Handle;
pub(crate) use parcel::picture;
pub use state::{Condition, Selection};
pub use trouble::UplinkError;

use crate::store::{Address, Queue, Store};
use agenda::Agenda;
use backoff::Backoff;
use bucket::Bucket;
use dicomweb::Service;
use dimse::Peer;
use dimse::listener::Listener;
use line::Line;
use settings::{AeTitle, Destination, Dicom, Kind, Limits, Tls, Verify};
use state::Shared;
use throttle::Throttle;
use worker::{Note, Worker};
use worklist::{Asker, Worklist};

/// How long threads may take to end; one that waits for the network longer is left to itself.
const GRACE: Duration = Duration::from_secs(2);

/// Everything that the uplink cannot start without: certificates were read, the listener has its address.
#[derive(Default)]
pub struct Plan {
    lines: Vec<(Destination, Line)>,
    listener: Option<Listening>,
    worklist: Option<Asker>,
}

struct Listening {
    socket: TcpListener,
    ae_title: AeTitle,
    tls: Option<Arc<ServerConfig>>,
}

impl Plan {
    /// Prepares the lines to `destinations`.
    ///
    /// # Errors
    /// [`UplinkError`], in words for whoever wrote the config.
    pub fn new(dicom: &Dicom, destinations: Vec<Destination>) -> Result<Self, UplinkError> {
        let mut plan = Self::default();
        for destination in destinations {
            if plan.lines.iter().any(|(other, _)| other.name == destination.name) {
                return Err(UplinkError::Twice(destination.name));
            }
            let line = line(dicom, &destination)?;
            plan.lines.push((destination, line));
        }
        if let Some(list) = &dicom.worklist {
            let tls = list.tls.as_ref();
            plan.worklist = Some(Asker {
                peer: peer(dicom, &list.address, &list.called_ae, tls, list.limits)?,
                modality: list.modality.clone(),
                station_ae: list.station_ae.as_ref().map(|title| title.0.clone()),
                every: Duration::from_secs(list.every_s.max(1).into()),
            });
        }
        if let Some(address) = &dicom.listen {
            let words = |source| UplinkError::Listen {
                address: address.clone(),
                source,
            };
            let socket = TcpListener::bind(address).map_err(words)?;
            socket.set_nonblocking(true).map_err(words)?;
            plan.listener = Some(Listening {
                socket,
                ae_title: dicom.ae_title.clone(),
                tls: dicom.tls.as_ref().map(tls::server).transpose()?,
            });
        }
        Ok(plan)
    }

    /// What is delivered of every exam that ends.
    pub fn addresses(&self) -> Vec<Address> {
        let all = self.lines.iter().flat_map(|(destination, line)| {
            line.objects().into_iter().map(|object| Address {
                object: object.into(),
                destination: destination.name.clone(),
            })
        });
        all.collect()
    }

    /// Starts the threads.
    pub fn start(self, store: &Arc<Store>, queue: &Queue) -> Uplink {
        let addresses = self.addresses();
        let stop = Arc::new(AtomicBool::new(false));
        let mut uplink = Uplink {
            handle: Handle::default(),
            worklist: Worklist::default(),
            stop: Arc::clone(&stop),
            threads: Vec::new(),
        };
        let mut all = Vec::new();
        for (seed, (destination, line)) in self.lines.into_iter().enumerate() {
            let shared = Arc::new(Shared::new(Condition {
                name: destination.name.clone(),
                kind: destination.kind.name(),
                address: destination.kind.address(),
                paused: destination.paused,
                ..Condition::default()
            }));
            let (notes, inbox): (Sender<Note>, Receiver<Note>) = channel();
            all.push((notes, Arc::clone(&shared)));
            let name = format!("uplink-{}", destination.name);
            let seed = u64::from(std::process::id()) << 8 | seed as u64;
            let worker = Worker {
                destination,
                line,
                store: Arc::downgrade(store),
                queue: queue.clone(),
                shared,
                agenda: Agenda::default(),
                backoff: Backoff::new(seed),
                rests_until: None,
                verifies_at: Instant::now(),
                scanned: None,
                ahead: None,
            };
            uplink.spawn(name, move || worker.run(&inbox));
        }
        uplink.handle = Handle::new(all, addresses, queue.clone());
        if let Some(asker) = self.worklist {
            let (worklist, work) = asker.prepare(store);
            uplink.worklist = worklist;
            // Not among those that are waited for: it ends by itself, and writes nothing that would be missed.
            drop(Builder::new().name("worklist".into()).spawn(work));
        }
        if let Some(Listening {
            socket,
            ae_title,
            tls,
        }) = self.listener
        {
            let handle = uplink.handle.clone();
            let listener = Listener { ae_title, tls, stop };
            uplink.spawn("uplink-listen".into(), move || {
                dimse::listener::run(&socket, listener, move |report| {
                    let report = Arc::new(report);
                    handle.tell(&Selection::default(), || Note::Report(Arc::clone(&report)));
                });
            });
        }
        uplink
    }
}

fn line(dicom: &Dicom, destination: &Destination) -> Result<Line, UplinkError> {
    let throttle = Throttle::new(destination.max_kbit_s);
    let (tls, limits) = (destination.tls.as_ref(), destination.limits);
    let cart = dicom.ae_title.0.as_str();
    match &destination.kind {
        Kind::Dimse { verify, .. } if *verify == Verify::Commitment && dicom.listen.is_none() => {
            Err(UplinkError::NoListener(destination.name.clone()))
        }
        Kind::Dimse {
            address,
            called_ae,
            verify,
        } => {
            let peer = peer(dicom, address, called_ae, tls, limits)?;
            Ok(Line::dimse(peer, *verify, throttle))
        }
        Kind::DicomWeb { url } => Ok(Line::web(Service::new(url, tls, limits)?, throttle)),
        Kind::Folder(folder) => Ok(Line::bucket(Bucket::folder(folder.clone(), cart), throttle)),
        Kind::S3(s3) => Ok(Line::bucket(Bucket::s3(s3, tls, limits, cart)?, throttle)),
    }
}

fn peer(
    dicom: &Dicom,
    address: &str,
    called_ae: &AeTitle,
    tls: Option<&Tls>,
    limits: Limits,
) -> Result<Peer, UplinkError> {
    Ok(Peer {
        address: address.to_owned(),
        called_ae: called_ae.clone(),
        calling_ae: dicom.ae_title.clone(),
        tls: tls.map(|tls| secured(tls, address)).transpose()?,
        limits,
    })
}

/// TLS to a host and port.
fn secured(tls: &Tls, address: &str) -> Result<(Arc<rustls::ClientConfig>, String), UplinkError> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let name = tls
        .server_name
        .as_deref()
        .unwrap_or(host.trim_matches(['[', ']']));
    Ok((tls::client(tls)?, name.to_owned()))
}

/// The running threads.
pub struct Uplink {
    handle: Handle,
    worklist: Worklist,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Uplink {
    fn spawn(&mut self, name: String, work: impl FnOnce() + Send + 'static) {
        let thread = Builder::new().name(name).spawn(work);
        self.threads.push(thread.expect("the system starts a thread"));
    }

    /// The way to ask and to tell.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The way to the worklist.
    pub fn worklist(&self) -> Worklist {
        self.worklist.clone()
    }

    /// Ends the threads: what they have written down by then is stored. One that waits for the network is left behind and
    /// does nothing any more.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.handle.stop();
        let end = Instant::now() + GRACE;
        while Instant::now() < end && !self.threads.iter().all(JoinHandle::is_finished) {
            std::thread::sleep(GRACE / 100);
        }
    }
}
