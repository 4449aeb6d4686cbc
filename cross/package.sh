#!/usr/bin/env bash
# The Debian package for aarch64, from a Debian 12 x86-64 machine, as root, with cargo-deb: in target/cross/build/debian/, or CARGO_TARGET_DIR's
# debian/. CROSS names the folder of the toolchain.
#   cross/package.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=/dev/null
. cross/toolchain
systemd/deb/build
