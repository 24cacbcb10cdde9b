"""The licences of one wheel: the project's own and those of what is linked in. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from go_to_wheel.licenses.notices import Notice, combine, judge, license_files


@dataclass(frozen=True)
class BundledLicenses:
    """The licence texts of a wheel and the SPDX expression for all of them.

    `expression` is the project's own where another one is unknown; `unknown` has the reasons,
    by module. `by_module` has the expressions that are known.
    """

    expression: str | None
    files: tuple[tuple[str, bytes], ...]
    by_module: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)


def bundle_licenses(
    module: str,
    own: str | None,
    own_files: Sequence[tuple[str, bytes]],
    notices: Sequence[Notice] = (),
    complete: bool = True,
) -> BundledLicenses:
    """The project's licence, that of `module`, with those of everything linked in.

    `complete` is False when some texts are missing; the whole expression is unknown then.
    """
    verdicts = {notice.module: judge(notice) for notice in notices}
    others = [verdict.expression for verdict in verdicts.values()]
    known = {name: verdict.expression for name, verdict in verdicts.items()} | {module: own}
    unknown = {name: seen.reason for name, seen in verdicts.items() if not seen.expression}
    return BundledLicenses(
        expression=combine(own, others if complete else [*others, None]) or own,
        files=(*own_files, *license_files(notices)),
        by_module={name: text for name, text in known.items() if text},
        unknown=unknown if own else {},
    )
