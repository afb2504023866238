#!/bin/sh
# safetensors.sh - files against the safetensors package, both ways: safetensors.sh ADAMW_FILE PROBE VENV. Exit status
# 77, with the reason, where the package is neither there nor can be installed.
set -eu
tool=$1 probe=$2 venv=$3
here=$(dirname "$0")
if ! "$venv/bin/python" -c 'import safetensors, numpy, xxhash' 2>/dev/null; then
    if [ "${SETUP:-yes}" = no ]; then
        echo "safetensors.sh: skipped: SETUP=no, and $venv has no safetensors, numpy and xxhash" >&2
        exit 77
    fi
    echo "setup: python3 -m venv $venv && $venv/bin/pip install safetensors numpy xxhash" >&2
    { python3 -m venv "$venv" && "$venv/bin/pip" install -q safetensors numpy xxhash; } >&2 || {
        echo "safetensors.sh: skipped: the Python packages safetensors, numpy and xxhash cannot be installed" >&2
        exit 77
    }
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$probe" "$folder"
"$venv/bin/python" "$here/safetensors_check.py" "$tool" "$folder"
