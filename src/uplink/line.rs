//! The line to one destination: how objects are sent there and how it is known that they are kept.

use std::time::{Duration, Instant};

use dicom_dictionary_std::uids;
use uuid::Uuid;

use super::asked::{Asked, MOST_OBJECTS};
use super::bucket::Bucket;
use super::dicomweb::Service;
use super::dimse::{self, Channel, Peer, Report};
use super::parcel::{OTHER_KIND, Parcel, SHEETS, Target};
use super::settings::Verify;
use super::throttle::Throttle;
use super::trouble::Trouble;

/// Objects that are asked for one by one before something is sent again.
const MOST_ASKED: usize = 50;
/// How long the report on a commitment is waited for on the association that asked for it.
const SAME_ASSOCIATION: Duration = Duration::from_secs(2);
/// The same, where there is more to send or to ask.
const A_MOMENT: Duration = Duration::from_millis(20);
/// An association that nothing is sent on for this long is released.
const IDLE: Duration = Duration::from_secs(5);

/// What a destination says of an object that it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It keeps it.
    Kept,
    /// It has it not: to be sent again.
    Missing(String),
    /// It will not keep it.
    Refused(String),
}

/// What was said, by SOP Instance UID.
pub(super) type Answers = Vec<(String, Said)>;

/// A line, open or not.
pub(super) struct Line {
    way: Way,
    throttle: Throttle,
}

enum Way {
    Dimse {
        peer: Peer,
        verify: Verify,
        channel: Option<(Channel, Instant)>,
        asked: Asked,
    },
    Web(Service),
    Bucket(Bucket),
}

impl Line {
    pub fn dimse(peer: Peer, verify: Verify, throttle: Throttle) -> Self {
        Self {
            way: Way::Dimse {
                peer,
                verify,
                channel: None,
                asked: Asked::default(),
            },
            throttle,
        }
    }

    pub fn web(service: Service, throttle: Throttle) -> Self {
        Self {
            way: Way::Web(service),
            throttle,
        }
    }

    pub fn bucket(bucket: Bucket, throttle: Throttle) -> Self {
        Self {
            way: Way::Bucket(bucket),
            throttle,
        }
    }

