//! DIMSE: C-STORE, storage commitment, C-FIND, on dicom-ul's blocking associations.
//!
//! Owning thread: whoever calls; each call may wait as long as the peer's limits say.

mod channel;
mod command;
pub(super) mod listener;
mod sound;

use std::time::Duration;

use dicom_core::value::{DataSetSequence, PrimitiveValue};
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::entries::{EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN};

pub(super) use channel::{Channel, Peer};
use command::{ANSWER, C_ECHO, C_FIND, C_STORE, Command, Message, N_ACTION, N_EVENT_REPORT};

use super::parcel::{Archive, Parcel, Target};
use super::throttle::Throttle;
use super::trouble::Trouble;

/// The well-known instance that is asked to keep objects (PS3.4, J.3.5).
const COMMITMENT_INSTANCE: &str = "1.2.840.10008.1.20.1.1";

/// What an archive says it keeps, and does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub transaction: String,
    /// SOP Instance UIDs that are kept.
    pub kept: Vec<String>,
    /// SOP Instance UIDs that are not, with the reason (PS3.3, C.14).
    pub failed: Vec<(String, u16)>,
}

/// Asks whether somebody is there (C-ECHO), on an association that is for services too; gives the names of those that the other side
/// does not offer.
pub(super) fn echo(
    peer: &Peer,
    services: &[(&'static str, &'static str)],
) -> Result<Vec<&'static str>, Trouble> {
    let classes = services.iter().map(|(_, class)| *class);
    let classes: Vec<_> = std::iter::once(uids::VERIFICATION).chain(classes).collect();
    let mut channel = Channel::open(peer, &classes)?;
    let Some(context) = channel.context(uids::VERIFICATION) else {
        channel.release();
        return Err(Trouble::Later("it takes no C-ECHO".into()));
    };
    let id = channel.next_id();
    let command = Command::new(C_ECHO, false).request(id, tags::AFFECTED_SOP_CLASS_UID, uids::VERIFICATION);
    channel.send(context.id, &command.build(), None, &mut Throttle::new(None))?;
    let status = expect(&mut channel, C_ECHO | ANSWER, id)?.status();
    let missing = services
        .iter()
        .filter(|(_, class)| channel.context(class).is_none());
    let missing = missing.map(|(name, _)| *name).collect();
    channel.release();
    match status {
        0 => Ok(missing),
        status => Err(Trouble::Later(format!("C-ECHO failed (status {status:04X})"))),
    }
}

/// Opens an association on which objects of ours can be sent.
pub(super) fn open_for_storage(peer: &Peer) -> Result<Channel, Trouble> {
    Channel::open(peer, &crate::dicom::OBJECTS.map(|(_, class)| class))
}

/// Sends one object.
pub(super) fn store(channel: &mut Channel, parcel: &Parcel, throttle: &mut Throttle) -> Result<(), Trouble> {
    let class = parcel.target.archive()?.class;
    let Some(context) = channel.context(class) else {
        return Err(Trouble::Refused(
            "the archive takes no objects of this SOP class".into(),
        ));
    };
    let data = if context.transfer_syntax == uids::EXPLICIT_VR_LITTLE_ENDIAN {
        std::borrow::Cow::Borrowed(&parcel.data)
    } else {
        std::borrow::Cow::Owned(encode(parcel.file()?, &context.transfer_syntax)?)
    };
    let id = channel.next_id();
    let command = Command::new(C_STORE, true)
        .request(id, tags::AFFECTED_SOP_CLASS_UID, class)
        .with(tags::PRIORITY, VR::US, 0u16)
        .with(
            tags::AFFECTED_SOP_INSTANCE_UID,
            VR::UI,
            parcel.target.instance.as_str(),
        );
    channel.send(context.id, &command.build(), Some(&data), throttle)?;
    let answer = expect(channel, C_STORE | ANSWER, id)?;
    stored(answer.status())
}

/// What the status of a C-STORE means (PS3.4, B.2.3; PS3.7, C).
fn stored(status: u16) -> Result<(), Trouble> {
    let words = |words: &str| format!("{words} (status {status:04X})");
    match status {
        0x0000 | 0xb000 | 0xb006 | 0xb007 => Ok(()),
        // It has one of this name: verifying shows whether it is ours.
        0x0111 => Ok(()),
        0xa700..=0xa7ff => Err(Trouble::Later(words("the archive is out of resources"))),
        0x0122 => Err(Trouble::Refused(words(
            "the archive does not support the SOP class",
        ))),
        0xa800..=0xa8ff => Err(Trouble::Refused(words(
            "the archive does not support the SOP class",
        ))),
        0xa900..=0xa9ff => Err(Trouble::Refused(words(
            "the archive says that the object is not of its class",
        ))),
        0xc000..=0xcfff => Err(Trouble::Refused(words(
            "the archive cannot understand the object",
        ))),
        0x0105..=0x0107 | 0x0115 | 0x0117 | 0x0119..=0x0121 => {
            Err(Trouble::Refused(words("the archive finds the object invalid")))
        }
        _ => Err(Trouble::Later(words("the archive failed at it"))),
    }
}

