//! Deflates the model that ships: half of what it would take of the program.

use std::env;
use std::fs::{File, read};
use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;

const MODEL: &str = "models/sonograde-phantom-a0.onnx";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed={MODEL}");
    let out = env::var_os("OUT_DIR").expect("cargo says where");
    let deflated = File::create(Path::new(&out).join("model.zlib"))?;
    let mut deflater = ZlibEncoder::new(deflated, Compression::best());
    deflater.write_all(&read(MODEL)?)?;
    deflater.finish().map(drop)
}
