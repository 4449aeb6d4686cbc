//! Who is logged in, who has to wait before trying again, and how many refusals go into the audit trail. All are bounded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// A session ends when nothing was asked for this long, and after a shift in any case.
const IDLE: Duration = Duration::from_secs(30 * 60);
const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// Sessions at a time; the one that was idle longest makes room.
const MOST: usize = 64;

/// Failures that cost nothing.
const FREE: u32 = 3;
/// The wait doubles from one second to this.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Failures are forgotten after this.
const FORGOTTEN: Duration = Duration::from_secs(1800);
/// Who failed; the one that failed first is forgotten first.
const MOST_FAILURES: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Sessions(HashMap<String, Session>);

#[derive(Debug)]
pub(super) struct Session {
    pub user: String,
    /// Where they logged in.
    pub from: IpAddr,
    began: Instant,
    used: Instant,
}

impl Session {
    fn lives(&self, now: Instant) -> bool {
        now.duration_since(self.used) < IDLE && now.duration_since(self.began) < LONGEST
    }
}

impl Sessions {
    /// Begins a session; gives its secret, of which the hash alone is kept.
    pub fn begin(&mut self, user: &str, from: IpAddr, now: Instant) -> Result<String, getrandom::Error> {
        let id = random()?;
        let session = Session {
            user: user.into(),
            from,
            began: now,
            used: now,
        };
        self.0.insert(key(&id), session);
        Ok(id)
    }

    /// Ends those that are over, and those that were idle longest where there are too many.
    pub fn sweep(&mut self, now: Instant) -> Vec<Session> {
        let mut over: Vec<_> = self.0.extract_if(|_, session| !session.lives(now)).collect();
        while self.0.len() > MOST {
            let oldest = self.0.iter().min_by_key(|(_, session)| session.used);
            let oldest = oldest.map(|(key, _)| key.clone());
            over.extend(oldest.and_then(|key| self.0.remove_entry(&key)));
        }
        over.into_iter().map(|(_, session)| session).collect()
    }

    /// Whose session this is.
    pub fn user(&mut self, id: &str, now: Instant) -> Option<String> {
        let session = self.0.get_mut(&key(id)).filter(|session| session.lives(now))?;
        session.used = now;
        Some(session.user.clone())
    }

    /// Whether the session lives, without using it.
    pub fn lives(&self, key: &str, now: Instant) -> bool {
        self.0.get(key).is_some_and(|session| session.lives(now))
    }

    pub fn end(&mut self, id: &str) {
        self.0.remove(&key(id));
    }
}

pub(super) fn key(id: &str) -> String {
    crate::hex(&Sha256::digest(id))
}

/// 256 random bits in hexadecimal.
pub(super) fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(crate::hex(&bytes))
}

/// Refusals that are recorded at once, and how often one more is: a flood of them cannot fill the disk.
const RECORDED: u32 = 50;
const ONE_MORE: Duration = Duration::from_secs(60);

/// How many refusals may be recorded.
#[derive(Debug)]
pub(super) struct Ration {
    /// How many were, less those that time has given back.
    used: u32,
    given_back: Instant,
    unrecorded: u64,
}

impl Ration {
    pub fn new(now: Instant) -> Self {
        Self {
            used: 0,
            given_back: now,
            unrecorded: 0,
        }
    }

    /// Whether one more is recorded, and then how many were not before it.
    pub fn take(&mut self, now: Instant) -> Option<u64> {
        while self.used > 0 && now.duration_since(self.given_back) >= ONE_MORE {
            self.used -= 1;
            self.given_back += ONE_MORE;
        }
        if self.used == 0 {
            self.given_back = now;
        }
        if self.used == RECORDED {
            self.unrecorded += 1;
            return None;
        }
        self.used += 1;
        Some(std::mem::take(&mut self.unrecorded))
    }
}

#[derive(Debug, Default)]
pub(super) struct Throttle(HashMap<String, (u32, Instant)>);

impl Throttle {
    /// How long `who` has to wait still, in seconds, as an error.
    pub fn wait_for(&self, who: &str, now: Instant) -> Result<(), u64> {
        let Some((failures, last)) = self.0.get(who) else {
            return Ok(());
        };
        let Some(over) = failures.checked_sub(FREE) else {
            return Ok(());
        };
        let wait = Duration::from_secs(1 << over.min(16)).min(LONGEST_WAIT);
        match wait.checked_sub(now.duration_since(*last)) {
            Some(left) if !left.is_zero() => Err(left.as_secs() + 1),
            _ => Ok(()),
        }
    }

