"""A module that Go fetched: its identity by the module proxy."""

from __future__ import annotations

from pathlib import Path

import pytest

from go_to_wheel.builder.plan import _identify_fetched
from go_to_wheel.sources.module import ModuleSource


@pytest.mark.parametrize(
    ("origin", "subfolder"), [({}, ""), ({"Subdir": ""}, ""), ({"Subdir": "tools/x"}, "tools/x/")]
)
def test_the_subfolder_is_a_prefix_of_tags(
    origin: dict[str, str], subfolder: str, tmp_path: Path
) -> None:
    source = ModuleSource(tmp_path, ("example.com/x",), "example.com/x", version="v1.2.3")
    assert _identify_fetched(source, "v1.2.3", origin).subfolder == subfolder
