#!/bin/sh
# comma_locale.sh - runs a command in a locale with a decimal comma: tests/comma_locale.sh COMMAND [ARGUMENT...]. Where
# the system has none, one is made in build/locale from the sources of Debian's package locales. Status 77, with the
# reason, where there is neither.
name=$(locale -a 2>/dev/null | grep -i -m 1 -e '^de_DE.utf-\{0,1\}8$') || name=
if [ -z "$name" ]; then
    LOCPATH=$(cd "$(dirname "$0")/.." && pwd)/build/locale
    export LOCPATH
    mkdir -p "$LOCPATH"
    # (The folder appears whole or not at all: two runs may be at it.)
    if [ ! -d "$LOCPATH/de_DE.UTF-8" ]; then
        localedef -i de_DE -f UTF-8 "$LOCPATH/$$" >/dev/null 2>&1 && mv -T "$LOCPATH/$$" "$LOCPATH/de_DE.UTF-8" 2>/dev/null
        rm -rf "${LOCPATH:?}/$$"
    fi
    name=de_DE.UTF-8
fi
if [ "$(LC_ALL=$name locale decimal_point 2>/dev/null)" != , ]; then
    echo "comma_locale.sh: there is no locale with a decimal comma, nor localedef to make it (Debian: locales)" >&2
    exit 77
fi
LANG=$name LC_ALL=$name LANGUAGE=en exec "$@" # (messages stay English: scripts read them)
