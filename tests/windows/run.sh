#!/usr/bin/env bash
# Runs the scanner's Go tests, the tests of this folder and the unit tests under wine; options go to
# pytest. UNIT=all runs the slow unit tests, too.
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
status=0
go=$(command -v go || echo "$tools/made/site-go/go/bin/go")
for package in . internal/scan; do
    cd "$here/../../sqlite_scanner/$package"
    CGO_ENABLED=0 GOOS=windows GOARCH=amd64 "$go" test -c -o "$tools/made/scanner.test.exe" .
    {
        wine "$tools/made/scanner.test.exe" </dev/null 2>&1 && code=0 || code=$?
        wineserver --kill || true # it may hold the pipe open
        exit "$code"
    } | cat || status=1
done
cd "$here"
windows_python -m pytest -c pytest.ini "$@" . || status=$?
cd "$here/../.."
export PYTHONPATH="$INSTALLED_FROM\\site-unit;$INSTALLED_FROM\\own"
export WINEPATH="$INSTALLED_FROM\\site-unit\\bin;$INSTALLED_FROM\\site-build\\go\\bin" PYTHONUTF8=0
marks=(-m "not slow")
[ "${UNIT:-}" != all ] || marks=()
windows_python -m pytest -p no:cacheprovider "${marks[@]}" "$@" tests/unit || status=$?
exit "$status"
