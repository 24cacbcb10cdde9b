"""Rules, findings and the report of a check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from importlib.resources import files
from typing import Any, NamedTuple, TypeVar

from go_to_wheel.errors import InvalidOptionsError, ShortageError, WheelError, shortage_hint

T = TypeVar("T")

#: Further findings of the same code in a wheel are counted.
MAX_PER_CODE = 20
#: Each code has a section there, with the code as its anchor.
CODES_PAGE = "docs/reference/check-codes.md"
#: Longer messages are cut: a name or header in a wheel may have a megabyte.
_MAX_MESSAGE = 800


class Rule(NamedTuple):
    """`severity` is "error" or "warning"; `title` completes "found when …", `fix` is what to do."""

    severity: str
    title: str
    fix: str


_TABLE = files("go_to_wheel").joinpath("data", "check-codes.tsv").read_text(encoding="utf-8")
_ROWS = (line.split("\t") for line in _TABLE.splitlines()[1:])
#: Each code with its rule. Codes are stable: scripts match on them.
RULES = {code: Rule(*columns) for _, code, *columns in _ROWS}


@dataclass(frozen=True)
class Finding:
    """A problem: `code` is a key of RULES, `wheel` a file name (empty for a whole set).

    `hint` is what to do, by default the rule's `fix`.
    """

    code: str
    message: str
    hint: str = ""
    wheel: str = ""

    @classmethod
    def about(cls, code: str, subject: object, text: str = "", hint: str = "") -> Finding:
        """A finding whose message is the path or value, then `text` or the rule's title."""
        return cls(code, f"{subject!r}: {text or RULES[code].title}", hint)

    def in_report(self, wheel: str) -> Finding:
        """The finding with a wheel and a hint, and its message on one line, cut if too long."""
        text, length = self.message[:_MAX_MESSAGE].replace("\n", " "), len(self.message)
        text += f"… ({length} characters)" if length > _MAX_MESSAGE else ""
        return Finding(self.code, text, self.hint or RULES[self.code].fix, self.wheel or wheel)

    @property
    def severity(self) -> str:
        """That of the rule: "error" or "warning"."""
        return RULES[self.code].severity

    @property
    def page(self) -> str:
        """Where the documentation explains the code."""
        return f"{CODES_PAGE}#{self.code}"


Findings = Iterator[Finding]


def findings_about(subject: object, problems: Mapping[str, object]) -> Findings:
    """A finding for each code whose value is true, or the text of the message."""
    for code, problem in problems.items():
        if problem:
            yield Finding.about(code, subject, problem if isinstance(problem, str) else "")


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
        """The findings of severity "error"."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings of severity "warning"."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    def filtered(self, select: Sequence[str] = (), ignore: Sequence[str] = ()) -> Report:
        """The report with the findings of `select` (all if empty), except those of `ignore`.

        Both have codes or prefixes of codes: "binary" is every "binary-…".
        Raises InvalidOptionsError for a prefix of no code.
        """
        for name in (*select, *ignore):
            if not any(_matches(code, [name]) for code in RULES):
                close = get_close_matches(name, RULES, 1)
                meant = f", did you mean {close[0]!r}?" if close else ""
                problem = f"there is no code {name!r}{meant}"
                raise InvalidOptionsError([problem], f"see {CODES_PAGE}")
        chosen = [row for row in self.findings if not select or _matches(row.code, select)]
        chosen = [row for row in chosen if not _matches(row.code, ignore)]
        return replace(self, findings=tuple(chosen))

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


def _matches(code: str, names: Sequence[str]) -> bool:
    return any(f"{code}-".startswith(f"{name}-") for name in names)


def limit_findings(wheel: str, findings: Iterable[Finding]) -> Findings:
    """The first findings of each code, then the number of further ones."""
    counts: Counter[str] = Counter()
    for finding in findings:
        counts[finding.code] += 1
        if counts[finding.code] <= MAX_PER_CODE:
            yield finding.in_report(wheel)
    for code, count in counts.items():
        if (more := count - MAX_PER_CODE) > 0:
            yield Finding(code, f"and {more} more of the kind '{code}'").in_report(wheel)


def catch_errors(subject: str, results: Iterable[T]) -> Iterator[T | Finding]:
    """The results; an exception becomes a finding, so that other checks continue."""
    try:
        yield from results
    except WheelError as error:
        yield Finding("zip-broken", error.message, error.hint)
    except Exception as error:  # noqa: BLE001 (hostile input causes any, MemoryError too)
        yield unexpected_error(subject, error)


def unexpected_error(subject: str, error: Exception) -> Finding:
    """The finding for an unexpected exception; one about exhausted resources is raised again."""
    if isinstance(error, ShortageError) or shortage_hint(error):
        raise error
    return Finding("check-failed", f"{subject} can't be checked: {type(error).__name__}: {error}")
