"""git: how it is called, and the commit, tags and version that it knows of a folder.

`.git_archival.txt` has them where there is no repository (`git archive`, setuptools-scm).

A repository comes with settings of its own, and some of them start programs. `guard_git`
makes the environment in which those are off, for our calls and for Go's. Programs that the user's
own settings name, git-lfs for example, stay on.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from packaging.version import InvalidVersion, Version

from go_to_wheel.errors import GoToWheelError, ToolchainError
from go_to_wheel.process import Result, Runner
from go_to_wheel.sources.files import TEXT_LIMIT, open_file, read_file

#: Seconds after which a git that waits for something is ended.
_LIMIT = 120.0
#: Off in any configuration: none of our calls, and none of Go's, needs them.
_OFF = {
    "column.tag": "never",
    "column.ui": "never",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "diff.ignoreSubmodules": "dirty",  # else git starts another git in each submodule
    "log.mailmap": "false",
    "log.showSignature": "false",
    "protocol.ext.allow": "never",
}
#: Settings that start a program, or wait for a file, in a call that we or Go make.
_STARTS = re.compile(
    r"core\.(alternaterefscommand|askpass|attributesfile|excludesfile|gitproxy|pager|sshcommand)"
    r"|(credential|credential\..*)\.helper"
    r"|diff\.external|diff\..*\.(command|textconv)"
    r"|filter\..*\.(clean|process|required|smudge)"
    r"|(gpg|gpg\..*)\.(program|defaultkeycommand)"
    r"|remote\..*\.(promisor|uploadpack|vcs)"
    r"|submodule\..*\.(ignore|update)",
    re.DOTALL,
)
#: What switches such a setting off, by its last word; the others take an empty text.
_NEUTRAL = {
    "ignore": "dirty",
    "promisor": "false",
    "required": "false",
    "sshcommand": "ssh",
    "update": "none",
    "uploadpack": "git-upload-pack",
}
#: Where git would look for another repository than the folder's (a git hook sets these).
_REDIRECTING = ("GIT_COMMON_DIR", "GIT_CONFIG", "GIT_DIR", "GIT_INDEX_FILE", "GIT_NAMESPACE",
                "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_WORK_TREE")  # fmt: skip
#: Files that git reads in every folder of a repository.
_READ_FILES = (".gitattributes", ".gitignore", ".gitmodules", ".git_archival.txt")
#: Folders of the other version control systems that Go starts.
_OTHER_SYSTEMS = (".bzr", ".fslckout", ".hg", ".svn", "_FOSSIL_")

_SEMVER = re.compile(
    r"v(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-(?P<pre>[0-9A-Za-z.-]+))?"
)
#: At least one dot: tags such as "v2" are moved from release to release.
_LOOSE = re.compile(r"v?\d+(\.\d+)+([-+.]?[0-9A-Za-z][0-9A-Za-z.+-]*)?")
#: setuptools-scm's file; `export-subst` in .gitattributes makes `git archive` fill it in.
ARCHIVAL = _READ_FILES[-1]


@dataclass(frozen=True)
class Checkout:
    """A commit and its neighbourhood.

    `release` is the version that a tag names on the commit itself, if no tracked file is
    changed. Else `development` is a version after the newest tag below it, and why it is no
    release; None in a repository without any tag. `prefix` is the folder's place in the
    repository ("tools/x/").
    """

    commit: str = ""
    seconds: int = 0
    release: str | None = None
    development: tuple[str, str] | None = None
    remote: str | None = None
    prefix: str = ""


class Git:
    """git in a folder. `environ` is one that `guard_git` made."""

    def __init__(self, folder: Path, runner: Runner, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self._runner = runner
        self._environ = {
            **environ,
            "GIT_OPTIONAL_LOCKS": "0",  # writes nothing into the repository
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        }

    def run(self, *args: str) -> Result:
        """Raises OSError without git, ToolchainError when it does not end."""
        command = ["git", "-c", "safe.bareRepository=explicit", *args]
        return self._runner.run(command, self.folder, self._environ, _LIMIT)

    def query(self, *args: str) -> str | None:
        """What git prints; None when it fails or is not there."""
        try:
            result = self.run(*args)
        except (OSError, GoToWheelError):
            return None
        return result.stdout.strip() if result.returncode == 0 else None


def guard_git(folder: Path, runner: Runner, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which nothing that the folder's repository configures is started.

    Raises ToolchainError for a git before 2.31, which does not take settings from there, for
    settings that can't be read in time, and for those whose names can't be written; SourceError
    for what git, Go's too, would wait for.
    """
    bare = {name: value for name, value in environ.items() if name not in _REDIRECTING}
    guarded = _with_settings({**bare, "GIT_NO_LAZY_FETCH": "1"}, _OFF.items())
    root = next((top for top in (folder, *folder.parents) if (top / ".git").exists()), None)
    if root is None:
        return guarded
    if hasattr(os, "mkfifo"):  # Windows has neither pipes nor devices in folders
        _refuse_irregular(root)
    git = Git(root, runner, guarded)
    try:
        listed = git.run("config", "--list", "--null", "--show-scope")
    except OSError:
        return guarded  # no git
    if listed.returncode:
        return guarded  # it refuses every call
    fields = listed.stdout.split("\0")  # scope, then name and value
    pairs = zip(fields[::2], fields[1::2], strict=False)
    settings = [(scope, *setting.partition("\n")[::2]) for scope, setting in pairs]
    if ("command", "core.fsmonitor", "false") not in settings:
        raise ToolchainError(
            f"{git.query('--version')} is too old: it would start what {str(root)!r} configures",
            "install git 2.31 or newer, or build a copy of the folder without .git",
        )
    off = [*_reset(settings), *_ignored_submodules(git)]
    if odd := [name for name, _ in off if "\ufffd" in name]:  # so it can't be written
        raise ToolchainError(
            f"the repository's setting {odd[0]!r} may start a program, and its name is not UTF-8",
            "remove it from .git/config or .gitmodules, or build a copy of the folder without .git",
        )
    return _with_settings(guarded, off)


