//! Finds a device by a name that stays with it, and lists what is there.

use std::path::{Path, PathBuf};

use super::Options;
use super::mode::{self, Mode};
use super::node::Node;
use crate::capture::CaptureError;

/// Where udev links devices: by its rules' own names (our package's is `sonograde-capture`), by what they are, by where they are plugged in.
const LINKS: [&str; 3] = ["/dev", "/dev/v4l/by-id", "/dev/v4l/by-path"];

/// A capture device that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Its node for now, such as `/dev/video0`.
    pub path: PathBuf,
    /// Names under which `device` finds it again: links in `/dev` and under `/dev/v4l`.
    pub links: Vec<PathBuf>,
    /// Its name for people, which `device` takes too where only one has it.
    pub card: String,
    /// Its driver.
    pub driver: String,
    /// Where it is plugged in, which `device` takes too.
    pub bus: String,
    /// What it offers, in its own order; of the input that it is set to.
    pub modes: Vec<Mode>,
    /// The mode that is taken if nothing is pinned.
    pub best: Option<Mode>,
}

/// The capture devices that are there. What cannot be opened is left out.
pub fn list() -> Vec<Listed> {
    let unpinned = Options::default();
    let listed = |node: Node| {
        let modes = mode::offered(&node, &unpinned);
        Listed {
            path: node.path().into(),
            links: links_to(node.path()),
            card: node.card.clone(),
            bus: node.bus.clone(),
            driver: node.driver.clone(),
            best: mode::choose(&modes, &unpinned),
            modes,
        }
    };
    nodes().map(listed).collect()
}

/// Opens the device that `name` names: a path, the name of a link in `/dev` or under `/dev/v4l`, a card or a bus.
///
/// # Errors
/// [`CaptureError::NotFound`] if there is none, [`CaptureError::Ambiguous`] if there are several, and those of opening it.
pub(super) fn open(name: &Path) -> Result<Node, CaptureError> {
    if name.is_absolute() {
        return Node::open(name);
    }
    let link = LINKS.iter().map(|folder| Path::new(folder).join(name));
    if let Some(link) = link.into_iter().find(|link| link.exists()) {
        return Node::open(&link);
    }
    let named = |node: &Node| [&node.card, &node.bus].map(Path::new).contains(&name);
    let mut found: Vec<_> = nodes().filter(named).collect();
    match (found.pop(), found.len()) {
        (Some(node), 0) => Ok(node),
        (Some(last), _) => {
            found.push(last);
            let each = |node: &Node| format!("{} at {}", node.path().display(), node.bus);
            Err(CaptureError::Ambiguous {
                name: name.into(),
                found: found.iter().map(each).collect::<Vec<_>>().join(", "),
            })
        }
        (None, _) => Err(CaptureError::NotFound {
            path: name.into(),
            hint: " or name, and that the device is plugged in",
        }),
    }
}

/// The capture devices that can be opened, by number.
fn nodes() -> impl Iterator<Item = Node> {
    let entries = std::fs::read_dir("/dev").into_iter().flatten().flatten();
    let number = |path: &Path| {
        path.file_name()?
            .to_str()?
            .strip_prefix("video")?
            .parse::<u32>()
            .ok()
    };
    let mut paths: Vec<_> = entries
        .map(|entry| entry.path())
        .filter_map(|path| Some((number(&path)?, path)))
        .collect();
    paths.sort();
    paths.into_iter().filter_map(|(_, path)| Node::open(&path).ok())
}

fn links_to(node: &Path) -> Vec<PathBuf> {
    let folders = LINKS.iter().filter_map(|folder| std::fs::read_dir(folder).ok());
    let entries = folders.flatten().flatten();
    let links = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
    let mut links: Vec<_> = links
        .map(|entry| entry.path())
        .filter(|link| link.canonicalize().is_ok_and(|target| target == node))
        .collect();
    links.sort();
    links
}
