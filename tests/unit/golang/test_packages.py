"""What `go list -json` prints, parsed."""

from __future__ import annotations

import json
from typing import Any

from go_to_wheel.golang.packages import Package, _parse_objects, _parse_package


def test_a_package_without_a_module() -> None:
    assert _parse_package({"ImportPath": "x", "Name": "main"}) == Package("x", "main", "", "")


def test_replaced_module_has_the_replacement_version() -> None:
    module: dict[str, Any] = {
        "Path": "m.example/d",
        "Version": "v1.0.0",
        "Dir": "/cache/other",
        "Replace": {"Path": "m.example/other", "Version": "v1.2.0"},
    }
    data = {"ImportPath": "m.example/d/p [m.example/t]", "Dir": "/cache/other/p", "Module": module}
    package = _parse_package({**data, "DepOnly": True})
    assert package.import_path == "m.example/d/p"
    assert (package.module_version, package.source_version) == ("v1.0.0", "v1.2.0")
    assert package.is_dependency
    module["Replace"] = {"Path": "./near"}
    assert _parse_package(data).source_version == ""


def test_concatenated_json_objects_are_parsed() -> None:
    objects = [{"a": "}{"}, {"b": {"c": 1}}]
    text = "\n".join(json.dumps(found, indent=1) for found in objects)
    assert list(_parse_objects(text)) == objects
    assert list(_parse_objects("")) == []
