#!/bin/sh
# debian.sh - builds the Debian packages: tools/packaging/debian.sh VERSION ARCHIVE FOLDER
#
# ARCHIVE is what `make dist` wrote. The packages' files stand in tools/packaging/debian; DEBFULLNAME and DEBEMAIL say
# whose packages they are, as for all of Debian's tools.
set -eu
[ $# = 3 ] || { echo "usage: debian.sh VERSION ARCHIVE FOLDER" >&2; exit 2; }
version=$1 archive=$2 folder=$3
maintainer="${DEBFULLNAME:-A packager} <${DEBEMAIL:-packager@example.org}>"
tree=$folder/libadamw-$version

rm -rf "$folder"
mkdir -p "$folder"
cp "$archive" "$folder/libadamw_$version.orig.tar.gz"
tar -C "$folder" -xzf "$archive"
cp -R "$tree/tools/packaging/debian" "$tree/debian"
date=$(LC_ALL=C date -R -d "@$(stat -c %Y "$tree/LICENSE")") # of the commit, as make dist has it
maintainer=$(printf '%s\n' "$maintainer" | sed 's/[&/\]/\\&/g')
sed -i "s/@VERSION@/$version/; s/@MAINTAINER@/$maintainer/; s/@DATE@/$date/" \
    "$tree/debian/control" "$tree/debian/changelog" "$tree/debian/libadamw0.symbols"
sed -n '/^Permission/,$p' "$tree/LICENSE" | sed 's/^$/./; s/^/ /' >"$folder/licence"
sed -i -e "/@LICENSE@/{r $folder/licence" -e 'd;}' "$tree/debian/copyright"
rm "$folder/licence"
cd "$tree"
dpkg-buildpackage -us -uc
