"""The finder over made-up trees: each says which file is the program, or why none is."""

from __future__ import annotations

import csv
import io
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from systems import needs_links, needs_modes, needs_names

from go_to_wheel.wheel.launcher.template import _find
from go_to_wheel.wheel.launcher.template._find import (
    ProgramNotFound,
    parse_row,
)

PROGRAM = "ours:1.5"  # 8 bytes
OTHER_VERSION = "another: 2"  # 10 bytes


def shown(caught: pytest.ExceptionInfo[OSError], folder: Path) -> str:
    """The message, its paths below `folder` with slashes on every system."""
    return str(caught.value).replace(f"{folder}{os.sep}", "/").replace(os.sep, "/")


@dataclass
class Constants:
    """What a wheel's _constants module holds."""

    DISTRIBUTION: str = "my-tool"
    VERSION: str = "1.5"
    LAYOUT: str = "native"
    PRIVATE: tuple[str, ...] = ()
    EXECUTABLE_SUFFIX: str = ""
    EDITABLE_BINARIES: dict[str, str] = field(default_factory=dict)


def find_program(command: str, package: str, constants: Constants) -> str:
    """The finder with a wheel's own constants."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_find, "_constants", constants)
        return _find.find_program(command, package)


@pytest.fixture(autouse=True)
def _no_other_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep this machine's own sys.path out of it."""
    monkeypatch.setattr(sys, "path", [])


def plant(root: Path, tree: dict[str, str], mode: int = 0o755) -> None:
    """Write a tree of path -> content."""
    for name, content in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        path.chmod(mode)


def record(path: str, size: object = len(PROGRAM)) -> str:
    """Make a RECORD with the program's row among others."""
    return f"my_tool/__init__.py,sha256=abc,12\n{path},sha256=def,{size}\nmy_tool/RECORD,,\n"


SITE = "env/lib/python3.13/site-packages"
INFO = "my_tool-1.5.dist-info/RECORD"

