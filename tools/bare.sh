#!/bin/sh
# bare.sh - the README's two commands in a fresh Debian root with a base system and make in it, and nothing else, so
# that no missing install step can hide. Root only; not part of CI (it downloads some hundred megabytes).
#
#   tools/bare.sh [COMMAND ...]       default: 'make bench' 'make test'; the log is build/bare.log
#
# The mirror, the release and the proxy are this machine's own, as apt has them. The root lies in a temporary folder
# and is removed at the end; KEEP=yes keeps it.
set -eu
LC_ALL=C # messages and numbers as they are read here, whatever the locale
export LC_ALL
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || { echo "bare.sh: must run as root: it makes a root of its own with debootstrap" >&2; exit 2; }
tools/setup.sh bare
for command in apt-get unshare tar; do
    command -v $command >/dev/null 2>&1 || { echo "bare.sh: $command is missing: a Debian machine has it" >&2; exit 2; }
done
[ $# -gt 0 ] || set -- 'make bench' 'make test'

release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
    awk -v release="$release" '$2 == release && $3 == "main" {print $1; exit}')
[ -n "$mirror" ] || { echo "bare.sh: apt's sources have no main of '$release': apt-get update?" >&2; exit 2; }

root=$(mktemp -d)
clean_up() { [ "${KEEP:-no}" = yes ] && echo "bare.sh: kept $root" || rm -rf --one-file-system "$root"; }
trap clean_up EXIT
mkdir -p build
log=$PWD/build/bare.log
echo "bare.sh: $release from apt's mirror, log in build/bare.log"
proxy=$(apt-config dump --format '%v%n' Acquire::http::Proxy)
http_proxy=${proxy:-${http_proxy:-}} debootstrap --variant=minbase --include=make "$release" "$root" "$mirror" >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; echo "bare.sh: debootstrap failed" >&2; exit 1; }
mkdir "$root/src"
# What a clone holds, with what is not committed yet.
git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - | tar -C "$root/src" -xf -
cp /etc/resolv.conf "$root/etc/"
apt-config dump | grep -i '^Acquire::.*proxy' >"$root/etc/apt/apt.conf.d/90proxy" || :

status=0
for command in "$@"; do
    echo "\$ $command" | tee -a "$log"
    began=$(date +%s)
    # A mount namespace of its own: what is mounted here is gone when it ends.
    unshare --mount --pid --fork sh -c 'set -e
        mount --make-rprivate /
        mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev"
        exec chroot "$0" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 sh -c "cd /src && $1"' \
        "$root" "$command" >>"$log" 2>&1 && result=passed || { result=FAILED status=1; }
    tail -n 12 "$log" | sed 's/^/    /'
    echo "$result: $command ($(($(date +%s) - began)) s)" | tee -a "$log"
done
exit $status
