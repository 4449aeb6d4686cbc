//! Model packages: what is damaged or foreign is refused and changes nothing; what was installed and fails is rolled back.

#[path = "common/packages.rs"]
mod packages;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use packages::{SHIPPED, Signer, package, parts, second_model, sha256};
use proptest::prelude::*;
use sonograde::infer::Runtime;
use sonograde::package::{Keys, Package, PackageError, Shelf, Signed, Watch, pack, read_list, signature_of};
use tempfile::TempDir;

/// Two packages and who signed them, made once.
static MADE: LazyLock<(Signer, PathBuf, PathBuf)> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("model_package");
    fs::create_dir_all(&folder).expect("a writable folder");
    let signer = Signer::new();
    let first = package(&folder, "first", &SHIPPED, &signer);
    let second = package(&folder, "second", &second_model(), &signer);
    (signer, first, second)
});

/// A test's own copies, and a folder to install them in.
struct Bench {
    folder: TempDir,
    signer: &'static Signer,
    first: PathBuf,
    second: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let (signer, first, second) = &*MADE;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let copy = |package: &PathBuf| {
            let to = folder.path().join(package.file_name().expect("a name"));
            copy(package, &to);
            to
        };
        Self {
            first: copy(first),
            second: copy(second),
            folder,
            signer,
        }
    }

    fn keys(&self) -> Keys {
        Keys::from_files(&[self.signer.file(self.folder.path())]).expect("a key")
    }

    fn installed(&self) -> PathBuf {
        self.folder.path().join("models")
    }

    fn shelf(&self) -> Shelf {
        Shelf::new(self.installed(), self.keys(), Runtime::default())
    }

    /// SHA-256 of the model that a daemon would run, and the notice.
    fn settled(&self, watch: &mut Watch) -> (String, Option<String>) {
        let in_service = watch.settle().expect("the shipped model at least");
        (in_service.model.identity().sha256.clone(), in_service.notice)
    }
}

/// Copies a package and its signature.
fn copy(package: &Path, to: &Path) {
    fs::copy(package, to).expect("a writable folder");
    fs::copy(signature_of(package), signature_of(to)).expect("a writable folder");
}

/// Every file of a folder with its content; none where there is no folder.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|e| e.expect("an entry").path());
    paths.map(|p| (p.clone(), fs::read(p).expect("a file"))).collect()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("a file");
    let at = at % bytes.len();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).expect("a writable file");
}

#[test]
fn the_same_parts_make_the_same_package_and_a_bad_one_is_not_made() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    parts(folder.path(), &SHIPPED);
    let [model, card, golden] = ["model.onnx", "card.md", "golden"].map(|name| folder.path().join(name));
    let bytes = pack(&model, &card, &golden).expect("a package");
    assert_eq!(
        sha256(&bytes),
        sha256(&pack(&model, &card, &golden).expect("a package"))
    );
    let read = Package::read(&bytes, Path::new("p")).expect("a package");
    assert_eq!(read.figures(), Some("AUC 0.5"));
    fs::write(&model, second_model()).expect("another model");
    let error = pack(&model, &card, &golden)
        .map(|_| ())
        .expect_err("other vectors");
    assert!(
        error.to_string().contains("golden.json belongs to the model"),
        "{error}"
    );
    fs::remove_file(golden.join("1-high.png")).expect("a picture");
    let error = pack(&model, &card, &golden)
        .map(|_| ())
        .expect_err("a picture is missing");
    assert!(error.to_string().contains("1-high.png"), "{error}");
}

#[test]
fn install_keeps_the_last_two_and_rollback_changes_their_places() {
    let bench = Bench::new();
    let shelf = bench.shelf();
    let current = || {
        read_list(&bench.installed())
            .expect("a list")
            .current
            .map(|e| e.model)
    };
    let (one, two) = (sha256(&SHIPPED), sha256(&second_model()));
    let nothing = shelf.rollback().expect_err("nothing is installed");
    assert!(matches!(nothing, PackageError::NothingInstalled(_)), "{nothing}");
    shelf.install(&bench.first).expect("a good package");
    assert_eq!(current(), Some(one.clone()));
    assert_eq!(shelf.rollback().expect("to the shipped model"), None);
    assert_eq!(current(), None);
    shelf.rollback().expect("and back");
    shelf.install(&bench.second).expect("a good package");
    shelf.install(&bench.second).expect("once more changes nothing");
    assert_eq!(
        shelf.rollback().expect("to the first").map(|e| e.model),
        Some(one)
    );
    shelf.install(&bench.second).expect("again");
    assert_eq!(current(), Some(two));
    // Another card makes another package of the same model, and the oldest of three goes.
    let source = bench.folder.path().join("third");
    parts(&source, &second_model());
    fs::write(source.join("card.md"), "# Another").expect("a card");
    let [model, card, golden] = ["model.onnx", "card.md", "golden"].map(|name| source.join(name));
    let third = bench.folder.path().join("third.tar");
    fs::write(&third, pack(&model, &card, &golden).expect("a package")).expect("a writable folder");
    bench.signer.sign(&third);
    fs::write(bench.installed().join("part-x"), "a power cut").expect("a writable folder");
    shelf.install(&third).expect("a good package");
    let files: Vec<PathBuf> = contents(&bench.installed()).into_keys().collect();
    assert_eq!(
        files.len(),
        6,
        "two packages, two signatures, list and lock: {files:?}"
    );
    let list = read_list(&bench.installed()).expect("a list");
    for entry in [list.current, list.previous] {
        let path = entry.expect("both").path_in(&bench.installed());
        assert!(path.exists() && signature_of(&path).exists());
    }
}

