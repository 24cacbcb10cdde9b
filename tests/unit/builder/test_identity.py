"""The version that a packager states in the environment."""

from __future__ import annotations

import pytest

from go_to_wheel.builder.detect import find_version_override


@pytest.mark.parametrize(
    ("environ", "version"),
    [
        ({}, None),
        ({"GO_TO_WHEEL_VERSION": ""}, None),
        ({"GO_TO_WHEEL_VERSION": "1.2"}, "1.2"),
        ({"GO_TO_WHEEL_VERSION": "1.2", "GO_TO_WHEEL_VERSION_MY_TOOL": "2.0"}, "2.0"),
        ({"GO_TO_WHEEL_VERSION_OTHER": "2.0"}, None),
    ],
)
def test_the_own_variable_counts_more(environ: dict[str, str], version: str | None) -> None:
    stated = find_version_override(["my.tool"], environ)
    assert (stated and stated.text) == version
