"""Addresses from module paths and remotes."""

from __future__ import annotations

import pytest

from go_to_wheel.config.options import find_urls
from go_to_wheel.sources.links import forge_url


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("github.com/o/tool", "https://github.com/o/tool"),
        ("github.com/o/tool/v2/cmd/x", "https://github.com/o/tool"),
        ("gitlab.com/g/sub/tool/v3", "https://gitlab.com/g/sub/tool"),
        ("gitlab.com/g/sub/tool.git/cmd/x", "https://gitlab.com/g/sub/tool"),
        ("https://gitlab.com/g/tool.git/", "https://gitlab.com/g/tool"),
        ("codeberg.org/o/tool", "https://codeberg.org/o/tool"),
        ("https://github.com/o/tool.git", "https://github.com/o/tool"),
        ("https://jane:secret@github.com/o/tool.git", "https://github.com/o/tool"),
        ("git@github.com:o/tool.git", "https://github.com/o/tool"),
        ("ssh://git@github.com:22/o/tool.git", "https://github.com/o/tool"),
        ("git://github.com/o/tool", "https://github.com/o/tool"),
        ("git@gitlab.com:g/sub/tool.git", "https://gitlab.com/g/sub/tool"),
        ("golang.org/x/vuln/cmd/govulncheck", "https://go.googlesource.com/vuln"),
        ("gopkg.in/yaml.v3", "https://github.com/go-yaml/yaml"),
        ("gopkg.in/owner/tool.v2/cmd/x", "https://github.com/owner/tool"),
        ("https://git.sr.ht/~o/tool", "https://git.sr.ht/~o/tool"),
        ("https://go.googlesource.com/vuln", "https://go.googlesource.com/vuln"),
        ("https://go.googlesource.com/", None),
        ("example.com/tool", None),
        ("github.com/o", None),
        ("github.com/o/.git/x", None),
        ("tool", None),
        ("../elsewhere.git", None),
        ("/srv/git/tool.git", None),
        ("git@git.corp.internal:o/tool.git", None),
        ("", None),
    ],
)
def test_forge_url(address: str, url: str | None) -> None:
    assert forge_url(address) == url


def test_unknown_host_counts_if_module_names_it() -> None:
    remote = "https://git.example.com/o/tool.git"
    assert forge_url(remote) is None
    assert forge_url(remote, "git.example.com/o/tool") == "https://git.example.com/o/tool"
    assert forge_url(remote, "other.example.com/o/tool") is None


@pytest.mark.parametrize(
    ("module", "remote", "url", "source"),
    [
        ("gitlab.com/o/tool/tools/x", "git@gitlab.com:o/tool.git", "gitlab.com/o/tool", "remote"),
        (
            "git.example.com/o/t/x/v2",
            "https://git.example.com/o/t",
            "git.example.com/o/t",
            "remote",
        ),
        ("gitlab.com/o/tool", "git@gitlab.com:o/tool.git", "gitlab.com/o/tool", "module path"),
        ("gitlab.com/o/tool2", "git@gitlab.com:o/tool.git", "gitlab.com/o/tool2", "module path"),
        ("gitlab.com/o/tool/x", None, "gitlab.com/o/tool/x", "module path"),
        ("example.com/tool", "https://github.com/o/tool", "github.com/o/tool", "remote"),
    ],
)
def test_repository_of_a_module(module: str, remote: str | None, url: str, source: str) -> None:
    ((label, value),) = find_urls(module, remote, "remote")
    assert (label, value.text, value.source) == ("Source", f"https://{url}", source)
