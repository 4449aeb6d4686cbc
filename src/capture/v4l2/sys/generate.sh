#!/usr/bin/env bash
# Makes src/lib.rs from this machine's kernel and C library headers (Debian 12: linux-libc-dev, libc6-dev, gcc).
# Needs cargo and libclang: LIBCLANG_PATH names the folder of libclang.so where it is not installed as a package
# (`pip install libclang` puts it in site-packages/clang/native). A diff after running it on Debian 12 is a bug.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

# What the crate `v4l` 0.14 names: its ioctl numbers need the size of every structure they carry.
types='v4l2_(audio|audioout|buffer|capability|control|crop|cropcap|edid|enc_idx|encoder_cmd|exportbuffer'
types+='|ext_control|ext_controls|fmtdesc|format|fract|framebuffer|frequency|frmivalenum|frmivaltypes|frmsizeenum'
types+='|frmsizetypes|input|jpegcompression|modulator|output|pix_format|query_ext_ctrl|queryctrl|querymenu'
types+='|requestbuffers|sliced_vbi_cap|standard|std_id|streamparm|tuner)|time_t|timeval'
variables='V4L2_CTRL_FLAG_NEXT_(CTRL|COMPOUND)'
# What Sonograde names besides.
types+='|v4l2_(dv_timings|event|event_subscription)'
variables+='|V4L2_(PIX_FMT_PRIV_MAGIC|DV_INTERLACED|EVENT_SOURCE_CHANGE|IN_CAP_DV_TIMINGS)'
variables+='|V4L2_IN_ST_(NO_POWER|NO_SIGNAL|NO_H_LOCK|NO_SYNC)'
variables+='|O_NONBLOCK|PROT_READ|MAP_SHARED|POLL(IN|PRI|ERR)|E(NODEV|NXIO|IO|NOTTY|NODATA|NOLINK|NOLCK|RANGE|INVAL)'
functions='poll'

mkdir "$scratch/src"
cat >"$scratch/Cargo.toml" <<'TOML'
[package]
name = "generate"
version = "0.0.0"
edition = "2021"

[dependencies]
bindgen = { version = "=0.72.1", default-features = false, features = ["prettyplease", "runtime"] }
TOML
cat >"$scratch/src/main.rs" <<'RUST'
fn main() {
    let [header, include, types, variables, functions] =
        std::array::from_fn(|n| std::env::args().nth(n + 1).expect("five arguments"));
    bindgen::builder()
        .header(header)
        .clang_args(["-isystem", &include])
        .allowlist_type(types)
        .allowlist_var(variables)
        .allowlist_function(functions)
        .derive_debug(false)
        .generate_comments(false)
        .disable_header_comment()
        .generate()
        .expect("headers that clang can read")
        .write(Box::new(std::io::stdout()))
        .expect("stdout");
}
RUST
cat >"$scratch/headers.h" <<'C'
// The controls of video codecs, of which only pointers are named: 500 lines that nobody here uses.
#define __LINUX_V4L2_CONTROLS_H
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <linux/videodev2.h>
C
CARGO_TARGET_DIR=$scratch/target cargo run -q --manifest-path "$scratch/Cargo.toml" -- \
    "$scratch/headers.h" "$(gcc -print-file-name=include)" "$types" "$variables" "$functions" >"$scratch/raw.rs"

{
    cat <<'RUST'
//! What the crate `v4l` and Sonograde use of `linux/videodev2.h` and a few C library headers, for 64-bit Linux.
//!
//! Written by `generate.sh` with bindgen, so that building Sonograde needs no libclang. Do not edit.

#![allow(missing_docs, non_camel_case_types, non_snake_case, non_upper_case_globals, clippy::all)]

use std::os::raw::*;

RUST
    # Bindgen checks the offset of each field as well; the sizes, which the ioctl numbers carry, are enough.
    perl -0777 -pe '
        my $sizes = "";
        $sizes .= "    assert!(size_of::<$1>() == $2);\n" while /\["Size of (\w+)"\]\s*\[[^;]* - (\d+)usize\]/g;
        s/(#\[allow\([^\]]*\)\]\n)?const _: \(\) = \{.*?\n\};\n//gs;
        s/::std::os::raw:://g;
        $_ .= "\nconst _: () = {\n$sizes};\n";
    ' "$scratch/raw.rs"
} >"$scratch/lib.rs"
rustfmt --edition 2021 --config max_width=110 "$scratch/lib.rs"
cp "$scratch/lib.rs" src/lib.rs
