"""Runs git safely; reads a folder's commit and tags, and derives its version from them.

Without a repository they come from `.git_archival.txt` (`git archive`, setuptools-scm).

Some settings of a repository start programs. `guard_git` gives an environment that overrides
them, for our git commands and for Go's; the user's own settings, for git-lfs say, stay in force.
"""

from __future__ import annotations

import itertools
import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from packaging.version import Version

from go_to_wheel.errors import ToolchainError
from go_to_wheel.naming import next_version
from go_to_wheel.process import Host, Result
from go_to_wheel.sources.files import TEXT_LIMIT, read_file, require_regular_file

#: Seconds after which git is stopped.
_TIMEOUT = 120.0
#: Overrides that no git command of ours or Go's is affected by.
_SAFE_SETTINGS = {
    "column.tag": "never",
    "column.ui": "never",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "diff.ignoreSubmodules": "dirty",  # else git starts another git in each submodule
    "log.mailmap": "false",
    "log.showSignature": "false",
    "protocol.ext.allow": "never",
}
#: Settings with which a git command of ours or Go's would start a program or wait for a file.
_COMMAND_SETTINGS = re.compile(
    r"core\.(alternaterefscommand|askpass|attributesfile|excludesfile|gitproxy|pager|sshcommand)"
    r"|(credential|credential\..*)\.helper"
    r"|diff\.external|diff\..*\.(command|textconv)"
    r"|filter\..*\.(clean|process|required|smudge)"
    r"|(gpg|gpg\..*)\.(program|defaultkeycommand)"
    r"|remote\..*\.(promisor|uploadpack|vcs)"
    r"|submodule\..*\.(ignore|update)",
    re.DOTALL,
)
#: Values that disable such a setting, by its last word; the others are disabled by "".
_HARMLESS_VALUES = {
    "ignore": "dirty",
    "promisor": "false",
    "required": "false",
    "sshcommand": "ssh",
    "update": "none",
    "uploadpack": "git-upload-pack",
}
#: Variables, set by git for hooks, that make it use another repository than the folder's.
_REPOSITORY_VARIABLES = re.compile(
    "GIT_(COMMON_DIR|CONFIG|DIR|INDEX_FILE|NAMESPACE|OBJECT_DIRECTORY|PREFIX|WORK_TREE)"
)
#: Files that git reads in every folder of a repository.
_GIT_FILES = (".gitattributes", ".gitignore", ".gitmodules", ".git_archival.txt")
#: Folders of the other version control systems that Go starts.
_OTHER_VCS_NAMES = (".bzr", ".fslckout", ".hg", ".svn", "_FOSSIL_")

_SEMVER = re.compile(
    r"v(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-(?P<pre>[0-9A-Za-z.-]+))?"
)
#: At least one dot: tags such as "v2" are moved from release to release.
_ANY_VERSION = re.compile(r"v?\d+(\.\d+)+([-+.]?[0-9A-Za-z][0-9A-Za-z.+-]*)?")
#: Longer ones, of thousands of digits perhaps, are ignored.
_LONGEST_TAG = 255
#: setuptools-scm's file; `export-subst` in .gitattributes makes `git archive` fill it in.
ARCHIVAL_FILE = _GIT_FILES[-1]


@dataclass(frozen=True)
class Checkout:
    """A commit and its version.

    `version` is that of `tag` if the tag is on the commit and no tracked file is changed; else a
    development version after the newest earlier tag, with the reason in `why_unreleased`; None in
    a repository without tags. `prefix` is the folder's path in the repository ("tools/x/"),
    `source` is "git" or the name of the file that this was read from.
    """

    commit: str = ""
    timestamp: int = 0
    version: str | None = None
    tag: str = ""
    why_unreleased: str = ""
    remote: str | None = None
    prefix: str = ""
    source: str = "git"


@dataclass(frozen=True)
class TagRules:
    """Which tags are versions of a project.

    `folders` are those of the module and the project in the repository ("" or "tools/x/"),
    `names` the project's possible names, `prefix` its `tag-prefix` setting.
    """

    folders: tuple[str, ...] = ("",)
    names: tuple[str, ...] = ()
    prefix: str | None = None


