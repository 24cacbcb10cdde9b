"""What a check says, as values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from go_to_wheel.check.rules import ERROR, RULES, WARNING


@dataclass(frozen=True)
class Finding:
    """One fault: `code` is a key of RULES, `wheel` a file name (empty for a whole set)."""

    code: str
    severity: str
    wheel: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class WheelSummary:
    """A wheel that was looked at; `programs` describes each native file in it."""

    file: str
    size: int
    name: str = ""
    version: str = ""
    tags: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """A command that was run: `manner` says how ("installed by pip", "under qemu-s390x")."""

    wheel: str
    manner: str
    command: tuple[str, ...]
    exit_code: int
    output: str


@dataclass(frozen=True)
class Report:
    """The verdict: `not_run` names each check that could not be made, with the reason.

    `runs` are the commands that were run, when that was asked for.
    """

    wheels: tuple[WheelSummary, ...]
    findings: tuple[Finding, ...]
    not_run: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that PyPI, an installer or a user would stumble over."""
        return tuple(finding for finding in self.findings if finding.severity == ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that are worth a look."""
        return tuple(finding for finding in self.findings if finding.severity == WARNING)

    def ok(self, strict: bool = False) -> bool:
        """Whether there are no errors, and with `strict` no warnings either."""
        return not (self.findings if strict else self.errors)

    def to_json(self) -> dict[str, Any]:
        """A value for `json.dumps`: wheels, findings, not_run, runs, errors, warnings."""
        return {
            "wheels": [asdict(wheel) for wheel in self.wheels],
            "findings": [asdict(finding) for finding in self.findings],
            "not_run": list(self.not_run),
            "runs": [asdict(run) for run in self.runs],
            "errors": len(self.errors),
            "warnings": len(self.warnings),
        }


@dataclass(frozen=True)
class Fault:
    """A finding before it is known which wheel it is about."""

    code: str
    message: str
    hint: str = ""

    def of(self, wheel: str) -> Finding:
        """The finding for a wheel."""
        return Finding(self.code, RULES[self.code].severity, wheel, self.message, self.hint)


Faults = Iterator[Fault]
