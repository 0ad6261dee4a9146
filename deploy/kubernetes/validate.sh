#!/bin/sh
# Validates the manifests against the published schemas of Kubernetes, without a cluster.
#
# Uses kubernetes-validate from PyPI; where that cannot be had, it is skipped, and said so.
set -eu
cd "$(dirname "$0")/../.."
tool=$(command -v kubernetes-validate) || {
    environment=${CARGO_TARGET_DIR:-target}/kubernetes-validate
    tool=$environment/bin/kubernetes-validate
    [ -x "$tool" ] || {
        python3 -m venv "$environment" &&
            "$environment/bin/pip" install --quiet --disable-pip-version-check kubernetes-validate
    } >"${TMPDIR:-/tmp}/kubernetes-validate.$$" 2>&1 || {
        rm -rf "$environment"
        echo 'skipped: kubernetes-validate cannot be installed from PyPI:'
        tail -n 1 "${TMPDIR:-/tmp}/kubernetes-validate.$$"
        rm -f "${TMPDIR:-/tmp}/kubernetes-validate.$$"
        exit 0
    }
    rm -f "${TMPDIR:-/tmp}/kubernetes-validate.$$"
}
"$tool" --strict deploy/kubernetes/*.yaml
# What a schema cannot know: the hostsfile is one, and every pod has a line.
sed -n 's/^    \(synod-[0-9]\)/\1/p' deploy/kubernetes/paxos.yaml |
    awk '{ print NR, $0 }' | while read -r number line; do
    case $line in
        "synod-$((number - 1)).synod:"*) ;;
        *)
            echo "deploy/kubernetes/paxos.yaml: line $number of hosts.txt is not of pod $((number - 1))"
            exit 1
            ;;
    esac
done
