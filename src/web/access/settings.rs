//! `[web.network]` of the config: the page for other machines.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// What somebody may do; each may what those before it may.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look at the live page and at stored exams.
    View,
    /// Change exams and export them.
    Operate,
    /// Look at the box itself.
    Admin,
}

/// Somebody who may log in, or a program with a token.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "UserSection")]
pub struct User {
    /// What they log in as.
    pub name: String,
    /// What they may.
    pub role: Role,
    /// Argon2id of the PIN, as `sonograde web user` prints it.
    pub pin_hash: Option<String>,
    /// SHA-256 of a program's token, as `sonograde web user --token` prints it.
    pub token_sha256: Option<String>,
}

/// A user as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserSection {
    name: String,
    role: Role,
    pin_hash: Option<String>,
    token_sha256: Option<String>,
}

impl TryFrom<UserSection> for User {
    type Error = String;

    fn try_from(section: UserSection) -> Result<Self, String> {
        let UserSection {
            name,
            role,
            pin_hash,
            token_sha256,
        } = section;
        let make = "`sonograde web user` makes it";
        if name.trim().is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
            return Err("name: expected 1 to 64 characters".into());
        }
        match (&pin_hash, &token_sha256) {
            (Some(hash), None) => {
                let parsed = argon2::PasswordHash::new(hash);
                if !parsed.is_ok_and(|hash| hash.algorithm.as_str() == "argon2id") {
                    return Err(format!("user {name}: pin_hash is no Argon2id hash; {make}"));
                }
            }
            (None, Some(hash)) => {
                if hash.len() != 64 || !hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                    return Err(format!(
                        "user {name}: token_sha256 is no SHA-256 in lower case; {make}"
                    ));
                }
            }
            _ => {
                return Err(format!(
                    "user {name}: expected either pin_hash or token_sha256; {make}"
                ));
            }
        }
        Ok(Self {
            name,
            role,
            pin_hash,
            token_sha256,
        })
    }
}

/// The page for other machines: by TLS alone, and after a login.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Section")]
pub struct Network {
    /// Address and port.
    pub listen: SocketAddr,
    /// The certificate and those above it, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Names of this machine that browsers ask for, beside its addresses.
    pub names: Vec<String>,
    /// Who may.
    pub users: Vec<User>,
}

/// `[web.network]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    listen: SocketAddr,
    certificate: PathBuf,
    key: PathBuf,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    users: Vec<User>,
}

impl TryFrom<Section> for Network {
    type Error = String;

    fn try_from(section: Section) -> Result<Self, String> {
        let Section {
            listen,
            certificate,
            key,
            names,
            users,
        } = section;
        if users.is_empty() {
            return Err(
                "nobody could log in: add [[web.network.users]], which `sonograde web user` prints".into(),
            );
        }
        for (n, user) in users.iter().enumerate() {
            if users[..n].iter().any(|other| other.name == user.name) {
                return Err(format!("user {} stands twice", user.name));
            }
        }
        Ok(Self {
            listen,
            certificate,
            key,
            names,
            users,
        })
    }
}
