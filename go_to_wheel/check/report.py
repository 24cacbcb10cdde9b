"""The result of a check, as values."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from importlib.resources import files
from typing import Any, NamedTuple, TypeVar

from go_to_wheel.errors import InvalidOptionsError, WheelError

T = TypeVar("T")

#: A wheel with a fault in each of its ten thousand files gets this many findings of a code.
MAX_OF_A_CODE = 20
#: Each code has a section there, with the code as its anchor.
PAGES = "docs/reference/check-codes.md"
#: Longer messages are cut: a name or header in a wheel may have a megabyte.
_MAX_MESSAGE = 800


class Rule(NamedTuple):
    """`severity` is "error" or "warning"; `title` completes "found when …", `fix` is what to do."""

    severity: str
    title: str
    fix: str


_TABLE = files("go_to_wheel").joinpath("data", "check-codes.tsv").read_text(encoding="utf-8")
_, *_ROWS = csv.reader(_TABLE.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
#: Each code with its rule. Codes are stable: scripts match on them.
RULES = {code: Rule(*rest) for _, code, *rest in _ROWS}


@dataclass(frozen=True)
class Finding:
    """A fault: `code` is a key of RULES, `wheel` a file name (empty for a whole set).

    `hint` is what to do; the rule's `fix` unless the check knows better.
    """

    code: str
    message: str
    hint: str = ""
    wheel: str = ""

    @property
    def rule(self) -> Rule:
        """What the code stands for."""
        return RULES[self.code]

    @property
    def severity(self) -> str:
        """That of the rule: "error" or "warning"."""
        return self.rule.severity

    @property
    def page(self) -> str:
        """Where the documentation explains the code."""
        return f"{PAGES}#{self.code}"


Findings = Iterator[Finding]


def fault(code: str, subject: object, text: str = "", hint: str = "") -> Finding:
    """A finding about a path or value: "'hello/x.py': " and what its rule is, or `text`."""
    return Finding(code, f"{subject!r}: {text or RULES[code].title}", hint)


def faults(subject: object, wrong: Mapping[str, object]) -> Findings:
    """A fault for each code whose value is true, or the text that says what is wrong."""
    for code, why in wrong.items():
        if why:
            yield fault(code, subject, why if isinstance(why, str) else "")


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
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that are worth a look."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    def filtered(self, select: Sequence[str] = (), ignore: Sequence[str] = ()) -> Report:
        """The report with the findings that `select` names (all, without any), but for `ignore`.

        Both name codes, or what several begin with: "binary" stands for all of "binary-…".
        Raises InvalidOptionsError for what no code begins with.
        """
        for name in (*select, *ignore):
            if not any(_begins(code, [name]) for code in RULES):
                close = get_close_matches(name, RULES, 1)
                meant = f", did you mean {close[0]!r}?" if close else ""
                raise InvalidOptionsError([f"there is no code {name!r}{meant}"], f"see {PAGES}")
        left = [row for row in self.findings if not select or _begins(row.code, select)]
        return replace(self, findings=tuple(row for row in left if not _begins(row.code, ignore)))

    def ok(self, strict: bool = False) -> bool:
        """Whether there are no errors, and with `strict` no warnings either."""
        return not (self.findings if strict else self.errors)

    def to_json(self) -> dict[str, Any]:
        """A value for `json.dumps`: wheels, findings, not_run, runs, errors, warnings."""
        columns = ("code", "severity", "wheel", "message", "hint", "page")
        return {
            "wheels": [asdict(wheel) for wheel in self.wheels],
            "findings": [{key: getattr(row, key) for key in columns} for row in self.findings],
            "not_run": list(self.not_run),
            "runs": [asdict(run) for run in self.runs],
            "errors": len(self.errors),
            "warnings": len(self.warnings),
        }


def _begins(code: str, names: Sequence[str]) -> bool:
    return any(f"{code}-".startswith(f"{name}-") for name in names)


def findings_of(wheel: str, found: Iterable[Finding]) -> Findings:
    """The first findings of each code, ready for the report, then how many more there are."""
    counts: Counter[str] = Counter()
    for finding in found:
        counts[finding.code] += 1
        if counts[finding.code] <= MAX_OF_A_CODE:
            yield completed(finding, wheel)
    for code, count in (counts - Counter(dict.fromkeys(counts, MAX_OF_A_CODE))).items():
        yield completed(Finding(code, f"and {count} more of the kind '{code}'"), wheel)


def completed(finding: Finding, wheel: str) -> Finding:
    """The finding with the wheel, a hint, and a message on one line that people read."""
    text, length = finding.message[:_MAX_MESSAGE].replace("\n", " "), len(finding.message)
    text += f"… ({length} characters)" if length > _MAX_MESSAGE else ""
    hint = finding.hint or RULES[finding.code].fix
    return Finding(finding.code, text, hint, finding.wheel or wheel)


def guarded(subject: str, found: Iterable[T]) -> Iterator[T | Finding]:
    """What is found; an exception in between is a finding, so that other checks go on."""
    try:
        yield from found
    except WheelError as error:
        yield Finding("zip-broken", error.message, error.hint)
    except Exception as error:  # noqa: BLE001 (hostile input causes any, MemoryError too)
        yield failure(subject, error)


def failure(subject: str, error: Exception) -> Finding:
    """The finding for an exception that no check foresees."""
    return Finding("check-failed", f"{subject} can't be checked: {type(error).__name__}: {error}")
