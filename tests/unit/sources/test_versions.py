"""Tags -> versions, by Go's rules first."""

from __future__ import annotations

import pytest
from packaging.version import Version

from go_to_wheel.naming import parse_version
from go_to_wheel.sources.git import TagRules, find_tag, format_development_version

COMMIT = "abcdef0123456789abcdef0123456789abcdef01"


@pytest.mark.parametrize(
    ("tags", "folder", "newest"),
    [
        ([], "", None),
        (["v1.2.3"], "", "v1.2.3"),
        (["v1.9.0", "v1.10.0", "v1.2.0"], "", "v1.10.0"),
        (["v1.0.0", "v1.0.0-rc.1"], "", "v1.0.0"),
        (["v1.0.0-rc.2", "v1.0.0-rc.10", "v1.0.0-beta"], "", "v1.0.0-rc.10"),
        (["v9.0.0", "cmd/x/v1.2.3"], "cmd/x/", "v1.2.3"),
        (["v9.0.0"], "cmd/x/", None),
        (["cmd/x/v1.2.3"], "", None),
        (["cmd/x/1.2"], "cmd/x/", "1.2"),
        (["release", "v1.2", "v01.2.4", "nightly-v2.0.0"], "", "v01.2.4"),
        (["1.9", "1.10", "1.10rc1"], "", "1.10"),
        (["v3", "3", "v", "latest", "v1.x", "1..2", "v1.2.", "2024-01-02"], "", None),
        (["tool-v1.0.0", "tool/2.0", "tool_1.5", "tool@1.7", "toolbox-v9.0.0"], "", "2.0"),
        (["v1.0.0", "tool-v2.0.0"], "", "v1.0.0"),
        (["tool-v1.0.0", "1.5"], "", "v1.0.0"),
        (["v1.2.3+build5"], "", "v1.2.3+build5"),
        (["1.2", f"1.{'9' * 5000}"], "", "1.2"),
    ],
)
def test_newest_version_is_found(tags: list[str], folder: str, newest: str | None) -> None:
    tag, version = find_tag(tags, TagRules((folder,), ("tool",)))
    assert version == newest
    assert tag.endswith(newest or "")
    assert tag in {"", *tags}


@pytest.mark.parametrize(
    ("prefix", "newest"),
    [("release-", "1.2.3"), ("", "v9.0.0"), ("v", "9.0.0"), ("other-", None), ("rel.", None)],
)
def test_stated_prefix_excludes_others(prefix: str, newest: str | None) -> None:
    tags = ["release-1.2.3", "v9.0.0", "tool-v8.0.0"]
    assert find_tag(tags, TagRules(names=("tool",), prefix=prefix))[1] == newest


@pytest.mark.parametrize(
    ("base", "version"),
    [
        ("v1.2.3", "v1.2.4-0.20240102030405-abcdef012345"),
        ("v1.2.3-rc.1", "v1.2.3-rc.1.0.20240102030405-abcdef012345"),
        ("1.2", "1.3.dev20240102030405"),
        ("1.2.0rc1", "1.2.0rc2.dev20240102030405"),
        ("v1.2.0b2", "1.2.0b3.dev20240102030405"),
        ("1.2.0-rc1", "1.2.0rc2.dev20240102030405"),
        ("1.2.0.dev1", "1.2.0.dev20240102030405"),
        ("1.2.0rc1.dev3", "1.2.0rc1.dev20240102030405"),
        ("1.2.0.post1", "1.2.1.dev20240102030405"),
        ("1.2.0+a1", "1.2.1.dev20240102030405"),
        ("v2026.01.15", "2026.1.16.dev20240102030405"),
        ("v1.2.3+build5", "1.2.4.dev20240102030405"),
        (None, "v0.0.0-20240102030405-abcdef012345"),
    ],
)
def test_development_versions(base: str | None, version: str) -> None:
    assert format_development_version(base, 1704164645, COMMIT) == version


@pytest.mark.parametrize(
    ("base", "final"),
    [
        ("v1.2.3", "1.2.4"),
        ("v1.2.3-rc.1", "1.2.3"),
        ("v1.2.3-beta", "1.2.3"),
        ("v1.2.3-dev.1", "1.2.3"),
        ("1.2", "1.3"),
        ("1.2rc1", "1.2"),
        ("1.2.3a1", "1.2.3"),
        ("1.2.3.dev4", "1.2.3"),
        ("1.2.3.post4", "1.2.4"),
    ],
)
def test_order_of_development_versions(base: str, final: str) -> None:
    version = parse_version(format_development_version(base, 1704164645, COMMIT))
    assert Version(parse_version(base)) < Version(version) < Version(final)
