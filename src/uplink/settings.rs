//! `[dicom]` and `[[uplink]]` of the config.

use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveTime;
use serde::Deserialize;

pub use super::kind::{Kind, S3, Verify};

/// `[dicom]`: who the cart is among DICOM programs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dicom {
    /// The cart's AE title.
    pub ae_title: AeTitle,
    /// Address and port where archives report storage commitment; none do if absent.
    pub listen: Option<String>,
    /// The listener speaks TLS with this identity, if any.
    pub tls: Option<Tls>,
    /// Where the worklist is asked for, if anywhere.
    pub worklist: Option<Worklist>,
}

impl Default for Dicom {
    fn default() -> Self {
        Self {
            ae_title: AeTitle("SONOGRADE".into()),
            listen: None,
            tls: None,
            worklist: None,
        }
    }
}

/// `[dicom.worklist]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worklist {
    /// Host and port.
    pub address: String,
    /// The worklist server's AE title.
    pub called_ae: AeTitle,
    /// Asked this often.
    #[serde(default = "sixty")]
    pub every_s: u32,
    /// The modality that is asked for; any if empty.
    #[serde(default = "ultrasound")]
    pub modality: String,
    /// Scheduled for this station's AE title alone; for any if absent.
    pub station_ae: Option<AeTitle>,
    /// TLS, if it is spoken.
    pub tls: Option<Tls>,
    /// Time limits.
    #[serde(default)]
    pub limits: Limits,
}

fn sixty() -> u32 {
    60
}

fn ultrasound() -> String {
    "US".into()
}

/// An AE title: 1 to 16 characters of ASCII, no backslash, not blanks alone (PS3.5, 6.2).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AeTitle(pub String);

impl TryFrom<String> for AeTitle {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let title = text.trim();
        let plain = title.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'\\');
        if title.is_empty() || title.len() > 16 || !plain {
            return Err(format!(
                "expected an AE title of 1 to 16 ASCII characters, got {text:?}"
            ));
        }
        Ok(Self(title.to_owned()))
    }
}

/// How TLS is spoken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Certificates (PEM) of the authorities that may vouch for the other side.
    pub ca: PathBuf,
    /// Our certificate chain (PEM), if the other side asks for one. With `key`.
    pub certificate: Option<PathBuf>,
    /// Its private key (PEM).
    pub key: Option<PathBuf>,
    /// The name in the other side's certificate; the address's host if absent.
    pub server_name: Option<String>,
}

/// Time limits of a conversation, in milliseconds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// For the connection.
    pub connect_ms: u64,
    /// For each answer.
    pub read_ms: u64,
    /// For each piece that is sent.
    pub write_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_ms: 5_000,
            read_ms: 30_000,
            write_ms: 30_000,
        }
    }
}

impl Limits {
    pub(super) fn connect(self) -> Duration {
        Duration::from_millis(self.connect_ms.max(1))
    }

    pub(super) fn read(self) -> Duration {
        Duration::from_millis(self.read_ms.max(1))
    }

    pub(super) fn write(self) -> Duration {
        Duration::from_millis(self.write_ms.max(1))
    }
}

/// One `[[uplink]]`: where every finished exam goes.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Section")]
pub struct Destination {
    /// Its name in the outbox.
    pub name: String,
    /// What speaks there.
    pub kind: Kind,
    /// TLS, if it is spoken.
    pub tls: Option<Tls>,
    /// Time limits.
    pub limits: Limits,
    /// At most this many kilobits a second.
    pub max_kbit_s: Option<u64>,
    /// Only sent to from the first to the second time of day (local time); always if absent.
    pub hours: Option<(NaiveTime, NaiveTime)>,
    /// What the destination fails at for this long is set aside.
    pub give_up_after_h: u32,
    /// Begins paused.
    pub paused: bool,
}