/// Asks an archive to commit itself to objects (class and instance of each). The report may come on the same association, which
/// is kept open for it as long as `patience` says, or later to the listener.
pub(super) fn ask_to_commit(
    peer: &Peer,
    transaction: &str,
    objects: &[(&str, String)],
    patience: Duration,
) -> Result<Option<Report>, Trouble> {
    let mut channel = Channel::open(peer, &[uids::STORAGE_COMMITMENT_PUSH_MODEL])?;
    let Some(context) = channel.context(uids::STORAGE_COMMITMENT_PUSH_MODEL) else {
        channel.release();
        return Err(Trouble::Later(
            "the archive has no storage commitment; verify = \"query\" asks it otherwise".into(),
        ));
    };
    let reference = |(class, instance): &(&str, String)| {
        InMemDicomObject::from_element_iter([
            element(tags::REFERENCED_SOP_CLASS_UID, VR::UI, class),
            element(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, instance.as_str()),
        ])
    };
    let items: Vec<_> = objects.iter().map(reference).collect();
    let data = InMemDicomObject::from_element_iter([
        element(tags::TRANSACTION_UID, VR::UI, transaction),
        DataElement::new(
            tags::REFERENCED_SOP_SEQUENCE,
            VR::SQ,
            DataSetSequence::from(items),
        ),
    ]);
    let data = encode(&data, &context.transfer_syntax)?;
    let id = channel.next_id();
    let command = Command::new(N_ACTION, true)
        .request(
            id,
            tags::REQUESTED_SOP_CLASS_UID,
            uids::STORAGE_COMMITMENT_PUSH_MODEL,
        )
        .with(tags::REQUESTED_SOP_INSTANCE_UID, VR::UI, COMMITMENT_INSTANCE)
        .with(tags::ACTION_TYPE_ID, VR::US, 1u16);
    channel.send(
        context.id,
        &command.build(),
        Some(&data),
        &mut Throttle::new(None),
    )?;
    let answer = expect(&mut channel, N_ACTION | ANSWER, id)?;
    if answer.status() != 0 {
        let words = format!("storage commitment was refused (status {:04X})", answer.status());
        channel.release();
        return Err(Trouble::Later(words));
    }
    channel.patience(patience);
    let message = channel.receive();
    let report = match &message {
        Ok(Some(message)) => take_report(&mut channel, message),
        // It comes to the listener.
        Ok(None) | Err(_) => None,
    };
    if !matches!(message, Ok(None)) {
        channel.release();
    }
    Ok(report)
}

/// Reads a report on a commitment and acknowledges it; none if the message is something else.
fn take_report(channel: &mut Channel, message: &Message) -> Option<Report> {
    let report = (message.kind() == N_EVENT_REPORT)
        .then(|| channel.syntax_of(message.context))
        .flatten()
        .and_then(|syntax| report(message.data.as_deref()?, syntax));
    let status = if report.is_some() { 0 } else { 0x0110 };
    let answer = command::answer(message, status);
    let _ = channel.send(message.context, &answer, None, &mut Throttle::new(None));
    report
}

fn report(data: &[u8], syntax: &str) -> Option<Report> {
    let set = decode(data, syntax)?;
    let mut report = Report {
        transaction: text(&set, tags::TRANSACTION_UID)?,
        ..Report::default()
    };
    for item in items(&set, tags::REFERENCED_SOP_SEQUENCE) {
        report.kept.extend(text(item, tags::REFERENCED_SOP_INSTANCE_UID));
    }
    for item in items(&set, tags::FAILED_SOP_SEQUENCE) {
        let reason = item.element(tags::FAILURE_REASON).ok();
        let reason = reason
            .and_then(|reason| reason.to_int::<u16>().ok())
            .unwrap_or(0x0110);
        let instance = text(item, tags::REFERENCED_SOP_INSTANCE_UID);
        report.failed.extend(instance.map(|instance| (instance, reason)));
    }
    Some(report)
}

/// The way to ask what an archive has.
pub(super) const FIND: &str = uids::STUDY_ROOT_QUERY_RETRIEVE_INFORMATION_MODEL_FIND;

/// Opens an association on which an archive can be asked what it has.
pub(super) fn open_for_query(peer: &Peer) -> Result<Channel, Trouble> {
    Channel::open(peer, &[FIND])
}

/// Whether an archive finds an object when asked (C-FIND, study root).
pub(super) fn has(channel: &mut Channel, target: &Target) -> Result<bool, Trouble> {
    let Archive { study, series, .. } = target.archive()?;
    let query = InMemDicomObject::from_element_iter([
        element(tags::QUERY_RETRIEVE_LEVEL, VR::CS, "IMAGE"),
        element(tags::STUDY_INSTANCE_UID, VR::UI, study.as_str()),
        element(tags::SERIES_INSTANCE_UID, VR::UI, series.as_str()),
        element(tags::SOP_INSTANCE_UID, VR::UI, target.instance.as_str()),
    ]);
    let found = find(channel, FIND, &query)?;
    let instance = Some(target.instance.as_str());
    Ok(found
        .iter()
        .any(|set| text(set, tags::SOP_INSTANCE_UID).as_deref() == instance))
}