    /// What of an exam goes there.
    pub fn objects(&self) -> Vec<&'static str> {
        match self.way {
            Way::Bucket(_) => SHEETS.map(|(name, ..)| name).to_vec(),
            _ => crate::dicom::OBJECTS.map(|(name, _)| name).to_vec(),
        }
    }

    /// Whether the destination answers; what it would not do.
    pub fn look(&self) -> Result<Vec<&'static str>, Trouble> {
        match &self.way {
            Way::Web(service) => service.search().map(|()| Vec::new()),
            Way::Bucket(bucket) => match bucket.look()? {
                true => Ok(Vec::new()),
                false => Ok(vec!["listing (nor with a wrong access key or secret)"]),
            },
            Way::Dimse { peer, verify, .. } => {
                let verifying = match verify {
                    Verify::Commitment => ("storage commitment", uids::STORAGE_COMMITMENT_PUSH_MODEL),
                    Verify::Query => ("queries", dimse::FIND),
                };
                let [report, capture, map] = crate::dicom::OBJECTS;
                dimse::echo(peer, &[report, capture, map, verifying])
            }
        }
    }

    /// Makes the line ready to send.
    pub fn open(&mut self) -> Result<(), Trouble> {
        if let Way::Dimse { peer, channel, .. } = &mut self.way
            && channel.is_none()
        {
            *channel = Some((dimse::open_for_storage(peer)?, Instant::now()));
        }
        Ok(())
    }

    /// Sends an object on an open line.
    pub fn send(&mut self, parcel: &Parcel) -> Result<(), Trouble> {
        match &mut self.way {
            Way::Web(service) => service.store(parcel, &mut self.throttle),
            Way::Bucket(bucket) => bucket.store(parcel, &mut self.throttle),
            Way::Dimse { channel, .. } => {
                let Some((mut open, _)) = channel.take() else {
                    return Err(Trouble::Link("the association is not open".into()));
                };
                let sent = dimse::store(&mut open, parcel, &mut self.throttle);
                // After an answer, whatever it says, the association is whole; after anything else it is never used again.
                if !matches!(sent, Err(Trouble::Link(_))) {
                    *channel = Some((open, Instant::now()));
                }
                sent
            }
        }
    }

    /// Asks whether objects are kept; says what is known now. The rest is reported later, or asked for again. `idle`: there is
    /// nothing to send meanwhile. None: there is nothing to ask before reports come.
    pub fn verify(&mut self, targets: &[Target], idle: bool) -> Result<Option<Answers>, Trouble> {
        let files = matches!(self.way, Way::Bucket(_));
        let others = targets.iter().filter(|target| target.sheet().is_ok() != files);
        let refused: Answers = others
            .map(|other| (other.instance.clone(), Said::Refused(OTHER_KIND.into())))
            .collect();
        if !refused.is_empty() {
            return Ok(Some(refused));
        }
        match &mut self.way {
            Way::Web(service) => ask_each(targets, |target| service.has(target)).map(Some),
            Way::Bucket(bucket) => ask_each(targets, |target| bucket.has(target)).map(Some),
            Way::Dimse {
                peer,
                verify: Verify::Query,
                ..
            } => {
                let mut channel = dimse::open_for_query(peer)?;
                let answers = ask_each(targets, |target| dimse::has(&mut channel, target));
                if !matches!(answers, Err(Trouble::Link(_))) {
                    channel.release();
                }
                answers.map(Some)
            }
            Way::Dimse { peer, asked, .. } => {
                let new = asked.choose(targets);
                if new.is_empty() {
                    return Ok(None);
                }
                let transaction = format!("2.25.{}", Uuid::new_v4().as_u128());
                let named = |t: &&Target| t.archive().map(|archive| (archive.class, t.instance.clone()));
                let objects: Vec<_> = new.iter().map(named).collect::<Result<_, _>>()?;
                // The report may be here before the answer to the request is.
                asked.add(&transaction, &new);
                let last = idle && new.len() < MOST_OBJECTS;
                let patience = if last { SAME_ASSOCIATION } else { A_MOMENT };
                let report = dimse::ask_to_commit(peer, &transaction, &objects, patience);
                let report = report.inspect_err(|_| drop(asked.take(&transaction)))?;
                Ok(Some(
                    report.map(|report| self.reported(report)).unwrap_or_default(),
                ))
            }
        }
    }

    /// What a report on a commitment says; nothing if nobody here asked for it.
    pub fn reported(&mut self, report: Report) -> Answers {
        let Way::Dimse { asked, .. } = &mut self.way else {
            return Answers::new();
        };
        let Some(objects) = asked.take(&report.transaction) else {
            return Answers::new();
        };
        let kept = report.kept.into_iter().map(|instance| (instance, Said::Kept));
        let failed = report.failed.into_iter().map(|(instance, reason)| {
            let words = format!("the archive does not keep it (failure reason {reason:04X})");
            // Class and instance in conflict: another object of this name is there (PS3.4, J.3.3.1.3).
            let refused = reason == 0x0119 || reason == 0x0122;
            (
                instance,
                if refused {
                    Said::Refused(words)
                } else {
                    Said::Missing(words)
                },
            )
        });
        kept.chain(failed)
            .filter(|(instance, _)| objects.contains(instance))
            .collect()
    }

    /// Ends an association that is not used.
    pub fn rest(&mut self) {
        if let Way::Dimse { channel, .. } = &mut self.way
            && let Some((open, _)) = channel.take_if(|(_, used)| used.elapsed() > IDLE)
        {
            open.release();
        }
    }
}

fn ask_each(
    targets: &[Target],
    mut has: impl FnMut(&Target) -> Result<bool, Trouble>,
) -> Result<Answers, Trouble> {
    let ask = |target: &Target| {
        let said = if has(target)? {
            Said::Kept
        } else {
            Said::Missing("it was taken there and is not found".into())
        };
        Ok((target.instance.clone(), said))
    };
    targets.iter().take(MOST_ASKED).map(ask).collect()
}
