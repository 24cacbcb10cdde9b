"""The result of a check, as values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from go_to_wheel.check.rules import ERROR, RULES, WARNING

#: A wheel with a fault in each of its ten thousand files gets this many findings of a code.
MAX_OF_A_CODE = 20
#: Longer messages are cut: a name or header in a wheel may have a megabyte.
_MAX_MESSAGE = 800


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
    """A checked wheel; `programs` describes each native file in it."""

    file: str
    size: int
    name: str = ""
    version: str = ""
    tags: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """A command that was run: `manner` is "installed by pip", "under qemu-s390x" …"""

    wheel: str
    manner: str
    command: tuple[str, ...]
    exit_code: int
    output: str


@dataclass(frozen=True)
class Report:
    """All findings; `not_run` names each check that was impossible, with the reason.

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
    """A finding that isn't yet assigned to a wheel; the rule's `fix` is the hint of most."""

    code: str
    message: str
    hint: str = ""

    def of(self, wheel: str) -> Finding:
        """The finding for a wheel."""
        rule = RULES[self.code]
        hint = self.hint or rule.fix
        return Finding(self.code, rule.severity, wheel, _cut(self.message), hint)


Faults = Iterator[Fault]


def _cut(message: str) -> str:
    """On one line, of a length that people read."""
    text = " ".join(message[:_MAX_MESSAGE].split("\n"))
    return text if len(message) <= _MAX_MESSAGE else f"{text}… ({len(message)} characters)"


def limited(faults: Iterable[Fault]) -> Faults:
    """The first faults of each code, then how many more there are."""
    counts: Counter[str] = Counter()
    for fault in faults:
        counts[fault.code] += 1
        if counts[fault.code] <= MAX_OF_A_CODE:
            yield fault
    for code, count in counts.items():
        if count > MAX_OF_A_CODE:
            yield Fault(code, f"and {count - MAX_OF_A_CODE} more of the kind '{code}'")


def guarded(subject: str, faults: Iterable[Fault]) -> Faults:
    """The faults; an unexpected exception in between is one itself, so that checks go on."""
    try:
        yield from faults
    except Exception as error:  # noqa: BLE001 (RecursionError and MemoryError too)
        yield failure(subject, error)


def failure(subject: str, error: Exception) -> Fault:
    """The fault for an exception that no check foresees."""
    text = f"{subject} can't be checked: {type(error).__name__}: {error}"
    return Fault("check-failed", text)
