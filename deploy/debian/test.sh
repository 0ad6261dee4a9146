#!/bin/sh
# Installs the package in a container made from Debian's packages, runs a peer as its systemd unit,
# kills it, upgrades, removes and purges, and looks at what is there after each step.
#
# shellcheck disable=SC2016 # what is in single quotes is expanded inside
#
# Needs root, debootstrap and a Docker engine. SUITE is the release of Debian (default: bookworm).
set -eu
cd "$(dirname "$0")/../.."
. docker/engine.sh
[ "$(id -u)" = 0 ] || lacking 'debootstrap needs root'
command -v debootstrap >/dev/null || lacking 'there is no debootstrap'
need_engine
commit=$(git rev-parse --short=10 HEAD)
package=$(deploy/debian/build.sh)
name=synod-deb-$(od -An -N4 -tx4 /dev/urandom | tr -d ' \n')
stage=$(mktemp -d)
take_down() {
    trap '' INT TERM HUP
    docker rm -f -v "$name" >/dev/null 2>&1 || true
    docker rmi "$name" >/dev/null 2>&1 || true
    rm -rf "$stage"
}
trap take_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

suite=${SUITE:-bookworm}
echo "a container of Debian $suite"
# ROOT: a directory that debootstrap has made before.
debootstrap --variant=minbase --include=systemd,systemd-sysv,man-db,bash-completion "$suite" \
    "$stage/root" >"$stage/log" 2>&1 || {
    tail -n 5 "$stage/log" >&2
    exit 1
}
cp "$package" "$stage/root/root/synod.deb"
# Without these, dpkg leaves documentation out and starts no service.
rm -f "$stage/root/usr/sbin/policy-rc.d" "$stage/root/etc/dpkg/dpkg.cfg.d/"*
tar -C "$stage/root" -c . | docker import - "$name" >/dev/null
# systemd needs to mount, and a hierarchy of control groups that it may write.
docker run -d --name "$name" --hostname peer1 --network none --tmpfs /run --tmpfs /tmp \
    --cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined \
    --security-opt apparmor=unconfined -e container=docker -v /sys/fs/cgroup/systemd "$name" \
    /bin/sh -c 'mount -o remount,rw /sys/fs/cgroup; exec /lib/systemd/systemd' >/dev/null

inside() { docker exec "$name" sh -ec "$1"; }
# says WHAT COMMAND: the step, and that it holds; until a deadline it may come true.
says() {
    tries=${3:-1}
    until answer=$(inside "$2" 2>&1); do
        tries=$((tries - 1))
        if [ "$tries" -le 0 ]; then
            echo "FAILED: $1: $2"
            echo "$answer"
            inside 'journalctl -u "synod@*" --no-pager | tail -n 20' || true
            exit 1
        fi
        sleep 0.5
    done
    echo "ok: $1"
}
running='systemctl is-active synod@lab && journalctl -u synod@lab -o cat | grep -q "listens on port"'
started_twice='[ "$(journalctl -u synod@lab -o cat | grep -c "listens on port")" -ge 2 ]'

says 'systemd runs' 'systemctl is-system-running | grep -E "running|degraded"' 120
says 'it installs' 'dpkg -i /root/synod.deb'
says 'its version has the commit' "synod --version | grep -F '($commit)'"
says 'the manual page is there' 'man -w synod && zcat "$(man -w synod)" | head -n 1 | grep SYNOD'
says 'bash completes it' 'bash -ic ". /usr/share/bash-completion/completions/synod; complete -p synod"'
says 'the unit is well formed' 'systemd-analyze verify synod@lab.service'
says 'the unit is closed' 'systemd-analyze security --offline=true --threshold=25 synod@.service'
inside 'printf "peer1:acceptor1\npeer2:proposer1\n" > /etc/synod/lab.hosts'
says 'a peer starts' 'systemctl enable --now synod@lab'
says 'it runs' "$running" 60
says 'it is not root' '[ "$(ps -o user= -C synod || stat -c %U /proc/$(pidof synod))" != root ]'
says 'its state is there' 'test -s /var/lib/synod/lab/log' 20
says 'it cannot see other homes' \
    '! nsenter -t "$(systemctl show -P MainPID synod@lab)" -m test -e /root/synod.deb'
says 'it is killed' 'systemctl kill -s KILL synod@lab'
says 'it is started again' "$started_twice" 60
says 'an upgrade leaves it running' \
    'pid=$(systemctl show -P MainPID synod@lab); dpkg -i /root/synod.deb; kill -0 "$pid"'
says 'it is removed' 'dpkg -r synod'
says 'the peer has ended' '! systemctl is-active synod@lab'
says 'the program is gone' '! test -e /usr/bin/synod && ! test -e /usr/share/man/man1/synod.1.gz'
says 'it is purged' 'dpkg -P synod && ! dpkg -s synod'
says 'the state stays' 'test -s /var/lib/synod/lab/log && test -s /etc/synod/lab.hosts'
echo 'passed: the package installs, runs, upgrades and removes'