FOUND = {
    "venv": (
        SITE,
        {"env/bin/my-tool": PROGRAM, f"{SITE}/{INFO}": record("../../../bin/my-tool")},
        "env/bin/my-tool",
    ),
    "lib64": (
        "env/lib64/python3.13/site-packages",
        {
            "env/bin/my-tool": PROGRAM,
            f"env/lib64/python3.13/site-packages/{INFO}": record("../../../bin/my-tool"),
        },
        "env/bin/my-tool",
    ),
    "lib64 without RECORD": (
        "env/lib64/python3.13/site-packages",
        {"env/bin/my-tool": PROGRAM},
        "env/bin/my-tool",
    ),
    "Debian: dist-packages, RECORD removed": (
        "usr/lib/python3/dist-packages",
        {"usr/bin/my-tool": PROGRAM},
        "usr/bin/my-tool",
    ),
    "Debian: --prefix puts a `local` in": (
        "p/local/lib/python3.11/dist-packages",
        {"p/local/bin/my-tool": PROGRAM},
        "p/local/bin/my-tool",
    ),
    "free-threaded Python": (
        "env/lib/python3.14t/site-packages",
        {"env/bin/my-tool": PROGRAM},
        "env/bin/my-tool",
    ),
    "PyPy": ("env/lib/pypy3.10/site-packages", {"env/bin/my-tool": PROGRAM}, "env/bin/my-tool"),
    "macOS user folder": (
        "Library/Python/3.12/lib/python/site-packages",
        {"Library/Python/3.12/bin/my-tool": PROGRAM},
        "Library/Python/3.12/bin/my-tool",
    ),
    "uv --target": (
        "deps",
        {"deps/bin/my-tool": PROGRAM, f"deps/{INFO}": record("bin/my-tool")},
        "deps/bin/my-tool",
    ),
    "pip --target: its RECORD points outside": (
        "app/deps",
        {"app/deps/bin/my-tool": PROGRAM, f"app/deps/{INFO}": record("../../bin/my-tool")},
        "app/deps/bin/my-tool",
    ),
    "pip --target: its RECORD points at a version of the same size": (
        "app/deps",
        {
            "app/deps/bin/my-tool": PROGRAM,
            "bin/my-tool": "notours!",
            f"app/deps/{INFO}": record("../../bin/my-tool"),
        },
        "app/deps/bin/my-tool",
    ),
    "unpacked wheel": (
        "unpacked",
        {
            "unpacked/my_tool-1.5.data/scripts/my-tool": PROGRAM,
            f"unpacked/{INFO}": record("my_tool-1.5.data/scripts/my-tool"),
        },
        "unpacked/my_tool-1.5.data/scripts/my-tool",
    ),
    "pex": (
        "pex/my_tool-1.5-py3-none-any.whl",
        {
            "pex/my_tool-1.5-py3-none-any.whl/.prefix/bin/my-tool": PROGRAM,
            f"pex/my_tool-1.5-py3-none-any.whl/{INFO}": record(".prefix/bin/my-tool"),
        },
        "pex/my_tool-1.5-py3-none-any.whl/.prefix/bin/my-tool",
    ),
    "scripts folder elsewhere, quoted in RECORD": (
        SITE,
        {"odd, place/bin/my-tool": PROGRAM}
        | {f"{SITE}/{INFO}": record('"../../../../odd, place/bin/my-tool"')},
        "odd, place/bin/my-tool",
    ),
    "path with spaces and other letters": (
        "Übung mit Käse/lib/python3.13/site-packages",
        {
            "Übung mit Käse/bin/my-tool": PROGRAM,
            f"Übung mit Käse/lib/python3.13/site-packages/{INFO}": record("../../../bin/my-tool"),
        },
        "Übung mit Käse/bin/my-tool",
    ),
    "a namesake with another size beside the package": (
        SITE,
        {
            f"{SITE}/bin/my-tool": OTHER_VERSION,
            "env/bin/my-tool": PROGRAM,
            f"{SITE}/{INFO}": record("../../../bin/my-tool"),
        },
        "env/bin/my-tool",
    ),
    "shell completion of the same name in RECORD": (
        SITE,
        {
            "env/share/completions/my-tool": "complete",
            "env/tools/bin/my-tool": PROGRAM,
            f"{SITE}/{INFO}": "../../../share/completions/my-tool,sha256=a,8\n"
            "../../../tools/bin/my-tool,sha256=b,8\n",
        },
        "env/tools/bin/my-tool",
    ),
    "stale dist-info of another version": (
        SITE,
        {
            "env/bin/my-tool": PROGRAM,
            f"{SITE}/my_tool-1.4.dist-info/RECORD": record("../../../bin/my-tool", 10),
            f"{SITE}/{INFO}": record("../../../bin/my-tool"),
        },
        "env/bin/my-tool",
    ),
    "RECORD without sizes": (
        SITE,
        {"env/bin/my-tool": PROGRAM, f"{SITE}/{INFO}": record("../../../bin/my-tool", "")},
        "env/bin/my-tool",
    ),
    "RECORD that is no RECORD": (
        SITE,
        {"env/bin/my-tool": PROGRAM, f"{SITE}/{INFO}": '\x00,\n,,,,\n\nbin\n"\n'},
        "env/bin/my-tool",
    ),
    "RECORD with CRLF": (
        SITE,
        {
            "env/odd/bin/my-tool": PROGRAM,
            f"{SITE}/{INFO}": "../../../odd/bin/my-tool,sha256=d,8\r\n",
        },
        "env/odd/bin/my-tool",
    ),
}


@pytest.mark.parametrize(("site", "tree", "expected"), FOUND.values(), ids=FOUND)
def test_found(tmp_path: Path, site: str, tree: dict[str, str], expected: str) -> None:
    plant(tmp_path, {f"{site}/my_tool/__init__.py": "", **tree})
    found = find_program("my-tool", str(tmp_path / site / "my_tool"), Constants())
    assert found == str(tmp_path / expected)


@needs_names
def test_quotes_in_record(tmp_path: Path) -> None:
    plant(tmp_path, {"my_tool/__init__.py": "", 'a, "b"/bin/my-tool': PROGRAM})
    plant(tmp_path, {INFO: record('"a, ""b""/bin/my-tool"')})
    found = find_program("my-tool", str(tmp_path / "my_tool"), Constants())
    assert found == str(tmp_path / 'a, "b"/bin/my-tool')


