"""The launcher after real installations, of every kind that the tools at hand can make.

Nothing here needs a network: the wheels are local and have no dependencies.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from interrupting import press_ctrl_c
from launcher_wheels import COMMAND, PACKAGE, TestWheel, compile_program, write_wheel

NOBODY = 65534

REPORT = f"""
import json, subprocess, {PACKAGE}
print(json.dumps({{
    "version": {PACKAGE}.__version__,
    "path": {PACKAGE}.get_binary_path(),
    "ran": json.loads({PACKAGE}.run(["a b", "ü"], stdout=subprocess.PIPE).stdout),
}}))
"""

WheelMaker = Callable[[TestWheel], Path]


@pytest.fixture(scope="session")
def make_wheel(tmp_path_factory: pytest.TempPathFactory) -> WheelMaker:
    program = compile_program(tmp_path_factory.mktemp("program"))
    made: dict[TestWheel, Path] = {}

    def make(wheel: TestWheel) -> Path:
        if wheel not in made:
            folder = tmp_path_factory.mktemp("wheels")
            made[wheel] = write_wheel(folder, program, wheel)
        return made[wheel]

    return make


@pytest.fixture(params=["native", "python"])
def wheel(request: pytest.FixtureRequest, make_wheel: WheelMaker) -> Path:
    return make_wheel(TestWheel(layout=request.param))


@pytest.fixture
def native(make_wheel: WheelMaker) -> Path:
    return make_wheel(TestWheel())


@pytest.fixture(autouse=True)
def _own_settings(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep this user's configuration out, and everything that is written inside tmp_path."""
    for name in [
        name for name in os.environ if name.startswith(("PIP_", "UV_", "PIPX_", "PYTHON"))
    ]:
        monkeypatch.delenv(name)
    settings = {
        "HOME": tmp_path / "home",
        "PIP_NO_INDEX": 1,
        "PIP_NO_CACHE_DIR": 1,
        "PIP_DISABLE_PIP_VERSION_CHECK": 1,
        "PIP_BREAK_SYSTEM_PACKAGES": 1,  # only ever with --user into a folder of the test
        "UV_CACHE_DIR": tmp_path_factory.getbasetemp() / "uv-cache",
        "UV_OFFLINE": 1,
        "UV_NO_CONFIG": 1,
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_TOOL_DIR": tmp_path / "tools",
        "UV_TOOL_BIN_DIR": tmp_path / "tools-bin",
        "PIPX_HOME": tmp_path / "pipx",
        "PIPX_BIN_DIR": tmp_path / "pipx-bin",
        "PIPX_DEFAULT_PYTHON": sys.executable,
        "PIPX_DEFAULT_BACKEND": "uv",
        "PEX_ROOT": tmp_path / "pex",
        "SHIV_ROOT": tmp_path / "shiv",
        "PYTHONDONTWRITEBYTECODE": 1,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")


def call(*command: str | Path, **environment: str | Path) -> str:
    """Run a command that has to succeed and return what it printed."""
    done = subprocess.run(
        list(map(str, command)),
        env={**os.environ, **{name: str(value) for name, value in environment.items()}},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def tool(name: str) -> str:
    """Return the path of a tool that is installed beside this Python or on PATH."""
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    path = shutil.which(name, path=search)
    assert path, f"these tests need {name}"
    return path


def pip(python: str | Path, *arguments: str | Path, **environment: str | Path) -> None:
    call(sys.executable, "-m", "pip", "--python", python, *arguments, **environment)


def uv(*arguments: str | Path) -> str:
    return call(tool("uv"), *arguments)


def make_venv(folder: Path) -> Path:
    """Make a virtual environment without pip and return its Python."""
    call(tool("uv"), "venv", "--quiet", folder)
    return folder / "bin/python"


@dataclass
class Installation:
    """An installation to try: the Python to use and what it needs set."""

    python: Path
    program: Path | None = None
    environment: dict[str, str | Path] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()

    def call(self, *arguments: str) -> str:
        return call(self.python, *self.arguments, *arguments, **self.environment)


def check(installation: Installation, version: str = "1.0") -> None:
    """Check each way to reach the program: its path, run, python -m."""
    report = json.loads(installation.call("-c", REPORT))
    path = report["path"]
    assert os.path.isabs(path)
    assert report == {
        "version": version,
        "path": path,
        "ran": {"version": version, "argv": [path, "a b", "ü"]},
    }
    ran = json.loads(installation.call("-m", PACKAGE, "x"))
    assert (ran["version"], ran["argv"][1:]) == (version, ["x"])
    assert os.path.samefile(ran["argv"][0], path)
    if installation.program is not None:
        assert os.path.samefile(path, installation.program)


def pip_venv(wheel: Path, tmp_path: Path) -> Installation:
    python = make_venv(tmp_path / "env")
    pip(python, "install", wheel)
    return Installation(python)


def pip_user(wheel: Path, tmp_path: Path) -> Installation:
    python = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}")
    environment: dict[str, str | Path] = {"PYTHONUSERBASE": tmp_path / "user"}
    pip(python, "install", "--user", "--force-reinstall", wheel, **environment)
    return Installation(python, environment=environment)


def pip_target(wheel: Path, tmp_path: Path) -> Installation:
    pip(sys.executable, "install", "--target", tmp_path / "app/deps", wheel)
    return Installation(Path(sys.executable), environment={"PYTHONPATH": tmp_path / "app/deps"})


def site_in(prefix: Path) -> Path:
    (package,) = {path.resolve() for path in prefix.glob(f"**/{PACKAGE}")}
    return package.parent


def pip_prefix(wheel: Path, tmp_path: Path) -> Installation:
    pip(sys.executable, "install", "--prefix", tmp_path / "prefix", wheel)
    site = site_in(tmp_path / "prefix")
    return Installation(Path(sys.executable), environment={"PYTHONPATH": site})


def pip_root(wheel: Path, tmp_path: Path) -> Installation:
    """Stage as distributions do, then use what was staged."""
    pip(sys.executable, "install", "--root", tmp_path / "root", "--prefix", "/opt/tool", wheel)
    site = site_in(tmp_path / "root")
    return Installation(Path(sys.executable), environment={"PYTHONPATH": site})


def debian_python(wheel: Path, tmp_path: Path) -> Installation:
    """Lay out as Debian's packages: dist-packages, without a RECORD."""
    pip(sys.executable, "install", "--prefix", tmp_path / "staged", wheel)
    staged = site_in(tmp_path / "staged")
    site = tmp_path / "usr/lib/python3/dist-packages"
    shutil.copytree(staged, site)
    for record in site.glob("*.dist-info/RECORD"):
        record.unlink()
    if (tmp_path / "staged/bin").exists():
        shutil.copytree(tmp_path / "staged/bin", tmp_path / "usr/bin")
    return Installation(Path(sys.executable), environment={"PYTHONPATH": site})


def uv_venv(wheel: Path, tmp_path: Path) -> Installation:
    python = make_venv(tmp_path / "env")
    uv("pip", "install", "--python", python, wheel)
    return Installation(python)


def uv_venv_symlinks(wheel: Path, tmp_path: Path) -> Installation:
    python = make_venv(tmp_path / "env")
    uv("pip", "install", "--link-mode", "symlink", "--python", python, wheel)
    return Installation(python)


def uv_target(wheel: Path, tmp_path: Path) -> Installation:
    uv("pip", "install", "--target", tmp_path / "deps", wheel)
    return Installation(Path(sys.executable), environment={"PYTHONPATH": tmp_path / "deps"})


def uv_prefix(wheel: Path, tmp_path: Path) -> Installation:
    uv("pip", "install", "--prefix", tmp_path / "prefix", wheel)
    site = site_in(tmp_path / "prefix")
    return Installation(Path(sys.executable), environment={"PYTHONPATH": site})


def uv_tool(wheel: Path, tmp_path: Path) -> Installation:
    uv("tool", "install", wheel)
    return Installation(tmp_path / "tools/tiny-tool/bin/python")


def uv_run_with(wheel: Path, tmp_path: Path) -> Installation:
    arguments = ("run", "--no-project", "--with", str(wheel), "python")
    return Installation(Path(tool("uv")), arguments=arguments)


def pipx(wheel: Path, tmp_path: Path) -> Installation:
    call(sys.executable, "-m", "pipx", "install", wheel)
    return Installation(tmp_path / "pipx/venvs/tiny-tool/bin/python")


def symlinked_venv(wheel: Path, tmp_path: Path) -> Installation:
    uv_venv(wheel, tmp_path)
    (tmp_path / "current").symlink_to("env")
    return Installation(tmp_path / "current/bin/python")


def odd_path(wheel: Path, tmp_path: Path) -> Installation:
    return uv_venv(wheel, tmp_path / "Große Übung, 'mit' \"Käse\" 名前")


def moved_venv(wheel: Path, tmp_path: Path) -> Installation:
    uv_venv(wheel, tmp_path)
    (tmp_path / "env").rename(tmp_path / "moved")
    return Installation(tmp_path / "moved/bin/python")


def unpacked_wheel(wheel: Path, tmp_path: Path) -> Installation:
    """Unpack with zipfile, which drops the executable bit."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "unpacked")
    return Installation(Path(sys.executable), environment={"PYTHONPATH": tmp_path / "unpacked"})


def shiv(wheel: Path, tmp_path: Path) -> Installation:
    call(sys.executable, "-m", "shiv", "-o", tmp_path / "app.pyz", wheel)
    environment: dict[str, str | Path] = {"SHIV_INTERPRETER": "1"}
    return Installation(Path(sys.executable), None, environment, (str(tmp_path / "app.pyz"),))


def pex(wheel: Path, tmp_path: Path) -> Installation:
    app = tmp_path / "app.pex"
    call(tool("pex"), "--pre-resolved-dists", wheel.parent, "tiny-tool", "-o", app)
    return Installation(Path(sys.executable), arguments=(str(app),))


@pytest.mark.parametrize(
    "install",
    [
        pip_venv,
        pip_user,
        pip_target,
        pip_prefix,
        pip_root,
        debian_python,
        uv_venv,
        uv_venv_symlinks,
        uv_target,
        uv_prefix,
        uv_tool,
        uv_run_with,
        pipx,
        symlinked_venv,
        odd_path,
        moved_venv,
        unpacked_wheel,
        shiv,
        pex,
    ],
)
def test_native_layout(
    native: Path, tmp_path: Path, install: Callable[[Path, Path], Installation]
) -> None:
    check(install(native, tmp_path))


@pytest.mark.parametrize(
    "install", [pip_venv, uv_target, uv_run_with, odd_path, unpacked_wheel, shiv]
)
def test_python_layout(
    make_wheel: WheelMaker, tmp_path: Path, install: Callable[[Path, Path], Installation]
) -> None:
    """Few, as the program is inside the package wherever that goes."""
    check(install(make_wheel(TestWheel(layout="python")), tmp_path))


@pytest.mark.parametrize("runner", [("tool", "run"), ()], ids=["uv tool run", "uvx"])
def test_uvx(wheel: Path, runner: tuple[str, ...]) -> None:
    program = tool("uv") if runner else tool("uvx")
    answer = json.loads(call(program, *runner, "--from", wheel, COMMAND, "x"))
    assert (answer["version"], answer["argv"][1:]) == ("1.0", ["x"])


def test_installed_command(wheel: Path, tmp_path: Path) -> None:
    """The command on PATH works in both layouts; only in `native` is it the program itself."""
    pip_venv(wheel, tmp_path)
    command = tmp_path / "env/bin" / COMMAND
    answer = json.loads(call(command, "x", "y"))
    assert (answer["version"], answer["argv"][1:]) == ("1.0", ["x", "y"])
    assert (answer["argv"][0] == str(command)) == (COMMAND in _scripts_of(wheel))


def _scripts_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {Path(name).name for name in archive.namelist() if ".data/scripts/" in name}


class TestWrongVersionNearby:
    """Two versions whose programs have the same size: the package's own one runs."""

    def test_pythonpath_shadows_a_venv(self, make_wheel: WheelMaker, tmp_path: Path) -> None:
        installation = pip_venv(make_wheel(TestWheel("2.0")), tmp_path)
        check(installation, "2.0")
        pip(sys.executable, "install", "--target", tmp_path / "old", make_wheel(TestWheel("1.0")))
        installation.environment["PYTHONPATH"] = tmp_path / "old"
        check(installation, "1.0")

    def test_pip_target_with_a_namesake(self, make_wheel: WheelMaker, tmp_path: Path) -> None:
        """Its RECORD says ../../bin, which is somebody else's."""
        installation = pip_target(make_wheel(TestWheel("1.0")), tmp_path)
        other = pip_venv(make_wheel(TestWheel("2.0")), tmp_path / "other")
        shutil.copytree(other.python.parent, tmp_path / "bin", symlinks=True)
        installation.program = tmp_path / "app/deps/bin" / COMMAND
        check(installation, "1.0")

    def test_user_install_beside_a_venv(self, make_wheel: WheelMaker, tmp_path: Path) -> None:
        user = pip_user(make_wheel(TestWheel("2.0")), tmp_path)
        venv = uv_venv(make_wheel(TestWheel("1.0")), tmp_path)
        venv.environment.update(user.environment)
        check(user, "2.0")
        check(venv, "1.0")

    def test_replaced_program_is_refused(self, native: Path, tmp_path: Path) -> None:
        """Another distribution with a command of that name was installed later."""
        installation = uv_venv(native, tmp_path)
        program = tmp_path / "env/bin" / COMMAND
        size = program.stat().st_size
        program.unlink()  # the file itself is shared with uv's cache
        program.write_bytes(b"somebody else's")
        done = subprocess.run(
            [installation.python, "-m", PACKAGE], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (127, "")
        assert f"  {program}: another program: it has 15 bytes, RECORD says {size}\n" in done.stderr


def test_program_removed(wheel: Path, tmp_path: Path) -> None:
    installation = uv_venv(wheel, tmp_path)
    path = json.loads(installation.call("-c", REPORT))["path"]
    os.unlink(path)
    done = subprocess.run(
        [installation.python, "-m", PACKAGE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (127, "")
    lines = done.stderr.splitlines()
    assert lines[0] == (
        "tiny-tool: error: cannot find the program 'tiny-tool' of tiny-tool 1.0; searched:"
    )
    assert f"  {path}: no such file" in lines
    assert lines[-1].startswith("hint: install it again: `pip install --force-reinstall")


def test_second_pip_target_leaves_the_program_out(native: Path, tmp_path: Path) -> None:
    """A habit of pip's: the error names it, and its way out works."""
    (tmp_path / "deps/bin").mkdir(parents=True)
    pip(sys.executable, "install", "--target", tmp_path / "deps", native)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "deps")}
    done = subprocess.run(
        [sys.executable, "-m", PACKAGE],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (127, "")
    assert f"use `uv pip install --target '{tmp_path}/deps' tiny-tool==1.0`\n" in done.stderr
    check(uv_target(native, tmp_path))


def test_wheel_on_sys_path(wheel: Path) -> None:
    """A program cannot be started out of a zip, and the error says just that."""
    done = subprocess.run(
        [sys.executable, "-m", PACKAGE],
        env={**os.environ, "PYTHONPATH": str(wheel)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (127, "")
    assert f"is inside the file '{wheel}', from where no program can be started" in done.stderr


AS_ANOTHER_USER = f"""
import __future__, errno, os, signal, sys, sysconfig  # this Python may be out of nobody's reach
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid({NOBODY})
    os.setuid({NOBODY})
try:
    open(os.path.join(sys.path[0], "{PACKAGE}", "written"), "w")
except OSError:
    pass
else:
    sys.exit("the installation is not read-only")
import {PACKAGE}
{PACKAGE}.main()
"""


class TestReadOnly:
    """An installation that its user may not write to: root's, used by nobody."""

    @pytest.fixture
    def installed(self, wheel: Path) -> Iterator[tuple[Path, Path]]:
        """Yield the packages' folder and the program; nobody can reach both."""
        root = Path(tempfile.mkdtemp())
        uv("pip", "install", "--link-mode", "copy", "--prefix", root / "prefix", wheel)
        site = site_in(root / "prefix")
        (program,) = (
            path
            for path in (root / "prefix").glob(f"**/bin/{COMMAND}")
            if path.read_bytes()[:2] != b"#!"
        )
        yield site, program
        for folder, _, _ in os.walk(root):
            os.chmod(folder, 0o755)
        shutil.rmtree(root)

    @staticmethod
    def freeze(site: Path, program: Path, mode: int) -> None:
        """Take the write permission from everything, and set the program's mode."""
        top = Path(tempfile.gettempdir())
        for path in [*site.rglob("*"), *site.parents, *program.parents, site]:
            if path != top and path.is_relative_to(top):
                path.chmod(0o555 if path.is_dir() else 0o444)
        program.chmod(mode)

    @staticmethod
    def run_frozen(site: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", AS_ANOTHER_USER],
            env={**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )

    def test_runs(self, installed: tuple[Path, Path]) -> None:
        self.freeze(*installed, 0o555)
        done = self.run_frozen(installed[0])
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout) == {"version": "1.0", "argv": [str(installed[1])]}

    @pytest.mark.skipif(os.geteuid() != 0, reason="an owner can always give the bit back")
    def test_lost_executable_bit(self, installed: tuple[Path, Path]) -> None:
        self.freeze(*installed, 0o444)
        done = self.run_frozen(installed[0])
        assert (done.returncode, done.stdout) == (126, "")
        assert done.stderr == (
            f"tiny-tool: error: cannot run {str(installed[1])!r}: its mode is 0444, and changing"
            " that failed: Operation not permitted; as its owner run `chmod a+rx` on it\n"
        )
        assert stat.S_IMODE(installed[1].stat().st_mode) == 0o444


class TestMain:
    """python -m, with the real program behind it."""

    @pytest.fixture
    def python(self, wheel: Path, tmp_path: Path) -> Path:
        return uv_venv(wheel, tmp_path).python

    @pytest.mark.parametrize("code", [0, 3, 255])
    def test_exit_code(self, python: Path, code: int) -> None:
        done = subprocess.run([python, "-m", PACKAGE, "exit", str(code)], check=False)
        assert done.returncode == code

    @pytest.mark.parametrize("as_child", [False, True], ids=["exec", "child"])
    def test_interrupt(self, python: Path, as_child: bool) -> None:
        """Ctrl-C in a terminal reaches the whole group; the program decides."""
        code = f"import os, {PACKAGE}, subprocess\n"
        code += "os.name = 'nt'\n" if as_child else ""
        code += f"{PACKAGE}.main()"
        assert press_ctrl_c([python, "-c", code, "wait"]) == (42, "interrupted\n", "")


class TestStartUp:
    """What is imported before the program starts, to the module."""

    LAUNCHER = frozenset({PACKAGE, f"{PACKAGE}._constants", f"{PACKAGE}._find"})

    @pytest.mark.parametrize("call", ["get_binary_path()", "main()"])
    def test_imports(self, wheel: Path, tmp_path: Path, call: str) -> None:
        python = uv_venv(wheel, tmp_path).python
        code = (
            "import sys, os; before = set(sys.modules)\n"
            "show = lambda *_: print(*set(sys.modules) - before) or os._exit(0)\n"
            f"os.execv = show; import {PACKAGE}; {PACKAGE}.{call}; show()"
        )
        done = subprocess.run([python, "-Iuc", code], capture_output=True, text=True, check=True)
        extra = set(done.stdout.split()) - self.LAUNCHER
        if call == "main()":  # signal and what that needs, to undo Python's own settings
            assert "signal" in extra
            assert extra.isdisjoint({"subprocess", "sysconfig", "importlib.metadata", "typing"})
        else:
            assert extra <= {"__future__", "errno"}


def installed_pythons() -> list[str]:
    """Find one Python of each kind and version from 3.8 up; this one is always among them.

    PyPy counts alone, and so do free-threaded builds.
    """
    pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    candidates = [sys.executable, *sorted(glob.glob(f"{pyenv}/versions/*/bin/python3"))]
    candidates += filter(None, (shutil.which(f"python3.{minor}") for minor in range(8, 20)))
    candidates += filter(None, (shutil.which(f"python3.{minor}t") for minor in range(13, 20)))
    candidates += filter(None, map(shutil.which, ("pypy3", "pypy3.10", "pypy3.11")))
    code = (
        "import sys, sysconfig; print(sys.version_info[1], sys.implementation.name,"
        " sysconfig.get_config_var('Py_GIL_DISABLED') or 0)"
    )
    found: dict[str, str] = {}
    for candidate in candidates:
        done = subprocess.run(
            [candidate, "-c", code],
            capture_output=True,
            text=True,
            check=False,
        )
        minor = done.stdout.split(" ", 1)[0]
        if done.returncode == 0 and int(minor) >= 8:
            found.setdefault(done.stdout, candidate)
    return list(found.values())


def test_each_python_from_3_8_up(wheel: Path, tmp_path: Path) -> None:
    installation = unpacked_wheel(wheel, tmp_path)
    pythons = installed_pythons()
    assert sys.executable in pythons
    for python in pythons:
        installation.python = Path(python)
        check(installation)
