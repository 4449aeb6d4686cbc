//! An open association, whoever opened it: messages in, messages out. One that failed once is never used again.

use std::io::{Read, Write};
use std::marker::PhantomData;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::entries::IMPLICIT_VR_LITTLE_ENDIAN;
use dicom_ul::association::client::ClientAssociationOptions;
use dicom_ul::association::{CloseSocket, Error, SyncAssociation};
use dicom_ul::pdu::{PDataValue, PDataValueType, Pdu, PresentationContextResultReason};
use rustls::ClientConfig;

use super::command::{self, Message};
use crate::uplink::settings::{AeTitle, Limits};
use crate::uplink::throttle::Throttle;
use crate::uplink::trouble::Trouble;

/// The longest PDU that we send, whatever the other side would take.
const LONGEST_PDU: u32 = 64 << 10;
/// The longest message that is taken: what a worklist says of one patient, or a report on a thousand objects.
const LONGEST_MESSAGE: usize = 4 << 20;

/// What both kinds of association can do, with a TCP stream or with TLS.
trait Talk: Send {
    fn put(&mut self, pdu: &Pdu) -> Result<(), Error>;
    fn get(&mut self) -> Result<Pdu, Error>;
    fn socket(&self) -> &TcpStream;
    fn largest(&self) -> u32;
}

/// The stream below, for its time limits.
pub(in crate::uplink) trait Socket {
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Socket for rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    fn tcp(&self) -> &TcpStream {
        &self.sock
    }
}

impl Socket for rustls::StreamOwned<rustls::ServerConnection, TcpStream> {
    fn tcp(&self) -> &TcpStream {
        &self.sock
    }
}

/// An association on a stream of the kind `S`, and a handle to its socket.
struct Talking<A, S>(A, TcpStream, PhantomData<fn() -> S>);

impl<S: Read + Write + CloseSocket, A: SyncAssociation<S> + Send> Talk for Talking<A, S> {
    fn put(&mut self, pdu: &Pdu) -> Result<(), Error> {
        SyncAssociation::send(&mut self.0, pdu)
    }

    fn get(&mut self) -> Result<Pdu, Error> {
        SyncAssociation::receive(&mut self.0)
    }

    fn socket(&self) -> &TcpStream {
        &self.1
    }

    fn largest(&self) -> u32 {
        self.0.peer_max_pdu_length()
    }
}

/// Who is called, and how.
#[derive(Clone)]
pub(in crate::uplink) struct Peer {
    pub address: String,
    pub called_ae: AeTitle,
    pub calling_ae: AeTitle,
    pub tls: Option<(Arc<ClientConfig>, String)>,
    pub limits: Limits,
}

/// A context that the other side accepted.
#[derive(Clone, Debug)]
pub(in crate::uplink) struct Context {
    pub id: u8,
    pub class: String,
    pub transfer_syntax: String,
}

/// An open association.
pub(in crate::uplink) struct Channel {
    talk: Box<dyn Talk>,
    contexts: Vec<Context>,
    next_id: u16,
}

