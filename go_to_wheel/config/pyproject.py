"""Reads a project's pyproject.toml: [project] and [tool.go-to-wheel].

`pyproject-metadata` validates [project] (PEP 621, PEP 639). The table is used only if the file has
a [tool.go-to-wheel] table, our build backend, or no build backend.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from packaging.metadata import RawMetadata
from packaging.version import Version
from pyproject_metadata import StandardMetadata

from go_to_wheel.config.metadata import parse_license
from go_to_wheel.errors import InvalidOptionsError
from go_to_wheel.naming import distribution_name
from go_to_wheel.platforms import TARGETS
from go_to_wheel.sources.files import TEXT_LIMIT, read_file, read_readme, read_text_file
from go_to_wheel.sources.module import find_module_root

FILE_NAME = "pyproject.toml"
BACKEND = "go_to_wheel.backend"
TABLE = "tool.go-to-wheel"
#: Options -> their keys in [project].
PROJECT_KEYS = {name: name for name in ("name", "version", "description", "license")} | {
    "requires_python": "requires-python",
    **dict.fromkeys(("author", "author_email"), "authors"),
}
#: Options with another name in core metadata.
CORE_NAMES = {"description": "summary", "license": "license_expression"}
#: Hints for problems of the file.
_RULES = "see its rules: https://packaging.python.org/en/latest/specifications/pyproject-toml/"
_REFERENCE = "see what each key may be: docs/reference/configuration.md"
#: Shapes of values, see `_fits`.
_TEXT = re.compile(r"(?=.*\S)[^\0]+", re.DOTALL)
_LIST = (re.compile(r"\s*[^\s,][^,]*(,\s*[^\s,][^,]*)*").fullmatch, [str])
_TAGS = (re.compile(r"\s*[\w.]+\s*(,\s*[\w.]+\s*)*").fullmatch, [re.compile(r"[\w.]+").fullmatch])
_CGO_FLAGS = dict.fromkeys(("CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_LDFLAGS"), str)
_TARGET_KEYS = {"ldflags": str, "tags": _TAGS[1], "cgo-flags": _CGO_FLAGS}
_TARGETS = {target.name: _TARGET_KEYS for target in TARGETS if len(target.slices) == 1}
_CODES = {"select": _LIST, "ignore": _LIST}
#: Descriptions of shapes, for messages.
_PATTERNS = "a list of patterns as in .gitignore"
_TABLES = "tables with ldflags, tags or cgo-flags, one for a platform of `go-to-wheel platforms`"
_DATA_FILES = 'a table such as { "share/man/man1" = ["man/*.1"] }'
_LICENSES = 'a table such as { "example.com/module" = "MIT" }'


def _key(shape: Any, words: str, default: Any = None) -> Any:
    """A key with its value's shape, and a description of that shape."""
    return field(default_factory=lambda: default, metadata={"shape": shape, "words": words})


@dataclass(frozen=True)
class Settings:
    """The [tool.go-to-wheel] table. Folders are relative to pyproject.toml's.

    `commands` maps command names to packages; `package` has packages whose names are the
    commands'; `private` commands are not on PATH. `data_files` maps folders of the environment to
    patterns, `target` maps target names to "ldflags", "tags" and "cgo-flags".
    """

    module: str | None = _key(str, "a folder")
    package: tuple[str, ...] = _key(_LIST, "a folder or a list of folders", ())
    commands: Mapping[str, str] = _key({"*": str}, 'a table such as { tool = "./cmd/tool" }', {})
    entry_point: str | None = _key(re.compile(r"[\w.-]+").fullmatch, "a command's name")
    platforms: tuple[str, ...] = _key(_LIST, "a list of platforms", ())
    launcher: str | None = _key(re.compile("native|python").fullmatch, "'native' or 'python'")
    ldflags: str | None = _key(str, "a text")
    tags: tuple[str, ...] = _key(_TAGS, "a list of build tags", ())
    set_version_var: tuple[str, ...] = _key(_LIST, "names such as 'main.version', or 'auto'", ())
    set_values: Mapping[str, str] = _key({"*": str}, 'a table: { "main.commit" = "{commit}" }', {})
    python_source: str | None = _key(str, "a folder")
    data_files: Mapping[str, Sequence[str]] = _key({"*": [str]}, _DATA_FILES, {})
    private: tuple[str, ...] = _key([str], "a list of commands", ())
    target: Mapping[str, Mapping[str, Any]] = _key(_TARGETS, _TABLES, {})
    tag_prefix: str | None = _key(str, "what is in front of a tag's version")
    readme_links: bool = _key(bool, "true or false", True)
    licenses: Mapping[str, str] = _key({"*": parse_license}, _LICENSES, {})
    cgo: bool = _key(bool, "true or false", False)
    libc: str | None = _key(re.compile("musl|glibc").fullmatch, "'musl' or 'glibc'")
    glibc: str | None = _key(re.compile(r"2\.\d\d").fullmatch, "a version such as '2.28'")
    sdk: str | None = _key(str, "a folder with Apple's SDK")
    cgo_flags: Mapping[str, str] = _key(_CGO_FLAGS, f"a table of {', '.join(_CGO_FLAGS)}", {})
    vendor: bool = _key(bool, "true or false", False)
    sdist_include: tuple[str, ...] = _key([str], _PATTERNS, ())
    sdist_exclude: tuple[str, ...] = _key([str], _PATTERNS, ())
    check: Mapping[str, Any] = _key(_CODES, "a table with select and ignore, lists of codes", {})


