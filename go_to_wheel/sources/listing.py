"""Lists the files of a project for its source archive, and the Python files for its wheel.

In a checkout these are the files that git tracks or would add, elsewhere those that no
`.gitignore` names. Hidden files, build leftovers and untracked secrets are left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from operator import attrgetter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from go_to_wheel.errors import InvalidOptionsError, MissingPathError, SourceError
from go_to_wheel.process import quote_path
from go_to_wheel.sources.files import (
    TEXT_LIMIT,
    find_repository_root,
    read_file,
    read_text_file,
    require_inside,
    require_printable_name,
)
from go_to_wheel.sources.git import Git

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

#: The launcher's folder in the project's own package; written by editable installs.
LAUNCHER_FOLDER = "_launcher"
#: Hidden files, and files that Python's tools generate in a package.
_CACHE = rf"\..*|__pycache__|{LAUNCHER_FOLDER}|.*\.(pyc|pyo|egg-info|dist-info)"
#: Leftovers of builds.
_LEFTOVER = re.compile(rf"{_CACHE}|dist|build|node_modules|.*\.whl", re.DOTALL)
_PYTHON_SOURCE_HINT = "name the folder that holds the Python package: python-source = 'python'"
_DATA_EXAMPLE = 'write, for example, "share/man/man1" = ["man/*.1"]'
_TRACKED = ("--cached", "--recurse-submodules")
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
#: Source code, texts and examples with such names are not secret.
_NO_SECRETS = re.compile(
    r".*(\.(go|pyi?|md|rst|[chs]|proto|html|js|ts|tmpl|sql)|[-_.](example|sample|template)(\..*)?)",
    re.DOTALL,
)


def list_sdist_files(
    root: Path, git: Git, include: Sequence[str], exclude: Sequence[str]
) -> tuple[set[str], set[str]]:
    """List the files below `root` for its source archive, and those left out as secret.

    `include` adds files that would be left out, `exclude` removes files; both are patterns as in
    a .gitignore. Raises InvalidOptionsError for an invalid one.
    """
    included = parse_patterns("sdist-include", include)
    excluded = parse_patterns("sdist-exclude", exclude)
    tracked = git.list_files(*_TRACKED)
    others = git.list_files("--others", "--exclude-standard")
    if not tracked and not others:  # outside a checkout
        others = list(_walk(root))
    environments = tuple(
        path.removesuffix("pyvenv.cfg") for path in others if path.endswith("/pyvenv.cfg")
    )
    others = [
        path
        for path in others
        if not path.startswith(environments) and not any(map(_LEFTOVER.fullmatch, path.split("/")))
    ]
    named = set(included.match_files(_walk(root, everything=True)) if include else ())
    secret = {path for path in others if is_secret(path)} - named
    names = {path for path in tracked if "/." not in f"/{path}"} | named | {*others} - secret
    return names - {*excluded.match_files(names)}, secret - {*excluded.match_files(secret)}


def find_secrets(paths: Iterable[str], git: Git, include: Sequence[str]) -> tuple[str, ...]:
    """The secret paths that are neither tracked by git nor in `sdist-include`, sorted."""
    secrets = set(filter(is_secret, paths))
    if include:
        secrets -= {*parse_patterns("sdist-include", include).match_files(secrets)}
    return tuple(sorted(secrets.difference(git.list_files(*_TRACKED))))


def format_secret_note(paths: Collection[str]) -> str:
    """The note about secret files that were left out."""
    return (
        f"left out, because their names are those of keys or passwords: {', '.join(paths)} "
        "(to add one: sdist-include in [tool.go-to-wheel])"
    )


def is_secret(path: str) -> bool:
    """Whether a path looks like that of a key, a password or a token."""
    folded = path.casefold()
    return bool(_SECRETS.fullmatch(folded)) and not _NO_SECRETS.fullmatch(folded)


def parse_patterns(key: str, lines: Iterable[str]) -> GitIgnoreSpec:
    """Parse the patterns of a setting; raises InvalidOptionsError for an invalid one."""
    from pathspec import GitIgnoreSpec  # not needed for most wheels, and large

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise InvalidOptionsError(
            [f"{key}: {error}"], "write patterns as in a .gitignore: '/testdata/*.bin'"
        ) from None


def _walk(root: Path, everything: bool = False) -> Iterator[str]:
    """The relative paths of the files below a folder; with `everything` also the ignored ones.

    The .gitignore files of the folders above it count too, up to the repository's root.
    """
    top = find_repository_root(root) or root
    inherited: list[tuple[str, GitIgnoreSpec]] = []
    base = ""
    for part in root.relative_to(top).parts:
        inherited += _read_ignore_file(top, base)
        base += f"{part}/"
    pending = [(base, [] if _is_ignored(base, inherited) else inherited)]
    while pending:
        prefix, above = pending.pop()
        rules = above if everything else [*above, *_read_ignore_file(top, prefix)]
        try:
            with os.scandir(top / prefix) as listed:
                entries = list(listed)
        except OSError as error:
            raise SourceError(
                f"can't read the folder {str(top / prefix)!r}: {error.strerror}",
                "make it readable, or name it in .gitignore",
            ) from None
        for entry in entries:
            path = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if entry.name == ".git" or (top / path / "pyvenv.cfg").is_file():
                    continue
                left_out = _LEFTOVER.fullmatch(entry.name) or _is_ignored(f"{path}/", rules)
                if everything or not left_out:
                    pending.append((f"{path}/", rules))
            elif everything or not _is_ignored(path, rules):
                yield path.removeprefix(base)


def _read_ignore_file(root: Path, prefix: str) -> Iterator[tuple[str, GitIgnoreSpec]]:
    """Read a folder's .gitignore; lines that are not valid patterns are skipped, as in git."""
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    path = root / prefix / ".gitignore"
    if path.is_file():
        patterns = []
        for line in read_file(path, root, TEXT_LIMIT).decode("utf-8-sig", "replace").split("\n"):
            with suppress(ValueError):
                patterns.append(GitIgnoreSpecPattern(line))
        yield prefix, GitIgnoreSpec(patterns)


