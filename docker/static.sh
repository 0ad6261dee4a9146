#!/bin/sh
# Builds the static binary for this machine, without the simulator, and prints its path.
#
# On the gnu target the C library can be linked statically, and names still resolve. The target is
# named, although it is the machine's own, so that the flags do not apply to procedural macros.
set -eu
cd "$(dirname "$0")/.."
triple=$(rustc -vV | sed -n 's/^host: //p')
flags='-C target-feature=+crt-static'
case $triple in
    # Smaller by an eighth. Not tried with the linkers of other targets.
    x86_64-unknown-linux-gnu)
        flags="$flags -C relocation-model=static -C link-arg=-Wl,-T,$PWD/docker/no-unwind.ld"
        ;;
esac
RUSTFLAGS=$flags cargo build --quiet --profile small --no-default-features --locked --bin synod \
    --target "$triple"
echo "${CARGO_TARGET_DIR:-target}/$triple/small/synod"