#: The settings by their keys in pyproject.toml.
KEYS = {item.name.removesuffix("_values").replace("_", "-"): item for item in fields(Settings)}
_SHAPES = {key: item.metadata["shape"] for key, item in KEYS.items()}
_WORDS = {key: item.metadata["words"] for key, item in KEYS.items()}
_WORDS |= dict.fromkeys(_CODES, "a list of codes") | dict.fromkeys(_CGO_FLAGS, "a text")


@dataclass(frozen=True)
class Project:
    """A pyproject.toml in `folder`.

    `metadata` and `dynamic` are from [project]; they are empty if there is none or if it is not
    used, as `note` explains.
    """

    folder: Path
    settings: Settings = Settings()
    metadata: RawMetadata = field(default_factory=RawMetadata)
    dynamic: frozenset[str] = frozenset()
    readme_file: Path | None = None
    license_files: tuple[tuple[str, bytes], ...] | None = None
    entry_points: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    note: str = ""
    uses_our_backend: bool = False

    def is_static(self, name: str) -> bool:
        """Whether a field is not dynamic: its value, or absence, in [project] is final."""
        return bool(self.metadata) and name not in self.dynamic

    def without_commands(self) -> Project:
        """The project without its packages and their names, for another package of the module."""
        others = replace(self.settings, package=(), commands={}, entry_point=None, private=())
        return replace(self, settings=others)

    @property
    def options(self) -> dict[str, str]:
        """The texts of [project] by their names in a request."""
        texts: dict[str, Any] = {n: self.metadata.get(CORE_NAMES.get(n, n)) for n in PROJECT_KEYS}
        return {
            n: text for n, text in texts.items() if text and PROJECT_KEYS[n] not in self.dynamic
        }


def find_project(folder: Path) -> Project:
    """Read the pyproject.toml of a source folder, else of its module."""
    folder = folder.resolve()
    if not folder.is_dir():
        return Project(folder)
    project, root = read_project(folder), find_module_root(folder)
    if project or root is None or root == folder:
        return project or Project(root or folder)
    return (read_project(root) or Project(root)).without_commands()


def read_project(folder: Path) -> Project | None:
    """Read the folder's pyproject.toml; None if there is none.

    Raises InvalidOptionsError with every problem of a table.
    """
    path = folder / FILE_NAME
    if not os.path.lexists(path):
        return None
    text = read_file(path, folder, TEXT_LIMIT)
    try:
        data = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:
        hint = f"edit {path}"
        if isinstance(error, UnicodeDecodeError) or text.startswith(b"\xef\xbb\xbf"):
            hint = f"save {path} as UTF-8 without a byte order mark"
        raise InvalidOptionsError([f"can't read {path}: {error}"], hint) from None
    tools = _get_table(data, "tool")
    table = tools.get("go-to-wheel")
    others = {distribution_name(name): name for name in tools if name != "go-to-wheel"}
    if other := others.get("go_to_wheel"):
        raise InvalidOptionsError([f"{FILE_NAME}: [tool.{other}] is unknown"], f"write [{TABLE}]")
    settings = parse_settings({} if table is None else table)
    backend = _get_table(data, "build-system").get("build-backend")
    project = Project(folder, settings, uses_our_backend=backend == BACKEND)
    if "project" not in data:
        return project
    if table is None and backend not in (None, BACKEND):
        note = (
            f"{FILE_NAME} is for {backend}: its [project] table is not used "
            f"(to use it, add an empty [{TABLE}] table)"
        )
        return replace(project, note=note)
    return _read_project_table(project, data)


