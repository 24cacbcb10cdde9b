#!/usr/bin/env bash
# Runs the scanner's Go tests, the tests of this folder and the unit tests of what Windows may do
# otherwise under wine; options go to pytest. UNIT=all runs all unit tests, which takes minutes.
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
# A busy wine 8 loses a process now and then ("wine client error: sendmsg: Socket operation on
# non-socket"). What fails runs again; a fault of ours fails each time.
tests=(-m pytest -p no:cacheprovider --reruns 2 --reruns-delay 1 -rR "$@")
status=0
go=$(command -v go || echo "$tools/made/site-go/go/bin/go")
for package in . internal/scan; do
    cd "$here/../../sqlite_scanner/$package"
    CGO_ENABLED=0 GOOS=windows GOARCH=amd64 "$go" test -c -o "$tools/made/scanner.test.exe" .
    twice in_wine "$tools/made/scanner.test.exe" || status=1
done
cd "$here"
windows_python "${tests[@]}" -c pytest.ini . || status=$?
cd "$here/../.."
export PYTHONPATH="$INSTALLED_FROM\\site-unit;$INSTALLED_FROM\\own"
marks=(-m "not slow")
units=(tests/unit/test_launcher_*.py)
units+=(tests/unit/{builder/test_notices,builder/test_publish,cli/test_messages,golang/test_find}.py)
units+=(tests/unit/sources/test_{line_ends,module}.py)
if [ "${UNIT:-}" = all ]; then # PyPI has no git for Windows: its tests are left out
    marks=() units=(tests/unit)
    export CI="" LEFT_OUT="" PYTHONUTF8=0
    export WINEPATH="$INSTALLED_FROM\\site-unit\\bin;$INSTALLED_FROM\\site-build\\go\\bin"
fi
windows_python "${tests[@]}" "${marks[@]}" "${units[@]}" || status=$?
exit "$status"