def _is_ignored(path: str, rules: Sequence[tuple[str, GitIgnoreSpec]]) -> bool:
    """Whether the nearest .gitignore that matches the path ignores it."""
    for prefix, spec in reversed(rules):
        verdict = spec.check_file(path.removeprefix(prefix)).include
        if verdict is not None:
            return verdict
    return False


def read_python_files(project: Path, named: str) -> tuple[tuple[str, bytes], ...]:
    """Read every file below a folder of the project: (path, bytes), sorted.

    Caches and hidden files are left out. Raises MissingPathError when there is no such
    folder, SourceError when it is empty, not in the project, or has links that leave it.
    """
    folder = project / named
    if not folder.is_dir():
        raise MissingPathError(f"python-source: no folder {str(folder)!r}", _PYTHON_SOURCE_HINT)
    real, root = folder.resolve(), project.resolve()
    if real == root or not real.is_relative_to(root):
        raise SourceError(
            f"python-source: {named!r} is not a folder inside the project",
            "everything in it goes into the wheel: name a folder with nothing but the Python "
            "package, such as 'python'",
        )
    files = {}
    for path in _list_python_files(folder, (real,), project):
        name = path.relative_to(folder).as_posix()
        require_printable_name(name)
        read = read_text_file if path.suffix in (".py", ".pyi") else read_file
        files[name] = read(path, project)
    if not files:
        raise SourceError(f"python-source: {str(folder)!r} has no files", _PYTHON_SOURCE_HINT)
    return tuple(sorted(files.items()))


def _list_python_files(folder: Path, parents: tuple[Path, ...], project: Path) -> Iterator[Path]:
    """The files below a folder; `parents` are the folder and its parents, resolved."""
    for path in folder.iterdir():
        if re.fullmatch(_CACHE, path.name, re.DOTALL):
            continue
        if path.is_symlink():
            require_inside(path, project)
        if not path.is_dir():
            yield path
            continue
        real = path.resolve()
        if any(folder.is_relative_to(real) for folder in parents):
            problem = f"python-source: {str(path)!r} is a link to a folder above it"
            raise SourceError(problem, f"remove it: rm {quote_path(path)}")
        yield from _list_python_files(path, (*parents, real), project)


def find_data_files(project: Path, table: Mapping[str, Sequence[str]]) -> dict[str, Path]:
    """The files of `data-files`: destination below the environment's root -> path.

    Raises MissingPathError for a pattern without a match, SourceError for folders and patterns
    that lead elsewhere.
    """
    chosen: dict[str, Path] = {}
    for folder, patterns in table.items():
        for pattern in patterns:
            parts = (*PurePosixPath(folder).parts, *PurePosixPath(pattern).parts)
            if ".." in parts or "\\" in f"{folder}{pattern}" or pattern.startswith("/"):
                problem = f"data-files: {folder!r} = {pattern!r} leads out of its folder"
                raise SourceError(problem, _DATA_EXAMPLE)
            paths = []
            with suppress(ValueError, IndexError, NotImplementedError):  # "." and "a**b"
                files = filter(Path.is_file, project.glob(str(PurePosixPath(pattern))))
                paths = sorted(files, key=attrgetter("parts"))
            if not paths:
                raise MissingPathError(
                    f"data-files: no file {pattern!r} in {str(project)!r}",
                    "if it is generated, generate it first",
                )
            for path in paths:
                require_printable_name(path.name)
                destination = f"{PurePosixPath(folder)}/{path.name}"
                if chosen.setdefault(destination, path) != path:
                    raise SourceError(
                        f"data-files: two files for {destination!r}: {path}, {chosen[destination]}",
                        "rename one of them, or choose another folder for it",
                    )
        if not folder.startswith(("share/", "etc/")):
            raise SourceError(f"data-files: {folder!r} is not below share or etc", _DATA_EXAMPLE)
    return chosen