def test_record_with_names_that_are_not_utf8(tmp_path: Path) -> None:
    plant(tmp_path, {"my_tool/__init__.py": "", "odd/bin/my-tool": PROGRAM, INFO: ""})
    (tmp_path / INFO).write_bytes(b"caf\xe9,sha256=a,1\nodd/bin/my-tool,sha256=b,8\n")
    found = find_program("my-tool", str(tmp_path / "my_tool"), Constants())
    assert found == str(tmp_path / "odd/bin/my-tool")


NOT_FOUND = {
    "RECORD of this version, program of another": (
        {"env/bin/my-tool": OTHER_VERSION, f"{SITE}/{INFO}": record("../../../bin/my-tool")},
        "env/bin/my-tool: another program: it has 10 bytes, RECORD says 8",
    ),
    "a folder of that name": (
        {"env/bin/my-tool/x": PROGRAM},
        "env/bin/my-tool: not a file",
    ),
    "a folder above that is no prefix": (
        {"bin/my-tool": PROGRAM},
        "env/bin/my-tool: no such file",
    ),
    "a file where a folder should be": (
        {"env/bin": PROGRAM},
        "env/bin/my-tool: no such file",
    ),
}


@pytest.mark.parametrize(("tree", "line"), NOT_FOUND.values(), ids=NOT_FOUND)
def test_not_found(tmp_path: Path, tree: dict[str, str], line: str) -> None:
    plant(tmp_path, {f"{SITE}/my_tool/__init__.py": "", **tree})
    with pytest.raises(ProgramNotFound) as caught:
        find_program("my-tool", str(tmp_path / SITE / "my_tool"), Constants())
    assert f"  /{line}\n" in shown(caught, tmp_path)


def test_message_lists_every_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setattr(sys, "path", [str(elsewhere), str(tmp_path / SITE), "", "missing"])
    plant(
        tmp_path,
        {
            f"{SITE}/my_tool/__init__.py": "",
            "env/bin/my-tool": OTHER_VERSION,
            f"{SITE}/{INFO}": record("../../../bin/my-tool"),
            f"elsewhere/{INFO}": record("bin/my-tool"),
        },
    )
    with pytest.raises(FileNotFoundError) as caught:
        find_program("my-tool", str(tmp_path / SITE / "my_tool"), Constants())
    assert shown(caught, tmp_path) == (
        "cannot find the program 'my-tool' of my-tool 1.5; searched:\n"
        "  /env/lib/python3.13/site-packages/bin/my-tool: no such file\n"
        "  /env/bin/my-tool: another program: it has 10 bytes, RECORD says 8\n"
        "  /env/lib/python3.13/bin/my-tool: no such file\n"
        "  /env/lib/bin/my-tool: no such file\n"
        "  /elsewhere/bin/my-tool: no such file\n"
        "hint: install it again: `pip install --force-reinstall my-tool==1.5`"
        " or `uv pip install --reinstall my-tool==1.5`"
    )


def test_hint_after_pip_left_the_program_out(tmp_path: Path) -> None:
    """A second `pip install --target` into a folder with a bin installs no program."""
    plant(tmp_path, {"deps/my_tool/__init__.py": "", "deps/bin/other": ""})
    with pytest.raises(ProgramNotFound) as caught:
        find_program("my-tool", str(tmp_path / "deps/my_tool"), Constants())
    assert str(caught.value).splitlines()[-1] == (
        "hint: `pip install --target` leaves the program out when the folder already has a bin;"
        f" use `uv pip install --target {str(tmp_path / 'deps')!r} my-tool==1.5`"
    )


def test_record_elsewhere_on_sys_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path / "old"), str(tmp_path / SITE)])
    plant(
        tmp_path,
        {
            "src/my_tool/__init__.py": "",
            "old/bin/my-tool": OTHER_VERSION,
            "old/my_tool-1.4.dist-info/RECORD": record("bin/my-tool", 10),
            "env/bin/my-tool": PROGRAM,
            f"{SITE}/{INFO}": record("../../../bin/my-tool"),
        },
    )
    found = find_program("my-tool", str(tmp_path / "src/my_tool"), Constants())
    assert found == str(tmp_path / "env/bin/my-tool")


