#!/usr/bin/env bash
# A Rust for aarch64 in a folder of its own, on a Debian 12 x86-64 machine, as root: Debian's rustc and its standard library for
# both, unpacked and not installed (they would take the place of the machine's own), a C compiler, and qemu-user.
#   cross/setup.sh FOLDER; . FOLDER/env
set -euo pipefail
folder=$(realpath -m "$1")
export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -qq -o DPkg::Lock::Timeout=500)
rm -rf "$folder" && mkdir -p "$folder/bin" "$folder/packages"

dpkg --add-architecture arm64
"${apt[@]}" update
version=$(apt-cache policy rustc-web | awk '/Candidate/ { print $2 }')
std=libstd-rust-web-$(cut -d. -f1,2 <<<"$version")
llvm=$(apt-cache depends "$std" | awk '/Depends: libllvm/ { print $2 }')
packages=("rustc-web=$version" "$std=$version" "libstd-rust-web-dev=$version" "libstd-rust-web-dev:arm64=$version" "$llvm")
packages+=(qemu-user)
libraries=(qemu-user)
if ! command -v cargo >/dev/null; then
    packages+=("cargo-web=$version")
    libraries+=(cargo-web)
fi
# What the unpacked programs link to, of which Rust and compilers come otherwise.
mapfile -t needs < <(apt-cache depends "${libraries[@]}" | awk '/^  Depends: lib/ { print $2 }')
"${apt[@]}" install -y --no-install-recommends ca-certificates gcc libc6-dev crossbuild-essential-arm64 "${needs[@]}" >/dev/null
(cd "$folder/packages" && "${apt[@]}" download "${packages[@]}" 2>/dev/null)
for package in "$folder"/packages/*.deb; do
    dpkg -x "$package" "$folder"
done
rm -r "$folder/packages"

for program in "$folder"/usr/bin/{rustc,rustdoc,cargo}; do
    [ -e "$program" ] || continue
    cat >"$folder/bin/${program##*/}" <<END
#!/bin/sh
export LD_LIBRARY_PATH=$folder/usr/lib/x86_64-linux-gnu
exec $program "\$@"
END
    chmod +x "$folder/bin/${program##*/}"
done
cat >"$folder/env" <<END
export PATH="\$PATH:$folder/bin" RUSTC=$folder/bin/rustc RUSTDOC=$folder/bin/rustdoc
export CARGO_BUILD_TARGET=aarch64-unknown-linux-gnu
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="$folder/usr/bin/qemu-aarch64 -L /usr/aarch64-linux-gnu"
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc AR_aarch64_unknown_linux_gnu=aarch64-linux-gnu-ar
END
"$folder/bin/rustc" --version
