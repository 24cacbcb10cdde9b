"""A finished program and its tags, whoever built it."""

from __future__ import annotations

import io

import pytest
from binaries import load

from go_to_wheel.binary.facts import BinaryFacts, GoBuildInfo
from go_to_wheel.binary.match import inspect_program, tags_for
from go_to_wheel.errors import BinaryError
from go_to_wheel.platforms import parse_selection


def test_a_fitting_program_gives_facts_and_tags() -> None:
    (target,) = parse_selection(["darwin-arm64"])
    facts = inspect_program(io.BytesIO(load("darwin-arm64")), target, private=[b"/no/such/path"])
    assert tags_for([facts], target) == ("macosx_12_0_arm64",)


def test_every_reason_is_in_the_error() -> None:
    (target,) = parse_selection(["linux-amd64"])
    with pytest.raises(BinaryError) as caught:
        inspect_program(io.BytesIO(load("linux-amd64-race")), target, private=[b"example.com/"])
    assert "it was built with -race" in caught.value.message
    assert caught.value.message.endswith("it contains the builder's path 'example.com/'")


@pytest.mark.parametrize("version", ["devel go1.27-0123456", "", "go2"])
def test_a_self_made_go_leaves_the_header_to_decide(version: str) -> None:
    (target,) = parse_selection(["darwin-amd64"])
    go = GoBuildInfo(version) if version else None
    facts = BinaryFacts("macho", "darwin", "x86_64", minimum_macos=(12, 0), go=go)
    assert tags_for([facts], target) == ("macosx_12_0_x86_64",)
    assert tags_for([facts, BinaryFacts("macho", "darwin", "x86_64", go=GoBuildInfo("go1.27"))],
                    target) == ("macosx_13_0_x86_64",)  # fmt: skip
