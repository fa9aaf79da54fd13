#!/bin/sh
# The SQL that `tidings rules sql` prints, on real engines, against our own answers. Needs python3 with venv.
set -eu
cd "$(dirname "$0")/../../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --requirement tests/oracles/sql/requirements.txt
"$work/venv/bin/python" tests/oracles/sql/compare.py "${1:?usage: run.sh TIDINGS}" "$work"