def _refuse_irregular(root: Path) -> None:
    """Raise SourceError for a named pipe or device in the place of a file that git reads."""
    odd: list[Path] = []
    pending = [(str(root), False)]
    own = root / ".git"
    elsewhere = own.is_symlink() or own.is_file()
    if own.is_file():  # a worktree's or submodule's
        named = os.fsdecode(read_file(own, None, TEXT_LIMIT)).removeprefix("gitdir:").strip()
        own = root / named.partition("\0")[0]
        own = own.parent.parent if own.parent.name == "worktrees" else own
    if elsewhere and (own / "objects").exists():  # git takes no other folder
        pending.append((str(own), True))
    while pending:
        folder, inside = pending.pop()  # whether it is git's own
        with suppress(OSError), os.scandir(folder) as entries:  # unreadable for git, too
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append((entry.path, inside or entry.name == ".git"))
                elif inside or entry.name in _READ_FILES:
                    odd += [] if entry.is_file(follow_symlinks=False) else [Path(entry.path)]
    for path in odd:
        with suppress(OSError):  # a link that leads where nobody may look
            if path.exists() and not (path.is_dir() or path.is_socket()):
                with open_file(path, None):
                    pass


def _reset(settings: Sequence[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    """What the repository sets and starts something is off, or as the user has it."""
    of_repository = {name for scope, name, _ in settings if scope in ("local", "worktree")}
    for name in sorted(of_repository):
        if _STARTS.fullmatch(name):
            yield name, _NEUTRAL.get(name.rpartition(".")[2], "")
            own = [setting for setting in settings if setting[0] in ("system", "global")]
            yield from ((name, value) for _, key, value in own if key == name)


def _ignored_submodules(git: Git) -> Iterator[tuple[str, str]]:
    """Settings that keep git from starting another one in each submodule."""
    if (git.folder / ".gitmodules").exists():
        listed = git.query("config", "--file", ".gitmodules", "--list", "--null", "--name-only")
        for name in (listed or "").split("\0"):
            if name.startswith("submodule."):
                yield f"{name.rpartition('.')[0]}.ignore", "dirty"


def _with_settings(
    environ: Mapping[str, str], settings: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """The environment with more git settings, which count more than all files'."""
    count = environ.get("GIT_CONFIG_COUNT", "")
    result = dict(environ)
    for number, (name, value) in enumerate(settings, int(count) if count.isdecimal() else 0):
        result |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        result["GIT_CONFIG_COUNT"] = str(number + 1)
    return result


def has_other_system(folder: Path) -> bool:
    """Whether Go would start another version control system than git for this folder.

    Those may start what the folder configures, and there is no switch for it.
    """
    for place in (folder, *folder.parents):
        if found := [name for name in (*_OTHER_SYSTEMS, ".git") if (place / name).exists()]:
            return found != [".git"]
    return False


def read_checkout(
    git: Git, rules: TagRules, nearby: Sequence[str] = (), stamped: bool = False
) -> Checkout | None:
    """Ask git about the folder; None outside a checkout, and before the first commit.

    `rules` are completed with the folder's own place in the repository and that of `nearby`
    folders, relative to it. Where Go stamps the commit into the program (`stamped`), files that
    are changed anywhere in the repository, or untracked, count: the program says "+dirty".
    """
    try:
        head = git.run("log", "-1", "--no-show-signature", "--format=%H %ct")
    except OSError as error:
        return _problem(git.folder, f"can't run git ({error.strerror}); install it")
    except ToolchainError as error:
        return _problem(git.folder, error.message)
    if head.returncode:
        empty = re.search("not a git repository|does not have any commits yet", head.stderr)
        return None if empty else _problem(git.folder, head.stderr)
    commit, seconds = head.stdout.split()
    prefix = git.query("rev-parse", "--show-prefix") or ""
    places = [posixpath.normpath(posixpath.join(prefix, place)) for place in (".", *nearby)]
    folders = dict.fromkeys("" if place == "." else f"{place}/" for place in places)
    rules = replace(rules, folders=tuple(folders))
    here = find_version((git.query("tag", "--points-at", "HEAD") or "").split(), rules)
    changes = _list_changes(git, stamped)
    remote = git.query("remote", "get-url", "origin")
    found = Checkout(commit, int(seconds), remote=remote, prefix=prefix)
    if here and not changes:
        return replace(found, release=here)
    base = here or find_version((git.query("tag", "--merged", "HEAD") or "").split(), rules)
    why = f"no version tag names the commit {commit[:12]}"
    if here:
        why = f"files differ from the commit that {here} names: {changes}; commit or ignore them"
    elif not base:
        why = _no_tag(git)
    if not why:
        return found
    text = format_development(base or "v0.0.0", int(seconds), commit)
    text = text if base else text.replace("v0.0.1-0.", "v0.0.0-")
    return replace(found, development=(text, why))


def _list_changes(git: Git, everywhere: bool) -> str:
    """The first files that differ from the commit; "" for none."""
    only = [] if everywhere else ["--untracked-files=no", "--", "."]
    listed = git.query("status", "--porcelain", "--ignore-submodules=dirty", *only)
    if listed is None:
        return "git status fails"
    lines = (line.split(maxsplit=1) for line in listed.splitlines())
    names = [f"{name} is untracked" if state == "??" else name for state, name in lines]
    return _first_five(names)


def _first_five(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def _no_tag(git: Git) -> str:
    """Why no tag is a version; "" in a repository without any."""
    if git.query("rev-parse", "--is-shallow-repository") == "true":
        return "the clone is shallow, so tags may be missing; git fetch --unshallow --tags"
    named = _first_five((git.query("tag", "--sort=-creatordate") or "").split())
    return named and (
        f"no tag is a version of this project, neither is {named}; "
        "set tag-prefix in [tool.go-to-wheel] to what is in front of its versions"
    )


def _problem(folder: Path, text: str) -> Checkout | None:
    """git's refusal with the command that helps, where there is a repository that it is about."""
    line = (text.strip().splitlines() or ["no message"])[0].removeprefix("fatal: ")
    if found := re.search(r"dubious ownership in repository at '(?P<top>.*)'", text):
        line += f"; git config --global --add safe.directory {found['top']!r}"
    inside = any((place / ".git").exists() for place in (folder, *folder.parents))
    why = f"its version is unknown, git failed: {line}"
    return Checkout(development=("0.0.0.dev0", why)) if inside else None


@dataclass(frozen=True)
class TagRules:
    """Which tags are versions of a project.

    `folders` are the module's and the project's in the repository ("" or "tools/x/"), `names`
    the project's; `prefix` is the one that is stated.
    """

    folders: tuple[str, ...] = ("",)
    names: tuple[str, ...] = ()
    prefix: str | None = None


def find_version(tags: Sequence[str], rules: TagRules) -> str | None:
    """The newest version among tags, without what is in front; None if none is one.

    Go's own form counts first: the module's folder in front ("cmd/x/v1.2.3"). Then the folder of
    pyproject.toml, then the forms of release tools ("tool-v1.2.3", "tool/1.2.3"), then a version
    alone ("1.2", "v2026.01.15"). A project that states its tag-prefix has no other.
    """
    named = [f"{name}{sign}" for name in rules.names for sign in "-/_@"]
    tries = [([folder], _SEMVER) for folder in rules.folders]
    tries += [(named, _LOOSE), ([*rules.folders], _LOOSE)]
    if rules.prefix is not None:
        tries = [([rules.prefix], _LOOSE)]
    for prefixes, pattern in tries:
        pairs = [(tag, prefix) for prefix in prefixes for tag in tags if tag.startswith(prefix)]
        versions = [tag.removeprefix(prefix) for tag, prefix in pairs]
        if fitting := list(filter(pattern.fullmatch, versions)):
            return max(fitting, key=_order)
    return None


def _order(version: str) -> tuple[bool, Version | str]:
    """Precedence by Python's rules; what is no version there is before all others."""
    try:
        return (True, Version(version))
    except InvalidVersion:
        return (False, version)


def format_development(base: str, seconds: int, commit: str) -> str:
    """The version of a commit after the version `base`.

    Go's pseudo-version ("v1.2.3" -> "v1.2.4-0.20240102030405-abcdef012345"), or Python's
    ("1.2" -> "1.3.dev20240102030405") where the base is no version to Go.
    """
    stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S")
    found = _SEMVER.fullmatch(base)
    if found and found["pre"]:
        return f"{base}.0.{stamp}-{commit[:12]}"
    *numbers, last = map(int, re.findall(r"\d+", re.split(r"[+-]", base)[0]))
    newer = ".".join(map(str, [*numbers, last + 1]))
    return f"v{newer}-0.{stamp}-{commit[:12]}" if found else f"{newer}.dev{stamp}"


def read_archival(folder: Path, rules: TagRules) -> Checkout | None:
    """The commit that the folder's file names; None without one that git has filled in.

    Raises SourceError for a file that can't be read.
    """
    if not os.path.lexists(folder / ARCHIVAL):
        return None
    text = read_file(folder / ARCHIVAL, folder, TEXT_LIMIT).decode("utf-8", "replace")
    pairs = (line.partition(":")[::2] for line in text.splitlines())
    fields = {name: value.strip() for name, value in pairs}
    commit = fields.get("node", "")
    if not re.fullmatch(r"[0-9a-f]{40,64}", commit):
        return None
    try:
        seconds = int(datetime.fromisoformat(fields.get("node-date", "")).timestamp())
    except ValueError:
        seconds = 0
    tags = re.findall(r"tag: ([^,\s]+)", fields.get("ref-names", ""))
    described = fields.get("describe-name", "")
    tag = re.sub(r"-\d+-g[0-9a-f]+$", "", described)
    if release := find_version([*tags, *([tag] if tag == described else [])], rules):
        return Checkout(commit, seconds, release)
    text = format_development(find_version([tag], rules) or "v0.0.0", seconds, commit)
    why = f"{ARCHIVAL} names no version tag on the commit {commit[:12]}"
    return Checkout(commit, seconds, development=(text, why))
