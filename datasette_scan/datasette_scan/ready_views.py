"""Ready-made views of well-known programs' databases, from ready_views.toml."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ReadyView:
    """A query, and the tables with columns that it needs, in lower case."""

    application: str
    title: str
    needs: Mapping[str, frozenset[str]]
    sql: str

    def matches(self, tables: Mapping[str, Collection[str]]) -> bool:
        """Whether a database has what the query needs: tables → columns, in lower case."""
        return all(columns <= set(tables.get(name, ())) for name, columns in self.needs.items())


@functools.cache
def ready_views() -> tuple[ReadyView, ...]:
    """All of them, in the order of the file."""
    text = (Path(__file__).parent / "ready_views.toml").read_text(encoding="utf-8")
    return tuple(
        ReadyView(
            view["application"],
            view["title"],
            {name.lower(): frozenset(cs.lower().split()) for name, cs in view["needs"].items()},
            view["sql"].strip(),
        )
        for view in tomllib.loads(text)["view"]
    )


def candidates(tables: Collection[str]) -> list[ReadyView]:
    """The views whose tables all exist; their columns are not checked."""
    known = {name.lower() for name in tables}
    return [view for view in ready_views() if set(view.needs) <= known]
