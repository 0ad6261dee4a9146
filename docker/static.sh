#!/bin/sh
# Builds the one static binary for this machine, without the simulator, and prints where it is.
#
# On the gnu target the C library can be linked in, and names still resolve. The target is named,
# though it is the machine's own, so that the flags do not reach the compiler's plug-ins.
set -eu
cd "$(dirname "$0")/.."
triple=$(rustc -vV | sed -n 's/^host: //p')
flags='-C target-feature=+crt-static'
case $triple in
    # Smaller by an eighth; with other linkers than this target's this is not tried.
    x86_64-unknown-linux-gnu)
        flags="$flags -C relocation-model=static -C link-arg=-Wl,-T,$PWD/docker/no-unwind.ld"
        ;;
esac
RUSTFLAGS=$flags cargo build --quiet --profile small --no-default-features --locked --bin synod \
    --target "$triple"
echo "${CARGO_TARGET_DIR:-target}/$triple/small/synod"
