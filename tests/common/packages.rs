//! Model packages for tests: the shipped model and a second one, signed with keys made on the spot.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use minisign::KeyPair;
use sha2::{Digest, Sha256};
use sonograde::infer::shipped_file;
use sonograde::package::{pack, signature_of};

/// The file of the model that ships.
pub static SHIPPED: LazyLock<Vec<u8>> = LazyLock::new(shipped_file);

/// Who signs.
pub struct Signer(KeyPair);

impl Signer {
    pub fn new() -> Self {
        Self(KeyPair::generate_unencrypted_keypair().expect("randomness"))
    }

    /// The public key's second line, as the config takes it.
    pub fn line(&self) -> String {
        self.0.pk.to_base64()
    }

    /// The public key's file, as `--key` takes it.
    pub fn file(&self, folder: &Path) -> PathBuf {
        let path = folder.join("trusted.pub");
        let text = self.0.pk.to_box().expect("a key").to_string();
        fs::write(&path, text).expect("the folder takes a file");
        path
    }

    /// Signs a file.
    pub fn sign(&self, path: &Path) {
        let file = fs::File::open(path).expect("the package");
        let signed = minisign::sign(Some(&self.0.pk), &self.0.sk, file, None, None).expect("a signature");
        fs::write(signature_of(path), signed.to_string()).expect("the folder takes a file");
    }
}

/// The shipped model under another version, and so another hash.
pub fn second_model() -> Vec<u8> {
    let mut bytes = SHIPPED.to_vec();
    let key = b"\x0a\x07version\x12";
    let at = bytes
        .windows(key.len())
        .position(|w| w == key)
        .expect("its metadata")
        + key.len();
    let last = &mut bytes[at + usize::from(SHIPPED[at])];
    *last = if *last == b'9' { b'8' } else { *last + 1 };
    bytes
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// What a package of `model` is made of, in `folder`: model.onnx, card.md, golden/.
pub fn parts(folder: &Path, model: &[u8]) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/golden");
    let golden = folder.join("golden");
    fs::create_dir_all(&golden).expect("a folder");
    for entry in fs::read_dir(shipped).expect("golden vectors") {
        let path = entry.expect("an entry").path();
        let to = golden.join(path.file_name().expect("a name"));
        if path.ends_with("golden.json") {
            let text = fs::read_to_string(path).expect("golden.json");
            fs::write(to, text.replace(&sha256(&SHIPPED), &sha256(model))).expect("golden.json");
        } else {
            fs::copy(path, to).expect("a picture");
        }
    }
    fs::write(
        folder.join("card.md"),
        "# Card\n\n## Figures\nAUC 0.5\n\n## Limits\n",
    )
    .expect("card.md");
    fs::write(folder.join("model.onnx"), model).expect("model.onnx");
}

/// A signed package of `model`.
pub fn package(folder: &Path, name: &str, model: &[u8], signer: &Signer) -> PathBuf {
    let source = folder.join(format!("{name}-parts"));
    parts(&source, model);
    let bytes = pack(
        &source.join("model.onnx"),
        &source.join("card.md"),
        &source.join("golden"),
    );
    let path = folder.join(format!("{name}.tar"));
    fs::write(&path, bytes.expect("a package")).expect("the folder takes a file");
    signer.sign(&path);
    path
}
