//! What speaks at a destination, and which keys of its `[[uplink]]` that takes.

use std::path::PathBuf;

use serde::Deserialize;

use super::settings::{AeTitle, Section};

/// What speaks at a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// C-STORE, then storage commitment, or a query where the archive has none.
    Dimse {
        /// Host and port.
        address: String,
        /// The archive's AE title.
        called_ae: AeTitle,
        /// How an object is known to be kept.
        verify: Verify,
    },
    /// STOW-RS, then QIDO-RS.
    DicomWeb {
        /// The root of the service, without a slash at the end.
        url: String,
    },
    /// Files in a folder, for the site's own analyses.
    Folder(PathBuf),
    /// The same in a bucket of a server that speaks the S3 API.
    S3(S3),
}

/// A bucket of a server that speaks the S3 API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3 {
    /// The server: `https://host:port`.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// What names there begin with.
    pub prefix: String,
    /// The region that requests are signed for.
    pub region: String,
    /// Access key ID.
    pub access_key: String,
    /// A file with the secret access key.
    pub secret_file: PathBuf,
}

/// How an archive that speaks DIMSE says that it keeps an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// Storage commitment (PS3.4, J).
    #[default]
    Commitment,
    /// It finds the object when asked (C-FIND, study root).
    Query,
}

impl Kind {
    /// Its name in the config.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Dimse { .. } => "dimse",
            Self::DicomWeb { .. } => "dicomweb",
            Self::Folder(_) | Self::S3(_) => "object-store",
        }
    }

    /// Where it is, for people.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Dimse { address, .. } => address.clone(),
            Self::DicomWeb { url } => url.clone(),
            Self::Folder(folder) => folder.display().to_string(),
            Self::S3(s3) => format!("{}/{}/{}", s3.endpoint, s3.bucket, s3.prefix),
        }
    }

    /// What a section says of it, or what is wrong there.
    pub(super) fn of(section: &Section) -> Result<Self, String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let url = text(&section.url);
        match section.kind.as_str() {
            "dimse" => {
                takes(section, &["address", "called_ae"], &["verify"])?;
                Ok(Self::Dimse {
                    address: host_and_port(text(&section.address))?,
                    called_ae: section.called_ae.clone().ok_or("called_ae is missing")?,
                    verify: section.verify.unwrap_or_default(),
                })
            }
            "dicomweb" => {
                takes(section, &["url"], &[])?;
                let url = web("url", url, section)?;
                Ok(Self::DicomWeb { url })
            }
            "object-store" if url.starts_with("s3://") => {
                takes(
                    section,
                    &["url", "endpoint", "access_key", "secret_file"],
                    &["region"],
                )?;
                let place = url.trim_start_matches("s3://");
                let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
                if bucket.is_empty() {
                    return Err(format!("url: expected s3://bucket/prefix, got {url:?}"));
                }
                Ok(Self::S3(S3 {
                    endpoint: web("endpoint", text(&section.endpoint), section)?,
                    bucket: bucket.to_owned(),
                    prefix: prefix.to_owned(),
                    region: section.region.clone().unwrap_or_else(|| "us-east-1".into()),
                    access_key: text(&section.access_key),
                    secret_file: section.secret_file.clone().unwrap_or_default(),
                }))
            }
            "object-store" => {
                takes(section, &["url"], &[])?;
                match url.strip_prefix("file://") {
                    Some(folder) if folder.starts_with('/') && section.tls.is_none() => {
                        Ok(Self::Folder(folder.into()))
                    }
                    _ => Err(format!(
                        "url: expected s3://bucket/prefix, or file:///folder without tls, got {url:?}"
                    )),
                }
            }
            other => Err(format!(
                "expected kind dimse, dicomweb or object-store, got {other:?}"
            )),
        }
    }
}

/// Whether a section has all keys that its kind needs, and no other than those that it may have.
fn takes(section: &Section, needs: &[&str], may: &[&str]) -> Result<(), String> {
    let given = [
        ("address", section.address.is_some()),
        ("called_ae", section.called_ae.is_some()),
        ("verify", section.verify.is_some()),
        ("url", section.url.is_some()),
        ("endpoint", section.endpoint.is_some()),
        ("region", section.region.is_some()),
        ("access_key", section.access_key.is_some()),
        ("secret_file", section.secret_file.is_some()),
    ];
    let kind = &section.kind;
    for (key, is_given) in given {
        if needs.contains(&key) && !is_given {
            return Err(format!("{kind} needs {key}"));
        }
        if is_given && !needs.contains(&key) && !may.contains(&key) {
            return Err(format!("{kind} takes no {key}"));
        }
    }
    Ok(())
}

/// A root of a service over HTTP, without a slash at the end.
fn web(key: &str, url: String, section: &Section) -> Result<String, String> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(format!("{key}: expected http://… or https://…, got {url:?}"));
    }
    // Nothing would send them, and every list of destinations show them.
    if url.split('/').nth(2).is_some_and(|host| host.contains('@')) {
        return Err(format!("{key}: expected no user name and no password in it"));
    }
    if url.starts_with("https:") != section.tls.is_some() {
        return Err(format!(
            "{key}: https:// needs tls = {{ ca = \"FILE\" }}, and http:// takes none"
        ));
    }
    if section.tls.as_ref().is_some_and(|tls| tls.server_name.is_some()) {
        return Err(format!(
            "tls: server_name is for dimse alone; the host of {key} is the name"
        ));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn host_and_port(address: String) -> Result<String, String> {
    match address.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0) => {
            Ok(address)
        }
        _ => Err(format!("address: expected host:port, got {address:?}")),
    }
}
