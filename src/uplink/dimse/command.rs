//! Command sets (PS3.7, 9 and 10): the few that we send, and what we look at in the answers.

use dicom_core::value::PrimitiveValue;
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

pub(super) const C_STORE: u16 = 0x0001;
pub(super) const C_FIND: u16 = 0x0020;
pub(super) const C_ECHO: u16 = 0x0030;
pub(super) const N_EVENT_REPORT: u16 = 0x0100;
pub(super) const N_ACTION: u16 = 0x0130;
/// Added to a request's number to make its answer's.
pub(super) const ANSWER: u16 = 0x8000;

/// There is no data set behind the command.
const NO_DATA: u16 = 0x0101;
const DATA: u16 = 0x0000;

/// A command with its data set, as it came.
pub(in crate::uplink) struct Message {
    pub context: u8,
    pub command: InMemDicomObject,
    pub data: Option<Vec<u8>>,
}

impl Message {
    /// A number of the command.
    pub fn number(&self, tag: Tag) -> Option<u16> {
        self.command.element(tag).ok()?.to_int::<u16>().ok()
    }

    /// A UID of the command.
    pub fn uid(&self, tag: Tag) -> Option<String> {
        let text = self.command.element(tag).ok()?.to_str().ok()?;
        Some(text.trim_end_matches(['\0', ' ']).to_owned())
    }

    /// Which command.
    pub fn kind(&self) -> u16 {
        self.number(tags::COMMAND_FIELD).unwrap_or(0)
    }

    /// How it went.
    pub fn status(&self) -> u16 {
        self.number(tags::STATUS).unwrap_or(0xffff)
    }
}

/// A command set.
pub(super) struct Command(Vec<DataElement<InMemDicomObject>>);

impl Command {
    pub fn new(field: u16, with_data: bool) -> Self {
        let data = if with_data { DATA } else { NO_DATA };
        Self(Vec::new()).with(tags::COMMAND_FIELD, VR::US, field).with(
            tags::COMMAND_DATA_SET_TYPE,
            VR::US,
            data,
        )
    }

    pub fn with(mut self, tag: Tag, vr: VR, value: impl Into<PrimitiveValue>) -> Self {
        self.0.push(DataElement::new(tag, vr, value.into()));
        self
    }

    pub fn request(self, id: u16, class: Tag, uid: &str) -> Self {
        self.with(class, VR::UI, uid).with(tags::MESSAGE_ID, VR::US, id)
    }

    pub fn build(self) -> InMemDicomObject {
        InMemDicomObject::command_from_element_iter(self.0)
    }
}

/// The answer to `request`, whose class UID lies at `class`.
pub(super) fn answer(request: &Message, status: u16) -> InMemDicomObject {
    let mut command = Command::new(request.kind() | ANSWER, false).with(
        tags::MESSAGE_ID_BEING_RESPONDED_TO,
        VR::US,
        request.number(tags::MESSAGE_ID).unwrap_or(0),
    );
    for tag in [tags::AFFECTED_SOP_CLASS_UID, tags::AFFECTED_SOP_INSTANCE_UID] {
        if let Some(uid) = request.uid(tag) {
            command = command.with(tag, VR::UI, uid);
        }
    }
    if let Some(event) = request.number(tags::EVENT_TYPE_ID) {
        command = command.with(tags::EVENT_TYPE_ID, VR::US, event);
    }
    command.with(tags::STATUS, VR::US, status).build()
}

/// Reads a command set, or says that it is none.
pub(super) fn read(bytes: &[u8]) -> Result<InMemDicomObject, String> {
    match super::decode(bytes, uids::IMPLICIT_VR_LITTLE_ENDIAN) {
        Some(command) if command.element(tags::COMMAND_FIELD).is_ok() => Ok(command),
        _ => Err("an answer that is no DICOM command".into()),
    }
}

/// Whether a data set follows.
pub(super) fn has_data(command: &InMemDicomObject) -> bool {
    let kind = command.element(tags::COMMAND_DATA_SET_TYPE).ok();
    kind.and_then(|kind| kind.to_int::<u16>().ok())
        .is_some_and(|kind| kind != NO_DATA)
}
