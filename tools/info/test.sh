#!/bin/sh
# test.sh - adamw-info as a user meets it: test.sh build/adamw-info. A part of make test.
set -eu
LC_ALL=C
export LC_ALL
info=$1
failed=0

fail() {
    echo "tools/info/test.sh: $1" >&2
    failed=1
}

unset ADAMW_ISA ADAMW_TUNING
for isa in '' auto scalar; do
    [ "$(ADAMW_ISA=$isa "$info" | grep -c ', active$')" = 1 ] || fail "no active instruction set with ADAMW_ISA='$isa'"
done
[ "$(ADAMW_TUNING=amd "$info" | grep -c '^tuned for *amd$')" = 1 ] || fail "ADAMW_TUNING=amd is not used"
"$info" --help | grep -q 'ADAMW_ISA=NAME' || fail "--help"

# refused 'words' command...: status 2 and the words on stderr.
refused() {
    words=$1
    shift
    status=0
    said=$("$@" 2>&1 > /dev/null) || status=$?
    [ $status = 2 ] || fail "status $status, not 2: $*"
    case $said in *"$words"*) ;; *) fail "'$said' lacks '$words'" ;; esac
}
refused "ADAMW_ISA is 'mmx': it must be one of auto, scalar" env ADAMW_ISA=mmx "$info"
refused "ADAMW_TUNING is 'zen9': it must be one of auto, intel, amd, other" env ADAMW_TUNING=zen9 "$info"
refused "unknown argument '--wrong'" "$info" --wrong
if [ -c /dev/full ]; then
    ! "$info" > /dev/full 2> /dev/null || fail "a full device ends well"
fi

[ $failed = 0 ] && echo "tools/info/test.sh: passed"
exit $failed