def _get_table(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = data.get(name, {})
    if not isinstance(table, dict):
        raise InvalidOptionsError([f"{FILE_NAME}: [{name}] is not a table but {table!r}"], _RULES)
    return table


def _read_project_table(project: Project, data: Mapping[str, Any]) -> Project:
    folder, table = project.folder, _get_table(data, "project")
    if isinstance(table.get("license"), dict):
        raise InvalidOptionsError(
            [f"{FILE_NAME}: project.license is a table, the form before PEP 639"],
            "write license = 'MIT' (an SPDX expression) and license-files = ['LICENSE']",
        )
    if table.get("name") == "":  # "UNKNOWN" to the library
        raise InvalidOptionsError([f"{FILE_NAME}: project.name is empty"], _RULES)
    readme, readme_file = _read_readme(folder, table)
    try:
        raw = {**data, "project": {**table, **readme}}
        meta = StandardMetadata.from_pyproject(raw, folder, allow_extra_keys=False, all_errors=True)
    except Exception as error:  # noqa: BLE001 (a group, or any other error of the library)
        problems = [f"{FILE_NAME}: {problem}" for problem in getattr(error, "exceptions", (error,))]
        raise InvalidOptionsError(problems, _RULES) from None
    groups = {"console_scripts": meta.scripts, "gui_scripts": meta.gui_scripts, **meta.entrypoints}
    texts = [text for entries in groups.values() for pair in entries.items() for text in pair]
    # each becomes a line of entry_points.txt
    if unprintable := [text for text in texts if not text.isprintable()]:
        problem = f"{FILE_NAME}: {unprintable[0]!r} can't be in an entry point"
        raise InvalidOptionsError([problem], _RULES)
    paths = sorted(meta.license_files or ())
    licenses = tuple((path.as_posix(), read_text_file(folder / path, folder)) for path in paths)
    return replace(
        project,
        metadata=_core_metadata(meta),
        dynamic=frozenset(meta.dynamic),
        readme_file=readme_file,
        license_files=licenses if meta.license_files is not None else None,
        entry_points={group: dict(entries) for group, entries in groups.items() if entries},
    )


def _core_metadata(meta: StandardMetadata) -> RawMetadata:
    """The fields of core metadata; a dynamic version is "0"."""
    fields = replace(meta, version=meta.version or Version("0"), dynamic=[]).as_json()
    for name in ("author_email", "maintainer_email"):
        if name in fields:  # pyproject-metadata's name for people without one
            fields[name] = re.sub(r"(^|, )Unknown <([^<>]+)>", r"\1\2", str(fields[name]))
    metadata: dict[str, Any] = {n: fields[n] for n in RawMetadata.__annotations__ if n in fields}
    metadata |= {"classifiers": meta.classifiers, "project_urls": meta.urls}
    return cast("RawMetadata", metadata)


def _read_readme(folder: Path, table: Mapping[str, Any]) -> tuple[dict[str, Any], Path | None]:
    """[project]'s readme with its text instead of its file, and that file.

    The library would follow links out of the project, and wait for named pipes.
    """
    declared = table.get("readme")
    fields = {"file": declared} if isinstance(declared, str) else declared
    if not isinstance(fields, dict) or not isinstance(fields.get("file"), str):
        return {}, None
    if "text" in fields:  # the library refuses both, unless one is empty
        return {"readme": {"file": "-", "text": "-", "content-type": "text/plain"}}, None
    file = folder / fields["file"]
    if not os.path.lexists(file) or file.is_dir():
        return {}, None  # the library reports it
    readme = read_readme(file, folder, fields.get("content-type"))
    return {"readme": {"text": readme.text, "content-type": readme.content_type}}, file


def _fits(value: Any, shape: Any) -> bool:
    """Whether a value has a shape: a type, [shape], {"*": shape}, one of several, or a parser's.

    Texts, lists and tables must not be empty; no text has a NUL, which ends a path or flag.
    """
    match shape:
        case tuple():
            return any(_fits(value, choice) for choice in shape)
        case list():
            return isinstance(value, list) and bool(value) and all(_fits(v, *shape) for v in value)
        case dict():
            items = value.items() if isinstance(value, dict) else ()
            return bool(items) and all(_fits(k, str) and _fits(v, shape["*"]) for k, v in items)
        case type():
            return isinstance(value, shape) and (shape is bool or bool(_TEXT.fullmatch(str(value))))
    try:
        return _fits(value, str) and bool(shape(value))
    except ValueError:
        return False


def _problems(location: str, value: Any, shape: Any, words: str) -> Iterator[str]:
    """The problems of a value, or of those in a table of certain keys."""
    if not isinstance(shape, dict) or "*" in shape or not value or not isinstance(value, dict):
        if not _fits(value, shape):
            yield f"{FILE_NAME}: {location} = {value!r:.200} should be {words}"
        return
    for key, inner in value.items():
        if key in shape:
            words = _WORDS.get(key, f"a table of {', '.join(_TARGET_KEYS)}")
            yield from _problems(f"{location}.{key}", inner, shape[key], words)
        else:
            close = get_close_matches(key, shape, 1)
            meant = f"did you mean {close[0]!r}?" if close else f"its keys: {', '.join(shape)}"
            yield f"{FILE_NAME}: [{location}] has no key {key!r:.200}; {meant}"


def parse_settings(table: Any) -> Settings:
    """Parse [tool.go-to-wheel]; raises InvalidOptionsError with every unknown key and bad value."""
    if not isinstance(table, dict):
        raise InvalidOptionsError([f"{FILE_NAME}: [{TABLE}] is not a table"], _REFERENCE)
    problems = [*_problems(TABLE, table, _SHAPES, "")] if table else []
    problems += [
        f"{FILE_NAME}: {TABLE} has both {key} and commands; write one of them"
        for key in ("package", "entry-point")
        if {key, "commands"} <= table.keys()
    ]
    if problems:
        raise InvalidOptionsError(problems, _REFERENCE)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if _SHAPES[key] in (_LIST, _TAGS) and isinstance(value, str):
            value = [part.strip() for part in value.split(",")]
        values[KEYS[key].name] = tuple(value) if isinstance(value, list) else value
    return Settings(**values)
