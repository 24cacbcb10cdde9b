"""Flags that set Go variables: read as Go splits them, and written."""

from __future__ import annotations

import pytest

from go_to_wheel.config.merge import format_setting, parse_variables


@pytest.mark.parametrize(
    ("ldflags", "variables"),
    [
        ("", {}),
        ("-s -w", {}),
        ("-X main.a=b", {"main.a": "b"}),
        ("-X=main.a=b --X main.c=d=e", {"main.a": "b", "main.c": "d=e"}),
        ("-X 'main.a=b c' -X \"main.d=it's\"", {"main.a": "b c", "main.d": "it's"}),
        ("-X main.a=b -X main.a=c", {"main.a": "c"}),
        ("-X", {}),
        ("-extldflags '-X main.a=b'", {}),
    ],
)
def test_variables_of_a_flags_string(ldflags: str, variables: dict[str, str]) -> None:
    assert parse_variables(ldflags) == variables


@pytest.mark.parametrize("value", ["", "1.0", "a b", "it's", 'say "x"', "tab\there"])
def test_what_is_written_is_read_again(value: str) -> None:
    assert parse_variables(f"-s {format_setting('main.a', value)} -w") == {"main.a": value}