/// `[[uplink]]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Section {
    name: String,
    pub kind: String,
    pub address: Option<String>,
    pub called_ae: Option<AeTitle>,
    pub verify: Option<Verify>,
    pub url: Option<String>,
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub access_key: Option<String>,
    pub secret_file: Option<PathBuf>,
    pub tls: Option<Tls>,
    #[serde(default)]
    limits: Limits,
    max_kbit_s: Option<u64>,
    hours: Option<String>,
    give_up_after_h: Option<u32>,
    #[serde(default)]
    paused: bool,
}

impl TryFrom<Section> for Destination {
    type Error = String;

    fn try_from(section: Section) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let name = &section.name;
        if name.is_empty() || name.len() > 32 || !name.chars().all(plain) {
            return Err(format!(
                "name: expected 1 to 32 of a-z, 0-9, - and _, got {name:?}"
            ));
        }
        Ok(Self {
            kind: Kind::of(&section).map_err(|words| format!("{name}: {words}"))?,
            name: section.name,
            tls: section.tls,
            limits: section.limits,
            max_kbit_s: section.max_kbit_s.filter(|most| *most > 0),
            hours: section.hours.as_deref().map(window).transpose()?,
            give_up_after_h: section.give_up_after_h.unwrap_or(168),
            paused: section.paused,
        })
    }
}

fn window(text: &str) -> Result<(NaiveTime, NaiveTime), String> {
    let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").ok();
    let window = text
        .split_once('-')
        .and_then(|(from, to)| Some((time(from)?, time(to)?)));
    window
        .filter(|(from, to)| from != to)
        .ok_or_else(|| format!("hours: expected \"20:00-06:00\", got {text:?}"))
}

/// Whether `now` lies in the window, which may go over midnight.
pub(super) fn is_open(hours: Option<(NaiveTime, NaiveTime)>, now: NaiveTime) -> bool {
    match hours {
        None => true,
        Some((from, to)) if from < to => from <= now && now < to,
        Some((from, to)) => now >= from || now < to,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(text: &str) -> Result<Destination, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn a_destination_is_read_with_its_defaults_and_what_is_wrong_is_said() {
        let archive =
            destination("name = \"pacs\"\nkind = \"dimse\"\naddress = \"pacs:104\"\ncalled_ae = \"ARCHIVE\"")
                .expect("a good one");
        assert_eq!((archive.limits.connect_ms, archive.give_up_after_h), (5_000, 168));
        for (text, words) in [
            ("name = \"a b\"\nkind = \"dimse\"", "name: expected"),
            ("name = \"a\"\nkind = \"ftp\"", "expected kind"),
            (
                "name = \"a\"\nkind = \"dimse\"\naddress = \"pacs\"\ncalled_ae = \"X\"",
                "host:port",
            ),
            (
                "name = \"a\"\nkind = \"dimse\"\naddress = \"p:1\"\ncalled_ae = \"\"",
                "AE title",
            ),
            ("name = \"a\"\nkind = \"dicomweb\"\nurl = \"pacs\"", "http://"),
            (
                "name = \"a\"\nkind = \"dicomweb\"\nurl = \"http://p\"\nhours = \"8\"",
                "hours",
            ),
            (
                "name = \"a\"\nkind = \"dicomweb\"\nurl = \"http://p\"\naddress = \"p:1\"",
                "takes no address",
            ),
            (
                "name = \"a\"\nkind = \"object-store\"\nurl = \"file://x\"",
                "file:///folder",
            ),
            (
                "name = \"a\"\nkind = \"object-store\"\nurl = \"s3://b\"",
                "needs endpoint",
            ),
        ] {
            assert!(destination(text).is_err_and(|e| e.contains(words)), "{text}");
        }
    }

    #[test]
    fn a_window_may_go_over_midnight() {
        let at = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("a time");
        let night = window("20:00-06:00").ok();
        assert!(is_open(night, at(23)) && is_open(night, at(5)) && !is_open(night, at(6)));
        let day = window("08:00-17:30").ok();
        assert!(is_open(day, at(8)) && !is_open(day, at(20)) && is_open(None, at(3)));
    }
}
