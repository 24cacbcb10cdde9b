"""Which files of a project go into its source archive.

In a checkout: what git tracks, or would track. Elsewhere: what no `.gitignore` names. Hidden
files, what builds leave behind and, unless it is tracked, what is secret by its name stay out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from go_to_wheel.errors import InvalidOptionsError, SourceError
from go_to_wheel.sources.files import TEXT_LIMIT, read_file, repository_root
from go_to_wheel.sources.git import Git
from go_to_wheel.sources.python_files import LAUNCHER_FOLDER

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


@dataclass(frozen=True)
class Listing:
    """A project's files, and those left out because they are `secret` by their names."""

    paths: frozenset[Path]
    secret: tuple[Path, ...] = ()


def list_files(root: Path, git: Git, include: Sequence[str], exclude: Sequence[str]) -> Listing:
    """The files below `root` for its archive.

    `include` and `exclude` are patterns as in a .gitignore: the first add files that would
    stay out, the second take files away. Raises InvalidOptionsError for one that is none.
    """
    added = parse_patterns("sdist-include", include)
    removed = parse_patterns("sdist-exclude", exclude)
    tracked, others = _list_with_git(git) or ([], list(_walk(root)))
    found = {path for path in tracked if not any(map(_is_hidden, path.split("/")))}
    environments = tuple(
        path.removesuffix("pyvenv.cfg") for path in others if path.endswith("/pyvenv.cfg")
    )
    candidates = {
        path
        for path in others
        if not path.startswith(environments) and not any(map(_is_leftover, path.split("/")))
    }
    secret = {path for path in candidates if is_secret(path)}
    if include:
        named = {path for path in _walk(root, everything=True) if added.match_file(path)}
        found, secret = found | named, secret - named
    found |= candidates - secret
    found = {path for path in found if not removed.match_file(path)}
    secret -= {path for path in secret if removed.match_file(path)}
    return Listing(frozenset(root / path for path in found), tuple(map(Path, sorted(secret))))


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


def _list_with_git(git: Git) -> tuple[list[str], list[str]] | None:
    """The files that git tracks and those that it would, relative; None outside a checkout."""
    tracked = git.query("ls-files", "-z", "--cached", "--recurse-submodules")
    others = git.query("ls-files", "-z", "--others", "--exclude-standard")
    if not tracked and not others:
        return None
    return _split(tracked), _split(others)


def _split(listed: str | None) -> list[str]:
    return [name for name in (listed or "").split("\0") if name]


def _walk(root: Path, everything: bool = False) -> Iterator[str]:
    """The files below a folder, relative; what a .gitignore names only with `everything`.

    Those of the folders above count too, up to the repository's, unless they name this one.
    """
    top = repository_root(root) or root
    place = "" if top == root else f"{root.relative_to(top).as_posix()}/"
    ends = [0, *(match.end() for match in re.finditer("/", place))][:-1] if place else []
    inherited = [rule for end in ends for rule in _read_rules(top, place[:end])]
    if _ignored(place, inherited):
        inherited = []
    pending: list[tuple[str, list[tuple[str, GitIgnoreSpec]]]] = [(place, inherited)]
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
        lines = read_file(path, root, TEXT_LIMIT).decode("utf-8-sig", "replace").split("\n")
        yield prefix, GitIgnoreSpec.from_lines(line for line in lines if _is_pattern(line))


def _is_pattern(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def _ignored(path: str, rules: Sequence[tuple[str, GitIgnoreSpec]]) -> bool:
    """Whether the nearest .gitignore with an opinion names the path."""
    for prefix, spec in reversed(rules):
        verdict = spec.check_file(path.removeprefix(prefix)).include
        if verdict is not None:
            return verdict
    return False


def _is_hidden(name: str) -> bool:
    return name.startswith(".")


def _is_leftover(name: str) -> bool:
    return _is_hidden(name) or name in _LEFTOVERS or Path(name).suffix in _LEFTOVER_SUFFIXES