impl Channel {
    /// Opens an association for `classes`, each in both little-endian transfer syntaxes.
    pub fn open(peer: &Peer, classes: &[&'static str]) -> Result<Self, Trouble> {
        let limits = peer.limits;
        let mut options = ClientAssociationOptions::new()
            .calling_ae_title(peer.calling_ae.0.as_str())
            .called_ae_title(peer.called_ae.0.as_str())
            .connection_timeout(limits.connect())
            .read_timeout(limits.read())
            .write_timeout(limits.write());
        for class in classes {
            options = options.with_abstract_syntax(*class);
        }
        // A name with several addresses: each in turn.
        let addresses = peer.address.to_socket_addrs();
        let addresses: Vec<_> = addresses.map_err(|e| link(&peer.address, &e))?.collect();
        let channel = match &peer.tls {
            Some((config, name)) => {
                let options = options.tls_config(Arc::clone(config)).server_name(name);
                let open = shielded(&peer.address, || options.establish_tls(addresses.as_slice()));
                Self::of(open.map_err(Trouble::Link)?)
            }
            None => {
                let open = shielded(&peer.address, || options.establish(addresses.as_slice()));
                Self::of(open.map_err(Trouble::Link)?)
            }
        };
        channel.map_err(|e| link(&peer.address, &e))
    }

    /// Goes on with an association that is open, whoever opened it.
    pub fn of<S, A>(mut open: A) -> std::io::Result<Self>
    where
        S: Read + Write + CloseSocket + Socket + 'static,
        A: SyncAssociation<S> + Send + 'static,
    {
        let socket = open.inner_stream().tcp().try_clone()?;
        let _ = socket.set_nodelay(true);
        let contexts = contexts(open.presentation_contexts());
        Ok(Self {
            talk: Box::new(Talking(open, socket, PhantomData)),
            contexts,
            next_id: 0,
        })
    }

    /// The context that was accepted for a class.
    pub fn context(&self, class: &str) -> Option<Context> {
        self.contexts
            .iter()
            .find(|context| context.class == class)
            .cloned()
    }

    /// A message's number.
    pub fn next_id(&mut self) -> u16 {
        self.next_id = self.next_id.wrapping_add(1).max(1);
        self.next_id
    }

    /// Waits at most this long for what comes next.
    pub fn patience(&self, patience: Duration) {
        let _ = self.talk.socket().set_read_timeout(Some(patience));
    }

    /// Sends a command and its data set.
    pub fn send(
        &mut self,
        context: u8,
        command: &InMemDicomObject,
        data: Option<&[u8]>,
        throttle: &mut Throttle,
    ) -> Result<(), Trouble> {
        let mut bytes = Vec::new();
        command
            .write_dataset_with_ts(&mut bytes, &IMPLICIT_VR_LITTLE_ENDIAN.erased())
            .map_err(|e| Trouble::Refused(crate::one_line(&e)))?;
        self.fragments(context, PDataValueType::Command, &bytes, throttle)?;
        match data {
            Some(data) => self.fragments(context, PDataValueType::Data, data, throttle),
            None => Ok(()),
        }
    }

    fn fragments(
        &mut self,
        presentation_context_id: u8,
        value_type: PDataValueType,
        bytes: &[u8],
        throttle: &mut Throttle,
    ) -> Result<(), Trouble> {
        // 0 means that any length will do; 12 bytes are headers.
        let largest = match self.talk.largest() {
            0 => LONGEST_PDU,
            largest => largest.min(LONGEST_PDU),
        };
        let most = largest.saturating_sub(12).max(2) as usize & !1;
        let last = bytes.len().div_ceil(most).max(1) - 1;
        for (n, data) in bytes.chunks(most).enumerate() {
            throttle.pass(data.len());
            let value = PDataValue {
                presentation_context_id,
                value_type: value_type.clone(),
                is_last: n == last,
                data: data.to_vec(),
            };
            let sent = self.talk.put(&Pdu::PData { data: vec![value] });
            sent.map_err(|e| Trouble::Link(words("the transfer broke off", &e)))?;
        }
        Ok(())
    }

    /// The next message, or none if the other side is done.
    pub fn receive(&mut self) -> Result<Option<Message>, Trouble> {
        let (mut command, mut data): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
        let mut parsed: Option<(u8, InMemDicomObject)> = None;
        loop {
            let pdu = shielded("no answer", || self.talk.get()).map_err(Trouble::Link)?;
            let values = match pdu {
                Pdu::PData { data } => data,
                Pdu::ReleaseRQ => {
                    let _ = self.talk.put(&Pdu::ReleaseRP);
                    return Ok(None);
                }
                Pdu::AbortRQ { .. } => return Err(Trouble::Link("the other side broke off".into())),
                _ => return Err(Trouble::Link("an answer out of place".into())),
            };
            for value in values {
                let part = match value.value_type {
                    PDataValueType::Command => &mut command,
                    PDataValueType::Data => &mut data,
                };
                part.extend_from_slice(&value.data);
                if part.len() > LONGEST_MESSAGE {
                    return Err(Trouble::Link("an answer that is too long".into()));
                }
                if value.is_last && value.value_type == PDataValueType::Command {
                    let read = command::read(&command).map_err(Trouble::Link)?;
                    if !command::has_data(&read) {
                        return Ok(Some(Message {
                            context: value.presentation_context_id,
                            command: read,
                            data: None,
                        }));
                    }
                    parsed = Some((value.presentation_context_id, read));
                } else if value.is_last {
                    let Some((context, command)) = parsed.take() else {
                        return Err(Trouble::Link("data without a command".into()));
                    };
                    return Ok(Some(Message {
                        context,
                        command,
                        data: Some(data),
                    }));
                }
            }
        }
    }

    /// Ends the association in order.
    pub fn release(mut self) {
        self.patience(Duration::from_secs(1));
        if self.talk.put(&Pdu::ReleaseRQ).is_ok() {
            let _ = self.talk.get();
        }
        let _ = self.talk.socket().shutdown(std::net::Shutdown::Both);
    }

    /// The transfer syntax of a context.
    pub fn syntax_of(&self, context: u8) -> Option<&str> {
        let context = self.contexts.iter().find(|known| known.id == context);
        context.map(|context| context.transfer_syntax.as_str())
    }
}

fn contexts(negotiated: &[dicom_ul::pdu::PresentationContextNegotiated]) -> Vec<Context> {
    let accepted = negotiated
        .iter()
        .filter(|context| context.reason == PresentationContextResultReason::Acceptance);
    accepted
        .map(|context| Context {
            id: context.id,
            class: context.abstract_syntax.clone(),
            transfer_syntax: context.transfer_syntax.trim_end_matches(['\0', ' ']).to_owned(),
        })
        .collect()
}

fn link(address: &str, error: &std::io::Error) -> Trouble {
    Trouble::Link(format!("{address}: {error}"))
}

/// What the library reads, or words for why it cannot: where it would panic too, as it takes some lengths within a PDU on trust.
pub(super) fn shielded<T>(what: &str, read: impl FnOnce() -> Result<T, Error>) -> Result<T, String> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| words(what, &error)),
        Err(_) => Err(format!("{what}: an answer that is no DICOM")),
    }
}

/// An error of the network in words. What the other side sent is not among them.
fn words(what: &str, error: &Error) -> String {
    match error {
        Error::UnexpectedPdu { .. } | Error::UnknownPdu { .. } => format!("{what}: an answer out of place"),
        error => format!("{what}: {}", crate::one_line(error)),
    }
}
