//! The certificates of the config: for how long is each still good.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::Web;
use crate::findings::Finding;
use crate::tls::{certificates, validity};
use crate::uplink::settings::{Destination, Dicom, Tls};

const CHECK: &str = "certificate";
/// What ends sooner than in so many days is said.
const SOON: TimeDelta = TimeDelta::days(30);

/// What a file is there for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The cart shows it, with those that vouch for it.
    Own,
    /// Each of its authorities may vouch for the other side.
    Authorities,
}

pub(super) fn findings(web: &Web, dicom: &Dicom, uplink: &[Destination]) -> Vec<Finding> {
    let page = web.network.as_ref();
    let page = page.map(|network| (network.certificate.as_path(), Role::Own, "page"));
    let list = dicom.worklist.as_ref();
    let listener = (dicom.tls.as_ref(), "listener");
    let worklist = (list.and_then(|list| list.tls.as_ref()), "worklist");
    let destinations = uplink.iter().map(|one| (one.tls.as_ref(), one.name.as_str()));
    let users = [listener, worklist].into_iter().chain(destinations);
    let files = users.filter_map(|(tls, user)| Some(files(tls?, user)));
    // A file is looked at once, whoever uses it.
    let mut all: Vec<(&Path, Role, Vec<&str>)> = Vec::new();
    for (path, role, user) in page.into_iter().chain(files.flatten()) {
        match all
            .iter_mut()
            .find(|(known, of, _)| (*known, *of) == (path, role))
        {
            Some((.., users)) => users.push(user),
            None => all.push((path, role, vec![user])),
        }
    }
    let now = Utc::now();
    let look = |(path, role, users): (&Path, Role, Vec<&str>)| finding(path, role, &users.join(", "), now);
    all.into_iter().map(look).collect()
}

fn files<'a>(tls: &'a Tls, user: &'a str) -> impl Iterator<Item = (&'a Path, Role, &'a str)> {
    let own = tls.certificate.as_deref().map(|path| (path, Role::Own, user));
    own.into_iter()
        .chain([(tls.ca.as_path(), Role::Authorities, user)])
}

fn finding(path: &Path, role: Role, users: &str, now: DateTime<Utc>) -> Finding {
    let all = match certificates(path) {
        Ok(all) => all,
        Err(error) => {
            let advice = "put it there, readable for the user sonograde";
            return Finding::fault(CHECK, crate::one_line(&error), advice);
        }
    };
    let place = format!("{} ({users})", path.display());
    let known: Option<Vec<_>> = all.iter().map(validity).collect();
    match known {
        Some(known) => judged(&place, role, &known, now),
        None => Finding::unknown(CHECK, format!("{place}: how long it is good cannot be told")),
    }
}

/// What follows from when the certificates of a file begin and end.
fn judged(place: &str, role: Role, known: &[[DateTime<Utc>; 2]], now: DateTime<Utc>) -> Finding {
    let day = |time: DateTime<Utc>| time.format("%Y-%m-%d");
    let renew = match role {
        Role::Own => "have a new one issued, put it there with its key",
        Role::Authorities => "add the authority's new certificate to the file",
    };
    let advice = format!("{renew}, then: systemctl reload sonograde");
    if let Some([from, _]) = known.iter().find(|[from, _]| now < *from) {
        let advice = "check this machine's date; if that is right, wait or have another one issued";
        return Finding::fault(CHECK, format!("{place}: not good before {}", day(*from)), advice);
    }
    let ends = known.iter().map(|[_, until]| *until);
    // A chain is as good as its first to end.
    let until = ends.clone().min().unwrap_or_default();
    let left = until - now;
    if left < TimeDelta::zero() {
        let found = format!("{place}: expired on {}", day(until));
        // The authority that has ended may be the one that nobody uses any more.
        let is_one_of_many = role == Role::Authorities && ends.max().is_some_and(|last| last > now);
        return match is_one_of_many {
            true => Finding::warning(CHECK, format!("{found}, one of {}", known.len()), advice),
            false => Finding::fault(CHECK, found, advice),
        };
    }
    let found = format!("{place}: good until {}", day(until));
    match left < SOON {
        true => Finding::warning(CHECK, format!("{found}, {} days more", left.num_days()), advice),
        false => Finding::ok(CHECK, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::Level;

    #[test]
    fn a_certificate_is_good_ends_soon_or_has_ended() {
        let now: DateTime<Utc> = "2026-11-28T12:00:00Z".parse().expect("a time");
        let days = |from: i64, until: i64| [now + TimeDelta::days(from), now + TimeDelta::days(until)];
        let (own, authorities) = (Role::Own, Role::Authorities);
        for (role, known, level, words) in [
            (own, vec![days(-9, 31)], Level::Ok, "good until 2026-12-29"),
            (
                own,
                vec![days(-9, 29)],
                Level::Warning,
                "2026-12-27, 29 days more",
            ),
            (own, vec![days(-9, -1)], Level::Fault, "expired on 2026-11-27"),
            (own, vec![days(1, 90)], Level::Fault, "not good before 2026-11-29"),
            (own, vec![days(-9, 90), days(-9, -1)], Level::Fault, "expired"),
            (
                authorities,
                vec![days(-9, 90), days(-9, -1)],
                Level::Warning,
                "one of 2",
            ),
            (authorities, vec![days(-9, -1)], Level::Fault, "expired"),
        ] {
            let finding = judged("ca.pem (pacs)", role, &known, now);
            assert_eq!(finding.level, level, "{}", finding.found);
            assert!(finding.found.contains(words), "{}", finding.found);
            assert_eq!(finding.advice.is_none(), level == Level::Ok);
        }
    }
}
