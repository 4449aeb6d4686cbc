//! DICOMweb (PS3.18): objects are stored with STOW-RS, one a request, and found again with QIDO-RS.

use std::io::{Cursor, Read};

use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body, SendBody};

use super::http;
use super::parcel::{Archive, Parcel, Target};
use super::settings::{Limits, Tls};
use super::throttle::{Throttle, Throttled};
use super::trouble::{Trouble, UplinkError};

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: u64 = 4 << 20;
const JSON: &str = "application/dicom+json";

/// A service, and the connections to it.
pub(super) struct Service {
    url: String,
    agent: Agent,
}

impl Service {
    pub fn new(url: &str, tls: Option<&Tls>, limits: Limits) -> Result<Self, UplinkError> {
        Ok(Self {
            url: url.to_owned(),
            agent: http::agent(tls, limits)?,
        })
    }

    /// Stores one object (PS3.18, 10.5).
    pub fn store(&self, parcel: &Parcel, throttle: &mut Throttle) -> Result<(), Trouble> {
        let boundary = format!("sonograde-{}", parcel.sha256());
        let mut body = format!("--{boundary}\r\nContent-Type: application/dicom\r\n\r\n").into_bytes();
        parcel
            .file()?
            .write_all(&mut body)
            .map_err(|e| Trouble::Refused(crate::one_line(&e)))?;
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let length = body.len();
        let mut reader = Throttled {
            inner: Cursor::new(body),
            throttle,
        };
        let kind = format!("multipart/related; type=\"application/dicom\"; boundary={boundary}");
        let answer = self
            .agent
            .post(format!("{}/studies", self.url))
            .header("Content-Type", kind)
            .header("Content-Length", length.to_string())
            .header("Accept", JSON)
            .send(SendBody::from_reader(&mut reader as &mut dyn Read));
        let answer = answer.map_err(|e| lost(&e))?;
        let status = answer.status().as_u16();
        let said = json(answer)?;
        stored(status, said.as_ref(), &parcel.target.instance)
    }

    /// Whether the service answers a query (PS3.18, 10.6). What it answers is not read: it may name a patient.
    pub fn search(&self) -> Result<(), Trouble> {
        let answer = self
            .agent
            .get(format!("{}/studies?limit=1", self.url))
            .header("Accept", JSON)
            .call()
            .map_err(|e| lost(&e))?;
        let kind = answer.headers().get("Content-Type");
        let is_json = kind.is_some_and(|kind| kind.to_str().is_ok_and(|kind| kind.contains("json")));
        match answer.status().as_u16() {
            200 if is_json => Ok(()),
            204 => Ok(()),
            200 => Err(Trouble::Later("what answers is no QIDO-RS".into())),
            status => Err(Trouble::Later(format!("a query failed (HTTP {status})"))),
        }
    }

    /// Whether the service finds the object (PS3.18, 10.6).
    pub fn has(&self, target: &Target) -> Result<bool, Trouble> {
        let Archive { study, series, .. } = target.archive()?;
        let instance = target.instance.as_str();
        let url = format!(
            "{}/studies/{study}/series/{series}/instances?SOPInstanceUID={instance}",
            self.url
        );
        let answer = self
            .agent
            .get(url)
            .header("Accept", JSON)
            .call()
            .map_err(|e| lost(&e))?;
        let status = answer.status().as_u16();
        match (status, json(answer)?) {
            (200, Some(found)) => Ok(found.as_array().is_some_and(|sets| {
                sets.iter()
                    .any(|set| set["00080018"]["Value"][0].as_str() == Some(instance))
            })),
            (204 | 404, _) => Ok(false),
            _ => Err(Trouble::Later(format!(
                "the archive could not be asked (HTTP {status})"
            ))),
        }
    }
}

/// What the answer to a STOW-RS request says of the object `instance` (PS3.18, 10.5.3 and I.2).
fn stored(status: u16, said: Option<&Value>, instance: &str) -> Result<(), Trouble> {
    let listed = |tag: &str| {
        let items = said.and_then(|said| said[tag]["Value"].as_array());
        items
            .into_iter()
            .flatten()
            .find(|item| item["00081155"]["Value"][0].as_str() == Some(instance))
    };
    if listed("00081199").is_some() {
        return Ok(());
    }
    let reason = listed("00081198").and_then(|item| item["00081197"]["Value"][0].as_u64());
    let words = |words: &str| match reason {
        Some(reason) => format!("{words} (HTTP {status}, failure reason {reason:04X})"),
        None => format!("{words} (HTTP {status})"),
    };
    match (status, reason) {
        (_, Some(0x0111 | 0xb000..=0xb007)) => Ok(()),
        (_, Some(0xa700..=0xa7ff | 0x0110 | 0x0124)) => {
            Err(Trouble::Later(words("the archive failed at it")))
        }
        (_, Some(_)) => Err(Trouble::Refused(words("the archive refuses the object"))),
        // It has no quarrel with the object and does not list it: verifying shows whether it has it.
        (200, None) => Ok(()),
        (202, None) => Err(Trouble::Later(words(
            "the archive does not say whether it took it",
        ))),
        (400 | 409 | 413 | 415 | 422, None) => Err(Trouble::Refused(words("the archive refuses the object"))),
        _ => Err(Trouble::Later(words("the archive failed at it"))),
    }
}

/// The JSON in an answer; none if it is something else.
fn json(answer: Response<Body>) -> Result<Option<Value>, Trouble> {
    let mut text = Vec::new();
    let mut body = answer.into_body();
    let read = body
        .with_config()
        .limit(LONGEST_ANSWER)
        .reader()
        .read_to_end(&mut text);
    read.map_err(|e| Trouble::Link(format!("the answer broke off: {e}")))?;
    Ok(serde_json::from_slice(&text).ok())
}

/// There was no answer.
fn lost(error: &ureq::Error) -> Trouble {
    Trouble::Link(crate::one_line(error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, said: Value) -> Result<(), Trouble> {
        stored(status, Some(&said), "1.2.3")
    }

    #[test]
    fn an_answer_to_stow_is_a_success_a_failure_for_now_or_one_for_good() {
        let item = |reason: Option<u32>| {
            let mut item = json!({ "00081155": { "vr": "UI", "Value": ["1.2.3"] } });
            if let Some(reason) = reason {
                item["00081197"] = json!({ "vr": "US", "Value": [reason] });
            }
            item
        };
        let listed = |tag: &str, reason| json!({ tag: { "vr": "SQ", "Value": [item(reason)] } });
        assert_eq!(answer(200, listed("00081199", None)), Ok(()));
        assert_eq!(
            answer(409, listed("00081198", Some(0x0111))),
            Ok(()),
            "it has it already"
        );
        for (status, said) in [
            (409, listed("00081198", Some(0xa700))),
            (503, json!(null)),
            (500, json!(null)),
            (401, json!(null)),
            (202, json!({})),
        ] {
            assert!(matches!(answer(status, said), Err(Trouble::Later(_))), "{status}");
        }
        for (status, said) in [
            (409, listed("00081198", Some(0x0122))),
            (409, listed("00081198", Some(0xc000))),
            (413, json!(null)),
            (415, json!(null)),
        ] {
            assert!(
                matches!(answer(status, said), Err(Trouble::Refused(_))),
                "{status}"
            );
        }
    }
}