/// Asks a question and gives all answers.
pub(super) fn find(
    channel: &mut Channel,
    class: &'static str,
    query: &InMemDicomObject,
) -> Result<Vec<InMemDicomObject>, Trouble> {
    /// More than a ward has patients in a day.
    const MOST: usize = 2000;
    let Some(context) = channel.context(class) else {
        return Err(Trouble::Later(
            "the server does not answer this kind of question".into(),
        ));
    };
    let data = encode(query, &context.transfer_syntax)?;
    let id = channel.next_id();
    let command = Command::new(C_FIND, true)
        .request(id, tags::AFFECTED_SOP_CLASS_UID, class)
        .with(tags::PRIORITY, VR::US, 0u16);
    channel.send(
        context.id,
        &command.build(),
        Some(&data),
        &mut Throttle::new(None),
    )?;
    let mut found = Vec::new();
    loop {
        let answer = expect(channel, C_FIND | ANSWER, id)?;
        match answer.status() {
            0 => return Ok(found),
            0xff00 | 0xff01 if found.len() < MOST => {
                let set = answer
                    .data
                    .as_deref()
                    .and_then(|data| decode(data, &context.transfer_syntax));
                found.extend(set);
            }
            0xff00 | 0xff01 => return Err(Trouble::Later(format!("more than {MOST} answers"))),
            status => return Err(Trouble::Later(format!("the server failed (status {status:04X})"))),
        }
    }
}

/// The answer to the message `id`.
fn expect(channel: &mut Channel, kind: u16, id: u16) -> Result<Message, Trouble> {
    match channel.receive()? {
        Some(answer)
            if answer.kind() == kind && answer.number(tags::MESSAGE_ID_BEING_RESPONDED_TO) == Some(id) =>
        {
            Ok(answer)
        }
        Some(_) => Err(Trouble::Link("an answer to something else".into())),
        None => Err(Trouble::Link("the other side ended the association".into())),
    }
}

fn encode(set: &InMemDicomObject, syntax: &str) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    let encoded = match syntax {
        uids::EXPLICIT_VR_LITTLE_ENDIAN => {
            set.write_dataset_with_ts(&mut bytes, &EXPLICIT_VR_LITTLE_ENDIAN.erased())
        }
        uids::IMPLICIT_VR_LITTLE_ENDIAN => {
            set.write_dataset_with_ts(&mut bytes, &IMPLICIT_VR_LITTLE_ENDIAN.erased())
        }
        other => {
            return Err(Trouble::Refused(format!(
                "the transfer syntax {other} was not offered"
            )));
        }
    };
    encoded.map_err(|e| Trouble::Refused(crate::one_line(&e)))?;
    Ok(bytes)
}

fn decode(data: &[u8], syntax: &str) -> Option<InMemDicomObject> {
    let explicit = syntax != uids::IMPLICIT_VR_LITTLE_ENDIAN;
    let syntax = match explicit {
        true => EXPLICIT_VR_LITTLE_ENDIAN.erased(),
        false => IMPLICIT_VR_LITTLE_ENDIAN.erased(),
    };
    let sound = sound::is_sound(data, explicit);
    sound
        .then(|| InMemDicomObject::read_dataset_with_ts(data, &syntax).ok())
        .flatten()
}

pub(super) fn element(tag: Tag, vr: VR, value: &str) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, vr, PrimitiveValue::from(value))
}

/// A text without what pads it; none if nothing is left.
pub(super) fn text(set: &InMemDicomObject, tag: Tag) -> Option<String> {
    let text = set.element(tag).ok()?.to_str().ok()?;
    let text = text.trim_matches(['\0', ' ']);
    (!text.is_empty()).then(|| text.to_owned())
}

/// The items of a sequence; none where there is no such sequence.
pub(super) fn items(set: &InMemDicomObject, tag: Tag) -> &[InMemDicomObject] {
    set.element(tag)
        .ok()
        .and_then(|element| element.items())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_standard_calls_a_failure_is_one_for_now_or_for_good() {
        for good in [0x0000, 0x0111, 0xb000, 0xb006, 0xb007] {
            assert_eq!(stored(good), Ok(()), "{good:04x}");
        }
        for later in [0xa700, 0xa7ff, 0x0110, 0x0124, 0xfe00] {
            assert!(matches!(stored(later), Err(Trouble::Later(_))), "{later:04x}");
        }
        for never in [0xa900, 0x0122, 0xc000, 0xcfff, 0x0117] {
            assert!(matches!(stored(never), Err(Trouble::Refused(_))), "{never:04x}");
        }
    }
}