@pytest.mark.parametrize(
    ("site", "program"),
    [
        ("Python312/Lib/site-packages", "Python312/Scripts/my-tool.exe"),
        ("Roaming/Python/Python312/site-packages", "Roaming/Python/Python312/Scripts/my-tool.exe"),
        ("deps", "deps/bin/my-tool.exe"),
        ("deps", "deps/Scripts/my-tool.exe"),
    ],
)
def test_windows_layouts(tmp_path: Path, site: str, program: str) -> None:
    plant(tmp_path, {f"{site}/my_tool/__init__.py": "", program: PROGRAM})
    constants = Constants(EXECUTABLE_SUFFIX=".exe")
    found = find_program("my-tool", str(tmp_path / site / "my_tool"), constants)
    assert found == str(tmp_path / program)


@needs_links
class TestLinks:
    """Symlinks: the tree that the link points to counts too."""

    @pytest.fixture
    def environment(self, tmp_path: Path) -> Path:
        plant(
            tmp_path,
            {
                f"{SITE}/my_tool/__init__.py": "",
                "env/bin/my-tool": PROGRAM,
                f"{SITE}/{INFO}": record("../../../bin/my-tool"),
            },
        )
        return tmp_path

    @pytest.mark.parametrize(
        ("link", "target", "package", "expected"),
        [
            ("current", "env", "current/lib/python3.13/site-packages/my_tool", "current/bin"),
            ("env/lib64", "lib", "env/lib64/python3.13/site-packages/my_tool", "env/bin"),
            # `..` from the linked folder leads elsewhere than the text says.
            ("a/packages", f"../{SITE}", "a/packages/my_tool", "env/bin"),
            ("a/my_tool", f"../{SITE}/my_tool", "a/my_tool", "env/bin"),
        ],
        ids=["environment", "lib64", "site-packages", "package"],
    )
    def test_folder(
        self, environment: Path, link: str, target: str, package: str, expected: str
    ) -> None:
        (environment / "a").mkdir()
        (environment / link).symlink_to(target)
        found = find_program("my-tool", str(environment / package), Constants())
        assert found == str(environment / expected / "my-tool")

    def test_linked_program(self, environment: Path) -> None:
        """`uv --link-mode symlink` links each file into its cache."""
        program = environment / "env/bin/my-tool"
        program.rename(environment / "cached")
        program.symlink_to(environment / "cached")
        found = find_program("my-tool", str(environment / SITE / "my_tool"), Constants())
        assert found == str(program)

    def test_dangling(self, environment: Path) -> None:
        program = environment / "env/bin/my-tool"
        program.unlink()
        program.symlink_to(environment / "gone")
        with pytest.raises(ProgramNotFound, match="env/bin/my-tool: no such file"):
            find_program("my-tool", str(environment / SITE / "my_tool"), Constants())

    def test_size_holds_for_the_linked_tree_too(self, tmp_path: Path) -> None:
        """Only the tree of the link has a RECORD; the target's program is another version."""
        plant(
            tmp_path,
            {
                "b/my_tool/__init__.py": "",
                "b/bin/my-tool": OTHER_VERSION,
                f"a/{INFO}": record("bin/my-tool"),
            },
        )
        (tmp_path / "a/my_tool").symlink_to("../b/my_tool")
        with pytest.raises(ProgramNotFound, match="b/bin/my-tool: another program"):
            find_program("my-tool", str(tmp_path / "a/my_tool"), Constants())


class TestPythonLayout:
    """The program lies in the package itself; nothing else is looked at."""

    def test_found(self, tmp_path: Path) -> None:
        plant(tmp_path, {"my_tool/bin/my-tool": PROGRAM, "bin/my-tool": OTHER_VERSION})
        found = find_program("my-tool", str(tmp_path / "my_tool"), Constants(LAYOUT="python"))
        assert found == str(tmp_path / "my_tool/bin/my-tool")

    def test_missing(self, tmp_path: Path) -> None:
        plant(tmp_path, {"my_tool/__init__.py": "", "bin/my-tool": PROGRAM})
        with pytest.raises(ProgramNotFound) as caught:
            find_program("my-tool", str(tmp_path / "my_tool"), Constants(LAYOUT="python"))
        assert shown(caught, tmp_path) == (
            "cannot find the program 'my-tool' of my-tool 1.5; searched:\n"
            "  /my_tool/bin/my-tool: no such file\n"
            "hint: install it again: `pip install --force-reinstall my-tool==1.5`"
            " or `uv pip install --reinstall my-tool==1.5`"
        )