#[test]
fn what_fails_at_the_start_is_rolled_back_as_far_as_it_takes() {
    let bench = Bench::new();
    let shelf = bench.shelf();
    shelf.install(&bench.first).expect("a good package");
    let second = shelf.install(&bench.second).expect("a good package");
    let mut watch = shelf.watch();
    assert_eq!(bench.settled(&mut watch), (sha256(&second_model()), None));
    assert!(watch.news().is_none());
    flip(&second.path_in(&bench.installed()), 5_000_000);
    let (model, notice) = bench.settled(&mut bench.shelf().watch());
    assert_eq!(model, sha256(&SHIPPED));
    let notice = notice.expect("why");
    assert!(notice.contains("was rolled back: the signature of"), "{notice}");
    let first = read_list(&bench.installed())
        .expect("a list")
        .current
        .expect("the first");
    assert_eq!(first.model, sha256(&SHIPPED), "the rollback is written down");
    assert!(watch.news().is_some(), "and a daemon that runs sees it");
    assert!(watch.news().is_none(), "once");
    // The first is gone too: the shipped model runs, and both are said.
    fs::remove_file(first.path_in(&bench.installed())).expect("the package");
    let mut watch = bench.shelf().watch();
    let in_service = watch.settle().expect("the shipped model");
    assert_eq!(in_service.from, "shipped");
    assert_eq!(
        in_service.notice.expect("why").matches("was rolled back").count(),
        2
    );
    let list = read_list(&bench.installed()).expect("a list");
    assert_eq!((list.current, list.refused.len()), (None, 2));
    bench.shelf().install(&bench.second).expect("installed again");
    assert_eq!(bench.settled(&mut watch), (sha256(&second_model()), None));
}

#[test]
fn a_good_package_under_anothers_name_is_not_run() {
    let bench = Bench::new();
    let shelf = bench.shelf();
    let first = shelf
        .install(&bench.first)
        .expect("a good package")
        .path_in(&bench.installed());
    let second = shelf
        .install(&bench.second)
        .expect("a good package")
        .path_in(&bench.installed());
    copy(&first, &second);
    let (model, notice) = bench.settled(&mut shelf.watch());
    assert_eq!(model, sha256(&SHIPPED));
    assert!(notice.expect("why").contains("its SHA-256 is not its name"));
}

#[test]
fn a_list_that_names_nothing_runs_the_shipped_model_and_says_so() {
    let bench = Bench::new();
    bench.shelf().install(&bench.second).expect("a good package");
    let list = bench.installed().join("installed.json");
    let text = fs::read_to_string(&list).expect("a list");
    for damaged in [
        &text[..text.len() / 2],
        "",
        &text.replace("\"package\": \"", "\"package\": \"../"),
    ] {
        fs::write(&list, damaged).expect("a writable folder");
        let (model, notice) = bench.settled(&mut bench.shelf().watch());
        assert_eq!(model, sha256(&SHIPPED));
        assert!(notice.expect("why").contains("installed.json is damaged"));
        assert!(
            bench.shelf().install(&bench.second).is_err(),
            "nobody guesses what was installed"
        );
    }
}

#[test]
fn no_key_no_signature_and_a_foreign_key_are_refused_in_words() {
    let bench = Bench::new();
    let error = |keys: &Keys| {
        Signed::read(&bench.first, keys)
            .err()
            .expect("refused")
            .to_string()
    };
    assert!(matches!(Keys::from_lines(&[]), Err(PackageError::NoKey)));
    let key = Keys::from_lines(&["RWQ".into()]).map(|_| ()).expect_err("no key");
    assert!(key.to_string().contains("is not a minisign public key"), "{key}");
    let others = Keys::from_lines(&[Signer::new().line(), Signer::new().line()]).expect("keys");
    assert!(error(&others).contains("not trusted here (2 others are)"));
    let many = Keys::from_lines(&[Signer::new().line(), bench.signer.line()]).expect("keys");
    Signed::read(&bench.first, &many).expect("one of them signed it");
    fs::copy(signature_of(&bench.second), signature_of(&bench.first)).expect("another's signature");
    assert!(error(&bench.keys()).contains("changed after it was signed"));
    fs::write(signature_of(&bench.first), "").expect("an empty signature");
    assert!(error(&bench.keys()).contains("cut off or not minisign's"));
    fs::remove_file(signature_of(&bench.first)).expect("the signature");
    assert!(error(&bench.keys()).contains("first.tar.minisig beside it"));
}

