#!/usr/bin/env bash
# Instructions of a picture by each aarch64 kernel, counted under qemu-user: a figure that no other work on the machine moves.
# Fails if one is 3 % from what it was. CROSS and CARGO_TARGET_DIR as in test.sh.
#   cross/instructions.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cross=${CROSS:-$PWD/target/cross/toolchain}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/cross/build}
[ -e "$cross/env" ] || cross/setup.sh "$cross"
# shellcheck source=/dev/null
. "$cross/env"
gcc -O2 -shared -fPIC -o "$cross/instructions.so" cross/instructions.c
bench=$(cargo bench --locked --bench engine --no-run 2>&1 | sed -n 's/.*Executable.*(\(.*\))/\1/p')
count() { # count KERNEL PICTURES
    echo "$2" | "$cross/usr/bin/qemu-aarch64" -L /usr/aarch64-linux-gnu -plugin "$cross/instructions.so" "$bench" --serve "$1" 1 \
        2>&1 >/dev/null | sed -n 's/^instructions: //p'
}
result=0
while read -r kernel expected; do
    one=$(count "$kernel" 1)
    two=$(count "$kernel" 2)
    picture=$((two - one))
    echo "$kernel: $picture instructions a picture, expected $expected"
    [ $((picture * 100)) -ge $((expected * 97)) ] && [ $((picture * 100)) -le $((expected * 103)) ] || result=1
done <<END
neon-i8mm 60300000
neon-dot 103900000
neon 349200000
END
exit $result