class TestEditable:
    """A command in EDITABLE_BINARIES is there or nowhere."""

    def test_found(self, tmp_path: Path) -> None:
        plant(tmp_path, {"my_tool/__init__.py": "", "bin/my-tool": PROGRAM, "out/tool": "dev"})
        constants = Constants(EDITABLE_BINARIES={"my-tool": str(tmp_path / "out/tool")})
        found = find_program("my-tool", str(tmp_path / "my_tool"), constants)
        assert found == str(tmp_path / "out/tool")

    def test_missing(self, tmp_path: Path) -> None:
        plant(tmp_path, {"my_tool/__init__.py": "", "bin/my-tool": PROGRAM})
        constants = Constants(EDITABLE_BINARIES={"my-tool": str(tmp_path / "out/tool")})
        with pytest.raises(ProgramNotFound) as caught:
            find_program("my-tool", str(tmp_path / "my_tool"), constants)
        assert shown(caught, tmp_path) == (
            "cannot find the program 'my-tool' of my-tool 1.5; searched:\n"
            "  /out/tool: no such file\n"
            "hint: this is an editable install; build the program again with `pip install -e`"
        )

    def test_other_commands_are_searched_as_usual(self, tmp_path: Path) -> None:
        plant(tmp_path, {"my_tool/__init__.py": "", "bin/my-tool": PROGRAM})
        constants = Constants(EDITABLE_BINARIES={"second": "/nowhere"})
        found = find_program("my-tool", str(tmp_path / "my_tool"), constants)
        assert found == str(tmp_path / "bin/my-tool")


@pytest.mark.parametrize("layout", ["native", "python"])
def test_inside_a_zip(tmp_path: Path, layout: str) -> None:
    plant(tmp_path, {"app.pyz": "PK"})
    package = str(tmp_path / "app.pyz/lib/my_tool")
    with pytest.raises(ProgramNotFound) as caught:
        find_program("my-tool", package, Constants(LAYOUT=layout))
    assert str(caught.value).splitlines()[-1] == (
        f"hint: {package!r} is inside the file {str(tmp_path / 'app.pyz')!r}, from where no"
        " program can be started; install the wheel, or bundle it with a tool that unpacks it"
    )


