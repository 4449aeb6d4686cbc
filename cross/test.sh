#!/usr/bin/env bash
# Runs the engine's tests for aarch64 by each of its kernels under qemu-user, on a Debian 12 x86-64 machine, as root: those of
# cross/engine, which are exact, so that onnxruntime's layers need to be compared on one kind of processor alone. With
# --program it builds all of Sonograde for aarch64, 25 minutes on two cores, and runs the tests that are named (infer:: if none, all by `::`).
# CROSS names the folder of the toolchain, CARGO_TARGET_DIR that of what is built.
#   cross/test.sh [--program [TEST…]]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=/dev/null
. cross/toolchain
if [ "${1:-}" = --program ]; then
    shift
    cargo build --locked
    # qemu-user does not tell who starts a program that it is not there.
    cargo test --locked --lib -- "${@:-infer::}" --skip without_ffmpeg_the_error_says_what_to_install
else
    in_engine cargo test --quiet
fi
