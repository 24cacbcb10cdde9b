"""Downloads the files of a release from the package index that pip is configured for.

unearth does so, with pip's credentials (in the URL, from ~/.netrc or a keyring), and verifies the
hashes that the index lists.
"""

from __future__ import annotations

import ast
import logging
import os
import re
import ssl
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from go_to_wheel.check.filename import parse_name, tag_fits
from go_to_wheel.check.wheel import SDIST_ENDINGS
from go_to_wheel.errors import InvalidOptionsError, ToolchainError
from go_to_wheel.platforms import Target
from go_to_wheel.process import Runner

_OTHER_INDEX = "name another index: --index-url URL"
#: Sections of pip's configuration; the first that has a setting counts.
_SECTIONS = ("download", "global")
_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "cert", "no-index")


def is_release(argument: str) -> bool:
    """Whether an argument that is no path may be the name of a project ("name==version")."""
    with suppress(InvalidRequirement, RecursionError):  # "((((…", before packaging 26.4
        is_file = argument.lower().endswith((".whl", *SDIST_ENDINGS))
        return not (is_file or argument == "dist" or Requirement(argument).url)
    return False


class Index:
    """The index at `url`, else those of `pip config` and the PIP_* variables.

    Raises ToolchainError, naming what is `wanted`, without unearth, InvalidOptionsError for an
    invalid URL or if pip is configured to use no index.
    """

    def __init__(self, url: str | None, runner: Runner, wanted: str = "") -> None:
        try:
            from unearth import PackageFinder
            from unearth.auth import MultiDomainBasicAuth
            from unearth.fetchers import PyPIClient
        except ImportError:
            text = f"there is no path {wanted!r}; to look up a project, unearth must be installed"
            raise ToolchainError(text, "pip install 'go-to-wheel[check]'") from None
        logging.getLogger("unearth").setLevel(logging.ERROR)  # we report missing files
        settings = _read_pip_settings(runner)
        if url and not re.match("(https?|file)://.", url):
            text = f"--index-url {url!r} is not the address of an index"
            raise InvalidOptionsError([text], "write it with https://, and /simple/ at its end")
        if not url and settings["no-index"] in (["1"], ["true"], ["yes"], ["on"]):
            raise InvalidOptionsError(["pip is configured to use no index"], _OTHER_INDEX)
        main = [url] if url else settings["index-url"][:1]
        extra = [] if url else settings["extra-index-url"]
        verify = ssl.create_default_context(cafile=next(iter(settings["cert"]), None))
        session: Any = PyPIClient(trusted_hosts=settings["trusted-host"], verify=verify)
        session.auth = MultiDomainBasicAuth(prompting=False, index_urls=[*main, *extra])
        self.finder: Any = PackageFinder(session, index_urls=main, ignore_compatibility=True)
        for address in extra:
            self.finder.add_index_url(address)
        addresses = ", ".join(str(source["url"]) for source in self.finder.sources)
        #: The addresses, without credentials.
        self.shown = re.sub(r"(?<=://)[^/]*@", "", addresses)

    def fetch(
        self, release: str, folder: Path, targets: Sequence[Target], progress: Callable[[str], None]
    ) -> list[Path]:
        """Download a release's wheels for `targets`; without targets every wheel and the sdist.

        `release` is "name" (its newest version) or "name==version"; `progress` is called with a
        message before each download. Raises InvalidOptionsError when the index can't be read or
        has no such project, version or wheel.
        """
        from httpx2 import HTTPError
        from unearth.errors import UnpackError

        requirement = Requirement(release)
        try:
            packages = list(self.finder.find_all_packages(requirement.name, allow_yanked=True))
            version = next((p.version for p in self.finder.find_matches(requirement)), None)
            files = [p.link for p in packages if p.version == version]
            links = [link for link in files if _is_wanted(link.filename, targets)]
            if not links:
                raise self._missing_error(requirement, version, [str(p.version) for p in packages])
            paths = []
            for number, link in enumerate(sorted(links, key=lambda link: link.filename), 1):
                progress(f"downloading {link.filename} ({number} of {len(links)})")
                paths.append(Path(self.finder.download(link, folder)))
            return paths
        except (HTTPError, UnpackError, OSError) as error:
            text = f"{self.shown}: {str(error) or type(error).__name__}"
            hint = f"check the network and the address, or {_OTHER_INDEX}"
            raise InvalidOptionsError([text], hint) from error

    def has(self, requirement: str) -> bool:
        """Whether it lists a file for "name" or "name>=1.0"; False if it can't be read."""
        from httpx2 import HTTPError

        try:
            return any(self.finder.find_matches(requirement))
        except (HTTPError, OSError):
            return False

    def _missing_error(
        self, requirement: Requirement, version: object, versions: list[str]
    ) -> InvalidOptionsError:
        name, versions = requirement.name, list(dict.fromkeys(versions))[:5]
        text = f"there is no release '{requirement}'; the newest are {', '.join(versions)}"
        hint = f"check one: go-to-wheel check {'=='.join([name, *versions[:1]])}"
        if version:
            text = f"{name} {version} has no wheel for these platforms"
            hint = f"check all of it: go-to-wheel check {name}=={version}"
        elif not versions:
            text = f"there is no project {name!r} on {self.shown}, or it refuses access"
            hint = f"check its spelling, give credentials as for pip, or {_OTHER_INDEX}"
        return InvalidOptionsError([text], hint)


def _read_pip_settings(runner: Runner) -> dict[str, list[str]]:
    """Run `pip config list`; each of `_SETTINGS` as a list of words."""
    listed = runner.run([sys.executable, "-P", "-m", "pip", "config", "list"], timeout=60)
    lines = dict(line.partition("=")[::2] for line in listed.stdout.splitlines())
    settings = {}
    for name in _SETTINGS:
        value = os.environ.get(f"PIP_{name.upper().replace('-', '_')}")  # counts without pip too
        literals = [lines.get(f"{section}.{name}") for section in _SECTIONS]
        literal = next(filter(None, literals), repr(""))
        settings[name] = (value or ast.literal_eval(literal)).split()
    return settings


def _is_wanted(filename: str, targets: Sequence[Target]) -> bool:
    if re.search(r"[/\\]|^\.", filename):  # the index chooses the name
        return False
    if not targets:
        return filename.endswith((".whl", *SDIST_ENDINGS))
    tags = parse_name(filename).platforms if filename.endswith(".whl") else ()
    return any(tag == "any" or tag_fits(tag, target) for tag in tags for target in targets)
