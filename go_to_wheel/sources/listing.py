"""Which files of a project go into its source archive, and which Python files into a wheel.

In a checkout: what git tracks, or would track. Elsewhere: what no `.gitignore` names. Hidden
files, what builds leave behind and, unless it is tracked, what is secret by its name stay out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from operator import attrgetter
from pathlib import Path, PurePosixPath

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from go_to_wheel.errors import InvalidOptionsError, MissingPathError, SourceError
from go_to_wheel.sources.files import (
    TEXT_LIMIT,
    read_file,
    read_text_file,
    refuse_odd_name,
    refuse_outside,
    repository_root,
)
from go_to_wheel.sources.git import Git

#: The launcher's folder in the project's own package; written by editable installs.
LAUNCHER_FOLDER = "_launcher"
_LEFT_OUT_FOLDERS = frozenset(("__pycache__", LAUNCHER_FOLDER))
_LEFT_OUT_SUFFIXES = frozenset((".pyc", ".pyo", ".egg-info", ".dist-info"))
_TRACKED = ("--cached", "--recurse-submodules")
#: Names that builds leave behind.
_LEFTOVERS = frozenset(("__pycache__", LAUNCHER_FOLDER, "dist", "build", "node_modules"))
_LEFTOVER_SUFFIXES = frozenset((".pyc", ".pyo", ".whl", ".egg-info"))
#: Keys, passwords and tokens by their paths in lower case, and copies of such files.
_SECRETS = re.compile(
    r"""(.*/)?(
    id_(rsa|dsa|ecdsa|ed25519)(_sk)?(?!\.pub$)([.~].*)? | [^/]*_(rsa|ed25519)
    | [^/]*\.(pem|key|agekey|p8|p12|pfx|pkcs12|ppk|jks|jceks|keystore|keytab|kdbx|ovpn
      |mobileprovision|tfstate|tfvars|env)([.~][^/]*)?
    | ([^/]*[-_.])?(secrets?|credentials?|creds|passwords?|passwd|kubeconfig|service[-_]account
      |(access|api|deploy|private|root|secret|signing|ssh)[-_]?keys?)([-_.~][^/]*)?
    | ([^/]*[-_.])?token([.~][^/]*)? | [^/]*[-_]key\.json | [^/]*-firebase-adminsdk-[^/]*
    | [._]?(netrc|npmrc|pypirc|pgpass|htpasswd) | env\.local | wallet\.dat
    | (credentials|secrets)/.*
    )""",
    re.VERBOSE | re.DOTALL,
)
#: Source code and texts of such names, and examples, are none.
_NO_SECRETS = re.compile(
    r".*(\.(go|pyi?|md|rst|[chs]|proto|html|js|ts|tmpl|sql)|[-_.](example|sample|template)(\..*)?)",
    re.DOTALL,
)


def list_files(
    root: Path, git: Git, include: Sequence[str], exclude: Sequence[str]
) -> tuple[set[str], set[str]]:
    """The files below `root` for its archive, and those that are secret by their names.

    `include` and `exclude` are patterns as in a .gitignore: the first add files that would
    stay out, the second take files away. Raises InvalidOptionsError for one that is none.
    """
    added = parse_patterns("sdist-include", include)
    removed = parse_patterns("sdist-exclude", exclude)
    kinds = _TRACKED, ("--others", "--exclude-standard")
    listed = [git.query("ls-files", "-z", *kind) or "" for kind in kinds]
    tracked, others = ([name for name in names.split("\0") if name] for names in listed)
    if not any(listed):  # outside a checkout
        others = list(_walk(root))
    environments = tuple(
        path.removesuffix("pyvenv.cfg") for path in others if path.endswith("/pyvenv.cfg")
    )
    others = [
        path
        for path in others
        if not path.startswith(environments) and not any(map(_is_leftover, path.split("/")))
    ]
    named = set(added.match_files(_walk(root, everything=True)) if include else ())
    secret = {path for path in others if is_secret(path)} - named
    found = {path for path in tracked if "/." not in f"/{path}"} | named | {*others} - secret
    return found - {*removed.match_files(found)}, secret - {*removed.match_files(secret)}


def find_secrets(paths: Iterable[str], git: Git, include: Sequence[str]) -> tuple[str, ...]:
    """Those that are secret by their names, and neither tracked nor named in `sdist-include`."""
    added = parse_patterns("sdist-include", include)
    found = {path for path in paths if is_secret(path) and not added.match_file(path)}
    tracked = (git.query("ls-files", "-z", *_TRACKED) or "").split("\0") if found else ()
    return tuple(sorted(found.difference(tracked)))


def secret_note(paths: Collection[str]) -> str:
    """The note about files that are left out; "" for none."""
    if not paths:
        return ""
    return (
        f"left out, as their names are those of keys or passwords: {', '.join(paths)} "
        "(to add one: sdist-include in [tool.go-to-wheel])"
    )


def is_secret(path: str) -> bool:
    """Whether a file, relative to the project, is a key, a password or the like by its name."""
    folded = path.casefold()
    return bool(_SECRETS.fullmatch(folded)) and not _NO_SECRETS.fullmatch(folded)


def parse_patterns(key: str, lines: Iterable[str]) -> GitIgnoreSpec:
    """Patterns of a setting; raises InvalidOptionsError for one that is none."""
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise InvalidOptionsError(
            [f"{key}: {error}"], "write patterns as in a .gitignore: '/testdata/*.bin'"
        ) from None


def _walk(root: Path, everything: bool = False) -> Iterator[str]:
    """The files below a folder, relative; what a .gitignore names only with `everything`.

    Those of the folders above count too, up to the repository's, unless they name this one.
    """
    top = repository_root(root) or root
    inherited: list[tuple[str, GitIgnoreSpec]] = []
    place = ""
    for part in root.relative_to(top).parts:
        inherited += _read_rules(top, place)
        place += f"{part}/"
    pending = [(place, [] if _ignored(place, inherited) else inherited)]
    while pending:
        prefix, above = pending.pop()
        rules = above if everything else [*above, *_read_rules(top, prefix)]
        for entry in _list_folder(top / prefix):
            path = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if entry.name == ".git" or (top / path / "pyvenv.cfg").is_file():
                    continue
                if everything or not (_is_leftover(entry.name) or _ignored(f"{path}/", rules)):
                    pending.append((f"{path}/", rules))
            elif everything or not _ignored(path, rules):
                yield path.removeprefix(place)


def _list_folder(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise SourceError(
            f"can't read the folder {str(folder)!r}: {error.strerror}",
            "make it readable, or name it in .gitignore",
        ) from None


def _read_rules(root: Path, prefix: str) -> Iterator[tuple[str, GitIgnoreSpec]]:
    """A folder's .gitignore; like git, without the lines that are no patterns."""
    path = root / prefix / ".gitignore"
    if path.is_file():
        patterns = []
        for line in read_file(path, root, TEXT_LIMIT).decode("utf-8-sig", "replace").split("\n"):
            with suppress(ValueError):
                patterns.append(GitIgnoreSpecPattern(line))
        yield prefix, GitIgnoreSpec(patterns)


