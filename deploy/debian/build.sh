#!/bin/sh
# Builds a Debian package of the binary, its manual page, completions and a systemd unit, and prints
# its path.
#
# PROGRAM is a binary to package instead of the one that cargo builds here.
set -eu
cd "$(dirname "$0")/../.."
for tool in dpkg-deb dpkg-shlibdeps; do
    command -v $tool >/dev/null || {
        echo "there is no $tool (Debian's dpkg-dev)" >&2
        exit 1
    }
done
built=${CARGO_TARGET_DIR:-target}
program=${PROGRAM:-}
if [ -z "$program" ]; then
    cargo build --quiet --release --locked --bin synod
    program=$built/release/synod
fi
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
maintainer='The synod authors <synod@packages.invalid>'
architecture=$(dpkg --print-architecture)
root=$built/debian/root
rm -rf "$built/debian"
mkdir -p "$root/DEBIAN" "$built/debian/debian"

# put MODE FILE PATH
put() { install -D -m "$1" "$2" "$root/$3"; }
# printed PATH WORD...: what the program prints, as a file.
printed() {
    path=$root/$1
    shift
    mkdir -p "$(dirname "$path")"
    "$program" "$@" >"$path"
    chmod 644 "$path"
}

put 755 "$program" usr/bin/synod
strip --remove-section=.comment --remove-section=.note "$root/usr/bin/synod"
put 644 deploy/debian/synod@.service lib/systemd/system/synod@.service
printed usr/share/man/man1/synod.1 man
printed usr/share/bash-completion/completions/synod completions bash
printed usr/share/zsh/vendor-completions/_synod completions zsh
printed usr/share/fish/vendor_completions.d/synod.fish completions fish
put 644 deploy/debian/copyright usr/share/doc/synod/copyright
for file in CHANGELOG.md README.md docs/deploy.md docs/commands.md hostsfiles/hostsfile-local.txt; do
    put 644 "$file" "usr/share/doc/synod/$(basename "$file")"
done
cat >"$root/usr/share/doc/synod/changelog" <<END
synod ($version) unstable; urgency=medium

  * See CHANGELOG.md.

 -- $maintainer  $(date -R -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}")
END
chmod 644 "$root/usr/share/doc/synod/changelog"
gzip -9n "$root/usr/share/man/man1/synod.1" "$root/usr/share/doc/synod/changelog"
mkdir -p "$root/etc/synod"

# Which libraries the binary needs, by the packages of this machine.
printf 'Source: synod\n\nPackage: synod\nArchitecture: %s\n' "$architecture" \
    >"$built/debian/debian/control"
binary=$(realpath "$root/usr/bin/synod")
depends=$(cd "$built/debian" && dpkg-shlibdeps -O "$binary" 2>/dev/null |
    sed -n 's/^shlibs:Depends=//p')
cat >"$root/DEBIAN/control" <<END
Package: synod
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Section: net
Priority: optional
Depends: $depends
Suggests: systemd
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Description: Paxos you can run, read and trust
 Each peer of a hostsfile is a process; the peers agree on one value without a
 leader, print every message as a JSON line, and keep their promises on disk
 through kill -9 and power loss. A judge checks any run from its printed lines,
 and a simulator plays the protocol from seeds, with every kind of fault.
END
for step in postinst prerm postrm; do
    put 755 "deploy/debian/$step" "DEBIAN/$step"
done
(cd "$root" && find usr lib -type f | sort | xargs -d '\n' md5sum) >"$root/DEBIAN/md5sums"
package=$built/debian/synod_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$root" "$package" >/dev/null
echo "$package"
