#!/bin/sh
# Says what the tests need beyond Rust, and whether it is here. Where it is not, the tests that need
# it are skipped (with CI=true, strace and /dev/fuse must be here).

# here WHAT TESTS CONDITION...: one line.
here() {
    what=$1 tests=$2
    shift 2
    if "$@" 2>/dev/null; then is=yes; else is=NO; fi
    printf '  %-38s %-5s %s\n' "$what" "$is" "$tests"
}

all() { for tool; do command -v "$tool" >/dev/null || return 1; done; }
is_root() { [ "$(id -u)" = 0 ]; }
may_fuse() { is_root && [ -w /dev/fuse ]; }
may_mount() { is_root && unshare --mount mount -t tmpfs none /tmp; }
may_make_networks() { is_root && all python3 ip && [ -w /dev/net/tun ]; }

printf '  %-38s %-5s %s\n' 'What tests need beyond Rust' here 'tests/'
here 'strace that may trace' 'durability' strace -o /dev/null true
here 'root and /dev/fuse' 'power, lossy, torture' may_fuse
here 'root that may mount' 'data (a full disk)' may_mount
here 'root, python3, ip and /dev/net/tun' 'wan' may_make_networks
here '3,000 open files (ulimit -n)' 'strangers' [ "$(ulimit -n | sed 's/unlimited/3000/')" -ge 3000 ]
here 'script (util-linux)' 'story, learn, help' all script
here 'zsh, fish and groff' 'help (completions, man page)' all zsh fish groff
echo 'Docker is needed for make docker-..., chromium for make test-browser, root for make swarm-test.'
echo
