#!/bin/sh
# words.sh - runs a command with the words of one text behind its arguments:
#
#   tools/words.sh NAME TEXT COMMAND [ARGUMENT ...]
#
# make hands ARGS over with it. Blanks separate words; quotes and backslashes hold one together, as in a shell; nothing
# else has a meaning, so that no text can start a program of its own. NAME is the variable to blame in a message.
set -eu

[ $# -ge 3 ] || { echo "usage: words.sh NAME TEXT COMMAND [ARGUMENT ...]" >&2; exit 2; }
name=$1 text=$2
shift 2

case $text in *[![:space:]]*) ;; *) exec "$@" ;; esac
# A word a line, with a mark before it, so that an empty word is a line too.
list=$(printf '%s\n' "$text" | xargs printf ':%s\n' 2>/dev/null) ||
    { echo "make: $name is $text: a quotation mark in it has no second one" >&2; exit 2; }
while IFS= read -r word; do
    set -- "$@" "${word#:}"
done <<END
$list
END
exec "$@"
