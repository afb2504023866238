#!/bin/sh
# crate.sh - writes the crate adamw-sys: tools/packaging/rust/crate.sh VERSION ONE_FILE FOLDER, where ONE_FILE is the
# folder that `make amalgamation` writes. Its bindings are made here, so that who uses the crate needs no bindgen.
set -eu
[ $# = 3 ] || { echo "usage: crate.sh VERSION ONE_FILE FOLDER" >&2; exit 2; }
version=$1 one_file=$2 folder=$3
from=$(dirname "$0")

mkdir -p "$folder"
cp -R "$from/src" "$from/tests" "$from/examples" "$from/build.rs" "$from/../../../LICENSE" "$folder/"
cp "$one_file/adamw.c" "$one_file/adamw.h" "$folder/"
sed "s/@VERSION@/$version/" "$from/Cargo.toml.in" >"$folder/Cargo.toml"
bindgen "$folder/adamw.h" --size_t-is-usize --no-prepend-enum-name --with-derive-default --no-layout-tests \
    --allowlist-function 'adamw_.*' --allowlist-type 'adamw_.*' --allowlist-var 'ADAMW_.*' \
    --output "$folder/src/bindings.rs" -- -std=c11 -fparse-all-comments
printf '%s\n' "$folder"