@dataclass(frozen=True)
class Git:
    """Runs git in a folder; `host` comes from `guard_git`."""

    folder: Path
    host: Host

    def run(self, *args: str) -> Result:
        """Run git; raises OSError without git, ToolchainError when it does not finish."""
        command = ["git", "-c", "safe.bareRepository=explicit", *args]
        # with optional locks git would write to the repository
        quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        environ = {**self.host.environ, **quiet}
        return self.host.runner.run(command, self.folder, environ, _TIMEOUT)

    def query(self, *args: str) -> str | None:
        """git's output; None when it fails or is not installed."""
        try:
            result = self.run(*args)
        except (OSError, ToolchainError):
            return None
        return result.stdout.rstrip("\n") if result.returncode == 0 else None

    def list_files(self, *options: str) -> list[str]:
        """The paths that `git ls-files` lists with these options; [] when it fails."""
        return (self.query("ls-files", "-z", *options) or "").split("\0")[:-1]

    def list_tags(self, *options: str) -> list[str]:
        """The tags that `git tag` lists with these options; [] when it fails."""
        return (self.query("tag", *options) or "").split()


def guard_git(folder: Path, host: Host) -> Host:
    """The host with an environment in which git ignores programs that the folder configures.

    Raises ToolchainError for a git before 2.31, which does not read settings from the
    environment, for settings that can't be read in time or overridden, and SourceError for
    files that git would wait for.
    """
    environ = {
        name: value
        for name, value in host.environ.items()
        if not _REPOSITORY_VARIABLES.fullmatch(name)
    }
    guarded = Host({**environ, "GIT_NO_LAZY_FETCH": "1"}, host.runner)
    guarded = _with_settings(guarded, _SAFE_SETTINGS.items())
    root = next((top for top in (folder, *folder.parents) if (top / ".git").exists()), None)
    if root is None:
        return guarded
    if hasattr(os, "mkfifo"):  # Windows has neither pipes nor devices in folders
        _require_regular_git_files(root)
    git = Git(root, guarded)
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
    overrides = list(_list_overrides(git, settings))
    for name, _ in overrides:
        if "\ufffd" in name:  # so it can't be written
            raise ToolchainError(
                f"the repository's setting {name!r} may start a program, and its name is not UTF-8",
                "remove it from .git/config or .gitmodules, or build a copy of the folder "
                "without .git",
            )
    return _with_settings(guarded, overrides)


def _require_regular_git_files(root: Path) -> None:
    """Raise SourceError for a named pipe or device where git would read a file."""
    git_folder = root / ".git"
    is_separate = git_folder.is_symlink() or git_folder.is_file()
    if git_folder.is_file():  # a worktree's or submodule's
        link = os.fsdecode(read_file(git_folder, None, TEXT_LIMIT)).removeprefix("gitdir:").strip()
        git_folder = root / link.partition("\0")[0]
        if git_folder.parent.name == "worktrees":
            git_folder = git_folder.parent.parent
    folders = [root]
    if is_separate and (git_folder / "objects").exists():  # git takes no other folder
        folders.append(git_folder)
    for top in folders:
        for folder, _, names in os.walk(top):  # not Path: there may be 100,000 objects
            is_git_folder = top is git_folder or ".git" in Path(folder).relative_to(top).parts
            paths = (f"{folder}{os.sep}{n}" for n in names if is_git_folder or n in _GIT_FILES)
            for path in map(Path, itertools.filterfalse(os.path.isfile, paths)):
                with suppress(OSError):  # a link to a place that can't be read
                    if path.exists() and not path.is_socket():
                        require_regular_file(path, None)


def _list_overrides(
    git: Git, settings: Sequence[tuple[str, str, str]]
) -> Iterator[tuple[str, str]]:
    """Settings that disable the repository's programs, or restore the user's own.

    Also those that keep git from running another git in each submodule.
    """
    for name in sorted({name for scope, name, _ in settings if scope in ("local", "worktree")}):
        if _COMMAND_SETTINGS.fullmatch(name):
            yield name, _HARMLESS_VALUES.get(name.rpartition(".")[2], "")
            for scope, key, value in settings:
                if key == name and scope in ("system", "global"):
                    yield name, value
    if (git.folder / ".gitmodules").exists():
        listed = git.query("config", "--file", ".gitmodules", "--list", "--null", "--name-only")
        for name in (listed or "").split("\0"):
            if name.startswith("submodule."):
                yield f"{name.rpartition('.')[0]}.ignore", "dirty"