    pub fn failed(&mut self, who: String, now: Instant) {
        self.0
            .retain(|_, (_, last)| now.duration_since(*last) < FORGOTTEN);
        if self.0.len() >= MOST_FAILURES && !self.0.contains_key(&who) {
            let oldest = self
                .0
                .iter()
                .min_by_key(|(_, (_, last))| *last)
                .map(|(who, _)| who.clone());
            oldest.and_then(|who| self.0.remove(&who));
        }
        let failure = self.0.entry(who).or_insert((0, now));
        *failure = (failure.0.saturating_add(1), now);
    }

    pub fn passed(&mut self, who: &[String]) {
        for one in who {
            self.0.remove(one);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_idle_after_a_shift_and_when_told_to() {
        let (mut sessions, start) = (Sessions::default(), Instant::now());
        let here = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
        let begin = |sessions: &mut Sessions| sessions.begin("ada", here, start).expect("random numbers");
        let id = begin(&mut sessions);
        assert!(!sessions.0.contains_key(&id), "the secret itself is not kept");
        assert_eq!(sessions.user(&id, start + IDLE / 2).as_deref(), Some("ada"));
        assert!(
            sessions.lives(&key(&id), start + IDLE),
            "looking at it does not prolong it"
        );
        assert!(sessions.sweep(start + IDLE).is_empty());
        assert!(!sessions.lives(&key(&id), start + IDLE * 2));
        assert_eq!(sessions.user(&id, start + IDLE * 2), None);
        let over = sessions.sweep(start + IDLE * 2);
        assert!(over.len() == 1 && over[0].user == "ada" && sessions.0.is_empty());
        let id = begin(&mut sessions);
        for n in 1..60 {
            sessions.user(&id, start + IDLE / 2 * n);
        }
        assert_eq!(sessions.user(&id, start + LONGEST), None);
        let id = begin(&mut sessions);
        sessions.end(&id);
        assert_eq!(sessions.user(&id, start), None);
        (0..2 * MOST).for_each(|_| drop(begin(&mut sessions)));
        assert!(sessions.sweep(start).len() >= MOST && sessions.0.len() == MOST);
    }

    /// Guesses from ever other addresses had filled a disk.
    #[test]
    fn a_flood_of_refusals_is_counted_and_not_recorded() {
        let start = Instant::now();
        let mut ration = Ration::new(start);
        let recorded = (0..1000).filter(|_| ration.take(start).is_some()).count();
        assert_eq!(recorded, RECORDED as usize);
        assert_eq!(ration.take(start + ONE_MORE / 2), None);
        assert_eq!(
            ration.take(start + ONE_MORE),
            Some(951),
            "it is said how many were not"
        );
        assert_eq!(ration.take(start + ONE_MORE), None);
        let day = start + Duration::from_secs(86_400);
        let later = (0..1000).filter(|_| ration.take(day).is_some()).count();
        assert_eq!(later, RECORDED as usize, "what was not used is not saved up");
    }

    #[test]
    fn who_guesses_waits_ever_longer() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        let fail = |throttle: &mut Throttle| throttle.failed("user ada".into(), start);
        (0..2).for_each(|_| fail(&mut throttle));
        assert_eq!(throttle.wait_for("user ada", start), Ok(()));
        (0..3).for_each(|_| fail(&mut throttle));
        assert_eq!(throttle.wait_for("user ada", start), Err(5));
        assert_eq!(
            throttle.wait_for("user ada", start + Duration::from_secs(4)),
            Ok(())
        );
        assert_eq!(throttle.wait_for("user bob", start), Ok(()));
        (0..40).for_each(|_| fail(&mut throttle));
        assert_eq!(
            throttle.wait_for("user ada", start),
            Err(LONGEST_WAIT.as_secs() + 1)
        );
        throttle.passed(&["user ada".into()]);
        assert_eq!(throttle.wait_for("user ada", start), Ok(()));
        (0..2 * MOST_FAILURES).for_each(|n| throttle.failed(n.to_string(), start));
        assert!(throttle.0.len() <= MOST_FAILURES);
    }
}
