//! Who runs this process, as the system knows it.

use std::fs;
use std::os::unix::fs::MetadataExt;

/// The kernel's word for a process that nobody logged in for.
const NOBODY: u32 = u32::MAX;

/// The user that the process runs as.
pub(super) fn effective() -> String {
    match fs::metadata("/proc/self") {
        Ok(process) => name(process.uid()),
        Err(_) => String::from("unknown"),
    }
}

/// The user who logged in and then, perhaps by `sudo`, became another; `None` for a service.
pub(super) fn login() -> Option<String> {
    let uid = fs::read_to_string("/proc/self/loginuid").ok()?;
    let uid = uid.trim().parse().ok().filter(|uid| *uid != NOBODY)?;
    Some(name(uid))
}

/// The name of `uid`, or its number where it has none on this machine.
fn name(uid: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_in(&users, uid).unwrap_or_else(|| format!("uid {uid}"))
}

/// The name of `uid` in the text of a passwd(5) file.
fn name_in(users: &str, uid: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_goes_by_name_where_there_is_one() {
        let users = "root:x:0:0:root:/root:/bin/sh\n\n+broken\nalice:x:1000:1000::/home/alice:/bin/sh\n";
        assert_eq!(name_in(users, 0).as_deref(), Some("root"));
        assert_eq!(name_in(users, 1000).as_deref(), Some("alice"));
        assert_eq!(name_in(users, 7), None);
    }
}