def _with_settings(host: Host, settings: Iterable[tuple[str, str]]) -> Host:
    """The host with more git settings in its environment, which override those in files."""
    count = host.environ.get("GIT_CONFIG_COUNT", "")
    added: dict[str, str] = {}
    for number, (name, value) in enumerate(settings, int(count) if count.isdecimal() else 0):
        added |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        added["GIT_CONFIG_COUNT"] = str(number + 1)
    return host.with_environ(added)


def has_other_vcs(folder: Path) -> bool:
    """Whether Go would run a version control system other than git in this folder.

    It may start programs that the folder configures, which can't be disabled.
    """
    for path in (folder, *folder.parents):
        if present := [name for name in (*_OTHER_VCS_NAMES, ".git") if (path / name).exists()]:
            return present != [".git"]
    return False


def read_checkout(
    git: Git, rules: TagRules, project_folders: Sequence[str], stamped: bool
) -> Checkout | None:
    """Read the folder's commit and version; None outside a checkout or before the first commit.

    The folder and `project_folders`, relative to it, complete `rules`. If Go stamps the commit
    into the program (`stamped`), changed files anywhere in the repository and untracked ones
    count: the program's version ends in "+dirty".
    """
    try:
        head = git.run("log", "-1", "--no-show-signature", "--format=%H %ct")
    except OSError as error:
        return _describe_failure(git.folder, f"can't run git ({error.strerror}); install it")
    except ToolchainError as error:
        return _describe_failure(git.folder, error.message)
    if head.returncode:
        return _describe_failure(git.folder, head.stderr)
    commit, _, date = head.stdout.strip().partition(" ")
    timestamp = _parse_timestamp(date)
    prefix = git.query("rev-parse", "--show-prefix") or ""
    paths = [posixpath.normpath(posixpath.join(prefix, path)) for path in (".", *project_folders)]
    folders = dict.fromkeys("" if path == "." else f"{path}/" for path in paths)
    rules = replace(rules, folders=tuple(folders))
    remote = git.query("remote", "get-url", "origin")
    checkout = Checkout(commit, timestamp, remote=remote, prefix=prefix)
    tag, base = find_tag(git.list_tags("--points-at", "HEAD"), rules)
    if base and not (changes := _list_changes(git, stamped)):
        return replace(checkout, version=base, tag=tag)
    if base:
        why = f"files differ from tag {tag}: {changes}; commit or ignore them"
    elif base := find_tag(git.list_tags("--merged", "HEAD"), rules)[1]:
        why = f"no version tag points at commit {commit[:12]}"
    elif not (why := _explain_missing_tag(git, rules)):
        return checkout
    version = format_development_version(base, timestamp, commit)
    return replace(checkout, version=version, why_unreleased=why)


def _parse_timestamp(text: str) -> int:
    """Seconds since 1970; 0, as git prints it, for a missing or invalid date."""
    return int(text) if re.fullmatch("[0-9]{1,11}", text) else 0


def _list_changes(git: Git, everywhere: bool) -> str:
    """The first files that differ from the commit; "" for none."""
    options = [] if everywhere else ["--untracked-files=no", "--", "."]
    listed = git.query("status", "--porcelain", "--ignore-submodules=dirty", *options)
    if listed is None:
        return "unknown (git status failed)"
    lines = (line.split(maxsplit=1) for line in listed.splitlines())
    names = [f"{name} is untracked" if state == "??" else name for state, name in lines]
    return _format_names(names)


