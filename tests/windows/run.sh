#!/usr/bin/env bash
# Runs the tests of this folder with a Windows CPython under wine; options go to pytest.
# `python` must have go-to-wheel; TOOLS is the folder for what takes long to make.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tools=${TOOLS:-$here/../../.tools/windows}
bash "$here/environment.sh" "$tools"
tools=$(cd "$tools" && pwd)
. "$tools/env.sh"
python "$here/prepare.py" "$tools/made" --target windows-amd64
export INSTALLED_FROM="Z:${tools//\//\\}\\made"
export PYTHONPATH="$INSTALLED_FROM\\site-tests" PYTHONDONTWRITEBYTECODE=1
cd "$here"
status=0
windows_python -m pytest -c pytest.ini "$@" . || status=$?
wineserver --kill || true
exit "$status"
