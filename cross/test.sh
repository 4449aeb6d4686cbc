#!/usr/bin/env bash
# Builds Sonograde for aarch64 on a Debian 12 x86-64 machine, as root, and runs the engine's tests by each of its kernels under
# qemu-user. CROSS names the folder of the toolchain, CARGO_TARGET_DIR that of what is built.
#   cross/test.sh [the tests' names; infer:: if none]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cross=${CROSS:-$PWD/target/cross/toolchain}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/cross/build}
[ -e "$cross/env" ] || cross/setup.sh "$cross"
# shellcheck source=/dev/null
. "$cross/env"
cargo build --locked
cargo test --locked --lib -- "${@:-infer::}"
