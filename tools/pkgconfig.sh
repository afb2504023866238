#!/bin/sh
# pkgconfig.sh - prints adamw.pc: tools/pkgconfig.sh PREFIX LIBDIR INCLUDEDIR VERSION LIBS
#
# Where LIBDIR lies below PREFIX, the prefix is told from the place of the file itself, so that an installed tree can be
# moved; elsewhere the folders stand in it as they are. LIBS is what a program with the static library needs.
set -eu

[ $# = 5 ] || { echo "usage: pkgconfig.sh PREFIX LIBDIR INCLUDEDIR VERSION LIBS" >&2; exit 2; }
# A blank in a folder has a backslash before it, as pkg-config reads it.
escaped() { printf '%s\n' "${1%/}" | sed 's/[] "'\''\\$[]/\\&/g'; }
prefix=$(escaped "$1") libdir=$(escaped "$2") includedir=$(escaped "$3") version=$4 libs=$5

# below FOLDER: the folder as ${prefix}/..., or as it is.
below() {
    case $1 in
    "$prefix"/*) printf '${prefix}%s\n' "${1#"$prefix"}" ;;
    *) printf '%s\n' "$1" ;;
    esac
}

case $libdir in
*/../* | */./* | *//*) from=$prefix ;;
"$prefix"/*) from='${pcfiledir}/..'$(printf '%s\n' "${libdir#"$prefix"}" | sed 's|/[^/]*|/..|g') ;;
*) from=$prefix ;;
esac
cat <<END
prefix=$from
libdir=$(below "$libdir")
includedir=$(below "$includedir")

Name: libadamw
Description: AdamW and coupled-L2 Adam parameter updates for CPUs
Version: $version
Libs: -L\${libdir} -ladamw
Libs.private: $libs
Cflags: -I\${includedir}
END
