#!/bin/sh
# Builds the static binary, without the simulator, and prints its path.
#
# usage: [TARGET=TRIPLE] docker/static.sh
#
# On the gnu targets the C library can be linked statically, and names still resolve. The target is
# named, although it may be the machine's own, so that the flags do not apply to procedural macros.
set -eu
cd "$(dirname "$0")/.."
host=$(rustc -vV | sed -n 's/^host: //p')
triple=${TARGET:-$host}

# missing WHAT: ends with a line that says how to get it.
missing() {
    echo "no static binary for $triple: $1" >&2
    exit 1
}
[ -d "$(rustc --print sysroot)/lib/rustlib/$triple/lib" ] ||
    missing "this toolchain has no such target (rustup target add $triple)"
# Another machine's binary needs that machine's linker.
case $triple in
    "$host") ;;
    *-linux-gnu)
        linker=$(echo "$triple" | sed 's/-unknown-/-/')-gcc
        command -v "$linker" >/dev/null || missing "there is no $linker to link it"
        variable=CARGO_TARGET_$(echo "$triple" | tr 'a-z-' 'A-Z_')_LINKER
        export "$variable=$linker"
        ;;
esac

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