def _format_names(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def _explain_missing_tag(git: Git, rules: TagRules) -> str:
    """Why no earlier commit has a version tag; "" in a repository without tags."""
    if git.query("rev-parse", "--is-shallow-repository") == "true":
        return "the clone is shallow, so tags may be missing; git fetch --unshallow --tags"
    tags = git.list_tags("--sort=-creatordate")
    newest, _ = find_tag(tags, rules)
    if newest:
        return f"no version tag is on this branch; the newest elsewhere is {newest}"
    if not tags:
        return ""
    return (
        f"no tag is a version of this project (newest: {_format_names(tags)}); "
        "set tag-prefix in [tool.go-to-wheel] to the text before its versions"
    )


def _describe_failure(folder: Path, text: str) -> Checkout | None:
    """git's error as a reason, with the command that fixes it; None without a commit."""
    in_repository = any((path / ".git").exists() for path in (folder, *folder.parents))
    if not in_repository or re.search("not a git repository|does not have any commits yet", text):
        return None
    line = (text.strip().splitlines() or ["no message"])[0].removeprefix("fatal: ")
    if match := re.search(r"dubious ownership in repository at '(?P<top>.*)'", text):
        line += f"; git config --global --add safe.directory {match['top']!r}"
    why = f"its version is unknown, git failed: {line}"
    return Checkout(version="0.0.0.dev0", why_unreleased=why)


def find_tag(tags: Sequence[str], rules: TagRules) -> tuple[str, str | None]:
    """The tag with the newest version, and that version; "" and None without one.

    Go's own form takes precedence: the module's folder as a prefix ("cmd/x/v1.2.3"). Then come
    pyproject.toml's folder, the forms of release tools ("tool-v1.2.3", "tool/1.2.3") and a bare
    version ("1.2", "v2026.01.15"). With a `tag-prefix` only that prefix counts.
    """
    tags = [tag for tag in tags if len(tag) <= _LONGEST_TAG]
    tool_prefixes = [f"{name}{sign}" for name in rules.names for sign in "-/_@"]
    forms = [([folder], _SEMVER) for folder in rules.folders]
    forms += [(tool_prefixes, _ANY_VERSION), ([*rules.folders], _ANY_VERSION)]
    if rules.prefix is not None:
        forms = [([rules.prefix], _ANY_VERSION)]
    for prefixes, pattern in forms:
        by_version = {
            tag[len(prefix) :]: tag for prefix in prefixes for tag in tags if tag.startswith(prefix)
        }
        if versions := list(filter(pattern.fullmatch, by_version)):
            newest = max(versions, key=_precedence)
            return by_version[newest], newest
    return "", None


def _precedence(version: str) -> tuple[bool, Version | str]:
    """A sort key for versions (PEP 440); invalid ones sort first."""
    try:
        return (True, Version(version))
    except ValueError:
        return (False, version)


def format_development_version(base: str | None, timestamp: int, commit: str) -> str:
    """The version of a commit after the version `base`.

    A Go pseudo-version ("v1.2.3" -> "v1.2.4-0.20240102030405-abcdef012345"), or a Python one
    ("1.2" -> "1.3.dev20240102030405") where Go would not accept the base.
    """
    stamp = datetime.fromtimestamp(timestamp, UTC).strftime("%Y%m%d%H%M%S")
    if base is None:
        return f"v0.0.0-{stamp}-{commit[:12]}"
    semver = _SEMVER.fullmatch(base)
    if semver and semver["pre"]:
        return f"{base}.0.{stamp}-{commit[:12]}"
    newer = next_version(str(_precedence(base)[1]))
    return f"v{newer}-0.{stamp}-{commit[:12]}" if semver else f"{newer}.dev{stamp}"


def read_archival(folder: Path, rules: TagRules) -> Checkout | None:
    """Read the folder's `.git_archival.txt`; None if missing or not filled in by git.

    Raises SourceError for a file that can't be read.
    """
    if not os.path.lexists(folder / ARCHIVAL_FILE):
        return None
    text = read_file(folder / ARCHIVAL_FILE, folder, TEXT_LIMIT).decode("utf-8", "replace")
    pairs = (line.partition(":")[::2] for line in text.splitlines())
    fields = {name: value.strip() for name, value in pairs}
    commit = fields.get("node", "")
    if not re.fullmatch(r"[0-9a-f]{40,64}", commit):
        return None
    timestamp = 0
    with suppress(ValueError, OverflowError, OSError):  # no date, or none of this system's
        date = datetime.fromisoformat(fields.get("node-date", ""))
        timestamp = _parse_timestamp(f"{date.timestamp():.0f}")
    tags = re.findall(r"tag: ([^,\s]+)", fields.get("ref-names", ""))
    described = fields.get("describe-name", "")
    tag = re.sub(r"-\d+-g[0-9a-f]+$", "", described)
    release, version = find_tag([*tags, *([tag] if tag == described else [])], rules)
    if version:
        return Checkout(commit, timestamp, version, release, source=ARCHIVAL_FILE)
    version = format_development_version(find_tag([tag], rules)[1], timestamp, commit)
    why = f"{ARCHIVAL_FILE} names no version tag on the commit {commit[:12]}"
    return Checkout(commit, timestamp, version, why_unreleased=why, source=ARCHIVAL_FILE)
