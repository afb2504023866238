#!/bin/sh
# dist.sh - writes the source distribution: tools/packaging/dist.sh NAME FOLDER writes FOLDER/NAME.tar.gz
#
# It has the tracked files as they stand in the working tree, in a folder NAME. The bytes depend on their content and
# the last commit's date alone, not on the checkout's owner, umask or times.
set -eu

[ $# = 2 ] || { echo "usage: dist.sh NAME FOLDER" >&2; exit 2; }
name=$1 folder=$2
if ! date=$(git log -1 --format=%ct 2>/dev/null) || [ "$(git rev-parse --show-cdup)" != "" ]; then
    echo "dist.sh: what belongs to a distribution is asked of git, and this folder is no checkout of its own" >&2
    exit 1
fi
mkdir -p "$folder"
# A link's target stays as it is (S, H). In two steps, so that an error of tar's is not lost in a pipe.
git ls-files -z | LC_ALL=C tar --null -T - --sort=name --mtime="@$date" --owner=0 --group=0 --numeric-owner \
    --mode=u=rwX,go=rX --format=gnu --transform="flags=rSH;s,^,$name/," -cf "$folder/$name.tar"
gzip -9nf "$folder/$name.tar"
printf '%s\n' "$folder/$name.tar.gz"
