#!/usr/bin/env bash
# Instructions of a picture by each aarch64 kernel, counted under qemu-user: a figure that no other work on the machine moves.
# Fails if one is 3 % from what it was. The network is of the shipped one's shape; how many instructions these kernels take
# does not depend on its weights. CROSS and CARGO_TARGET_DIR as in test.sh.
#   cross/instructions.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=/dev/null
. cross/toolchain
plugin=$CARGO_TARGET_DIR/instructions.so
in_engine cargo build --quiet --release
gcc -O2 -shared -fPIC -o "$plugin" cross/instructions.c
engine=$CARGO_TARGET_DIR/aarch64-unknown-linux-gnu/release/sonograde-engine
count() { # count KERNEL PICTURES
    "$cross/usr/bin/qemu-aarch64" -L /usr/aarch64-linux-gnu -plugin "$plugin" "$engine" "$@" 2>&1 >/dev/null |
        sed -n 's/^instructions: //p'
}
result=0
while read -r kernel expected; do
    one=$(count "$kernel" 1)
    two=$(count "$kernel" 2)
    picture=$((two - one))
    echo "$kernel: $picture instructions a picture, expected $expected"
    [ $((picture * 100)) -ge $((expected * 97)) ] && [ $((picture * 100)) -le $((expected * 103)) ] || result=1
done <<END
neon-i8mm 52000000
neon-dot 99600000
neon 333300000
scalar 1097200000
END
exit $result