/// A package whose signature is good although it is none: its maker's mistake.
#[test]
fn a_signature_does_not_make_a_package() {
    let bench = Bench::new();
    let path = bench.folder.path().join("odd.tar");
    let whole = fs::read(&bench.first).expect("a package");
    let refused = |bytes: &[u8], words: &str| {
        fs::write(&path, bytes).expect("a writable folder");
        bench.signer.sign(&path);
        let error = sonograde::one_line(&bench.shelf().install(&path).expect_err(words));
        assert!(error.contains(words) && error.contains("odd.tar"), "{error}");
        assert!(!bench.installed().exists());
    };
    refused(b"", "it has no member \"model.onnx\"");
    refused(&SHIPPED, "is not a model package");
    refused(&whole[..whole.len() / 2], "cut off");
    refused(
        &whole[..512 + SHIPPED.len().next_multiple_of(512)],
        "it has no member \"golden/golden.json\"",
    );
    let mut other = whole.clone();
    let weights = 512 + SHIPPED.len() / 2;
    other[weights..weights + 64].fill(0x33);
    refused(&other, "golden.json belongs to the model");
    let at = whole
        .windows(11)
        .position(|w| w == b"\"score\": 0.")
        .expect("a score");
    other.clone_from(&whole);
    other[at + 11] = if other[at + 11] == b'9' {
        b'0'
    } else {
        other[at + 11] + 1
    };
    refused(&other, "fails its golden vectors on this box");
}

thread_local! {
    /// A folder with the first package installed.
    static INSTALLED: Bench = {
        let bench = Bench::new();
        bench.shelf().install(&bench.first).expect("a good package");
        bench
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn damage_is_refused_and_changes_nothing(
        cut in proptest::option::of(0.0..1.0),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), 0..8u8), 1..4),
        signature in proptest::bool::weighted(0.3),
    ) {
        let (shelf, folder) = INSTALLED.with(|bench| (bench.shelf(), bench.folder.path().to_owned()));
        let before = contents(shelf.folder());
        let path = folder.join("damaged.tar");
        copy(&MADE.2, &path);
        let target = if signature { signature_of(&path) } else { path.clone() };
        let good = fs::read(&target).expect("a file");
        let mut bytes = good.clone();
        // The signature's first line is a comment that nobody signs.
        let from = if signature { good.iter().position(|b| *b == b'\n').expect("lines") } else { 0 };
        match cut {
            Some(part) => bytes.truncate(from + ((good.len() - from - 1) as f64 * part) as usize),
            None => for (at, bit) in flips {
                let at = from + at.index(good.len() - from);
                bytes[at] ^= 1 << bit;
            },
        }
        prop_assume!(bytes != good);
        fs::write(&target, bytes).expect("a writable folder");
        let done = shelf.install(&path);
        prop_assert!(done.is_err(), "{:?}", done);
        prop_assert!(contents(shelf.folder()) == before, "the folder changed");
    }

    /// Without the signature in front, the reader must hold on its own.
    #[test]
    fn no_bytes_make_the_reader_panic(
        cut in proptest::option::weighted(0.2, 0.0..1.0),
        bytes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..16),
        header in any::<proptest::sample::Index>(),
        field in proptest::collection::vec((0..512usize, any::<u8>()), 0..4),
    ) {
        let mut package = fs::read(&MADE.2).expect("a package");
        for (at, byte) in bytes {
            let at = at.index(package.len());
            package[at] = byte;
        }
        // Headers are few: without aim none is ever hit.
        let headers: Vec<usize> =
            (0..package.len() - 511).step_by(512).filter(|at| &package[at + 257..at + 262] == b"ustar").collect();
        if let Some(at) = headers.get(header.index(headers.len().max(1))) {
            field.iter().for_each(|(n, byte)| package[at + n] = *byte);
            let sum: u32 = (0..512).map(|n| if (148..156).contains(&n) { 32 } else { package[at + n].into() }).sum();
            package[at + 148..at + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        if let Some(part) = cut {
            package.truncate((package.len() as f64 * part) as usize);
        }
        if let Ok(package) = Package::read(&package, Path::new("p")) {
            let _ = package.figures();
        }
    }
}