def _ignored(path: str, rules: Sequence[tuple[str, GitIgnoreSpec]]) -> bool:
    """Whether the nearest .gitignore with an opinion names the path."""
    for prefix, spec in reversed(rules):
        verdict = spec.check_file(path.removeprefix(prefix)).include
        if verdict is not None:
            return verdict
    return False


def _is_leftover(name: str) -> bool:
    suffix = Path(name).suffix
    return name.startswith(".") or name in _LEFTOVERS or suffix in _LEFTOVER_SUFFIXES


def read_python_files(project: Path, named: str) -> tuple[tuple[str, bytes], ...]:
    """Every file below a folder of the project as (path, bytes), sorted.

    Caches and hidden files are left out. Raises MissingPathError when there is no such
    folder, SourceError when it is empty, not in the project, or has links that leave it.
    """
    folder = project / named
    if not folder.is_dir():
        hint = "name the folder that holds the Python package"
        raise MissingPathError(f"python-source: no folder {str(folder)!r}", hint)
    real, home = folder.resolve(), project.resolve()
    if real == home or not real.is_relative_to(home):
        raise SourceError(
            f"python-source: {named!r} is not a folder inside the project",
            "everything in it goes into the wheel: name a folder with nothing but the Python "
            "package, such as 'python'",
        )
    files = {}
    for path in _walk_python(folder, (real,), project):
        name = path.relative_to(folder).as_posix()
        refuse_odd_name(name)
        # Line ends of Python code, which mean the same, are as everywhere else.
        read = read_text_file if path.suffix in (".py", ".pyi") else read_file
        files[name] = read(path, project)
    if not files:
        raise SourceError(f"python-source: {str(folder)!r} has no files")
    return tuple(sorted(files.items()))


def find_data_files(project: Path, table: Mapping[str, Sequence[str]]) -> dict[str, Path]:
    """The files of `data-files`: where each goes below the environment's root, and its path.

    Raises MissingPathError for a pattern that nothing matches, SourceError for folders and
    patterns that lead elsewhere.
    """
    found: dict[str, Path] = {}
    for folder, patterns in table.items():
        for pattern in patterns:
            parts = (*PurePosixPath(folder).parts, *PurePosixPath(pattern).parts)
            if ".." in parts or "\\" in f"{folder}{pattern}" or pattern.startswith("/"):
                raise SourceError(f"data-files: {folder!r} = {pattern!r} leads out of its folder")
            files = (path for path in project.glob(pattern) if path.is_file())
            paths = sorted(files, key=attrgetter("parts"))
            if not paths:
                raise MissingPathError(
                    f"data-files: no file {pattern!r} in {str(project)!r}",
                    "if it is generated, generate it first",
                )
            for path in paths:
                refuse_odd_name(path.name)
                place = f"{PurePosixPath(folder)}/{path.name}"
                if found.setdefault(place, path) != path:
                    raise SourceError(
                        f"data-files: two files for {place!r}: {path}, {found[place]}"
                    )
        if not folder.startswith(("share/", "etc/")):
            raise SourceError(
                f"data-files: {folder!r} is not below share or etc",
                'write, for example, "share/man/man1" = ["man/*.1"]',
            )
    return found


def _walk_python(folder: Path, above: tuple[Path, ...], project: Path) -> Iterator[Path]:
    """The files; `above` are the real folders that hold this one, itself included."""
    for entry in folder.iterdir():
        if entry.name.startswith(".") or entry.suffix in _LEFT_OUT_SUFFIXES:
            continue
        if entry.is_symlink():
            refuse_outside(entry, project)
        if not entry.is_dir():
            yield entry
        elif entry.name not in _LEFT_OUT_FOLDERS:
            real = entry.resolve()
            if any(folder.is_relative_to(real) for folder in above):
                raise SourceError(f"python-source: {str(entry)!r} is a link to what holds it")
            yield from _walk_python(entry, (*above, real), project)