@needs_modes
class TestExecutableBit:
    """What an unpacked archive lost is given back where this user may."""

    @pytest.mark.parametrize(
        ("before", "after"), [(0o644, 0o755), (0o600, 0o700), (0o755, 0o755), (0o555, 0o555)]
    )
    def test_given_back(self, tmp_path: Path, before: int, after: int) -> None:
        plant(tmp_path, {"my_tool/bin/my-tool": PROGRAM}, mode=before)
        path = find_program("my-tool", str(tmp_path / "my_tool"), Constants(LAYOUT="python"))
        assert os.stat(path).st_mode & 0o777 == after

    def test_nothing_is_changed_when_it_runs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plant(tmp_path, {"my_tool/bin/my-tool": PROGRAM}, mode=0o555)
        monkeypatch.setattr(os, "chmod", lambda *_: pytest.fail("chmod was called"))
        find_program("my-tool", str(tmp_path / "my_tool"), Constants(LAYOUT="python"))

    def test_a_private_command_is_in_the_package(self, tmp_path: Path) -> None:
        plant(tmp_path, {"my_tool/bin/my-tool": PROGRAM})
        found = find_program("my-tool", str(tmp_path / "my_tool"), Constants(PRIVATE=("my-tool",)))
        assert found == str(tmp_path / "my_tool/bin/my-tool")

    def test_not_permitted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(path: str, mode: int) -> None:
            raise PermissionError(1, "Operation not permitted", path)

        plant(tmp_path, {"my_tool/bin/my-tool": PROGRAM}, mode=0o644)
        monkeypatch.setattr(os, "chmod", refuse)
        with pytest.raises(PermissionError) as caught:
            find_program("my-tool", str(tmp_path / "my_tool"), Constants(LAYOUT="python"))
        path = str(tmp_path / "my_tool/bin/my-tool")
        assert str(caught.value) == (
            f"cannot run {path!r}: its mode is 0644, and changing that failed:"
            " Operation not permitted; as its owner run `chmod a+rx` on it"
        )

    @pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0, reason="root alone can be two users"
    )
    def test_raised_rights_count(self, tmp_path: Path) -> None:
        """A wrapper started this process with more rights than its user has."""
        plant(tmp_path, {"my_tool/bin/my-tool": PROGRAM}, mode=0o755)
        tmp_path.chmod(0o700)
        os.setresuid(65534, 0, 0)
        try:
            find_program("my-tool", str(tmp_path / "my_tool"), Constants(LAYOUT="python"))
        finally:
            os.setresuid(0, 0, 0)

    def test_a_refusing_file_system(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A noexec mount, for one, refuses whatever the mode says; starting it fails then."""
        plant(tmp_path, {"my_tool/bin/my-tool": PROGRAM}, mode=0o755)
        monkeypatch.setattr(os, "access", lambda path, mode, effective_ids: False)
        monkeypatch.setattr(os, "chmod", lambda *_: pytest.fail("chmod was called"))
        path = find_program("my-tool", str(tmp_path / "my_tool"), Constants(LAYOUT="python"))
        assert path == str(tmp_path / "my_tool/bin/my-tool")

    def test_unreadable_folder_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(path: str, **options: object) -> os.stat_result:
            if str(path).endswith("my-tool"):
                raise PermissionError(13, "Permission denied", path)
            return stat(path, **options)

        plant(tmp_path, {f"{SITE}/my_tool/__init__.py": ""})
        stat = os.stat
        monkeypatch.setattr(_find.os, "stat", refuse)
        monkeypatch.setattr(_find.os.path, "isdir", lambda path: True)
        with pytest.raises(ProgramNotFound, match="env/bin/my-tool: permission denied"):
            find_program("my-tool", str(tmp_path / SITE / "my_tool"), Constants())


@given(
    path=st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"), min_size=1),
    digest=st.text("abc=_-0"),
    size=st.none() | st.integers(0, 10**12),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_parse_row_reads_what_csv_writes(
    path: str, digest: str, size: int | None, quoting: int
) -> None:
    line = io.StringIO()
    csv.writer(line, quoting=quoting).writerow([path, digest, "" if size is None else size])
    assert parse_row(line.getvalue()) == (path, size)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ("", None)),
        ("path", ("", None)),
        ("path,12", ("", 12)),
        ("a,b,-5", ("a", None)),
        ("a,b,٣", ("a", None)),  # a digit, but not one that RECORD can have
        ("a,b,1_0", ("a", None)),
    ],
)
def test_parse_row_of_a_bad_line(line: str, expected: tuple[str, int | None]) -> None:
    assert parse_row(line) == expected


@pytest.mark.parametrize(
    ("folder", "matches"),
    [
        ("my_tool-1.5.dist-info", True),
        ("my_tool-1.50.dist-info", False),
        ("my_tool_extra-1.5.dist-info", False),
        ("mytool-1.5.dist-info", False),
        ("~y_tool-1.5.dist-info", False),  # what pip leaves after a failed removal
        ("my_tool-1.5.egg-info", False),
        ("my_tool", False),
    ],
)
def test_dist_info_folders_of_this_version(tmp_path: Path, folder: str, matches: bool) -> None:
    plant(tmp_path, {"my_tool/__init__.py": "", "odd/bin/my-tool": PROGRAM})
    plant(tmp_path, {f"{folder}/RECORD": record("odd/bin/my-tool")})
    if matches:
        found = find_program("my-tool", str(tmp_path / "my_tool"), Constants())
        assert found == str(tmp_path / "odd/bin/my-tool")
    else:
        with pytest.raises(ProgramNotFound):
            find_program("my-tool", str(tmp_path / "my_tool"), Constants())


@pytest.mark.parametrize(
    ("layout", "option"),
    [("native", "--add-binary PATH/TO/tool:bin"), ("python", "--collect-all my_tool")],
)
def test_hint_in_a_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, option: str
) -> None:
    """PyInstaller leaves no folder for a package whose modules are in its archive."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    package = str(tmp_path / "my_tool")
    with pytest.raises(ProgramNotFound) as caught:
        find_program("tool", package, Constants(LAYOUT=layout))
    assert str(caught.value).endswith(f"; with PyInstaller, add it: {option}")
    plant(tmp_path, {"bin/tool" if layout == "native" else "my_tool/bin/tool": PROGRAM})
    assert find_program("tool", package, Constants(LAYOUT=layout)).endswith(
        os.path.join("bin", "tool")
    )
