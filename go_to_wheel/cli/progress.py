"""A progress line on stderr while targets are built, when stderr is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from go_to_wheel.builder.run import Event

Sink = Callable[[Event], None]


@contextmanager
def show_progress(targets: Sequence[str], disabled: bool = False) -> Iterator[Sink]:
    """Yield a sink for build events; silent when stderr is not a terminal.

    The sink is called from the build's threads; rich takes the lock.
    """
    if disabled or not sys.stderr.isatty():
        yield lambda event: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(targets))
        working: dict[str, str] = {}

        def sink(event: Event) -> None:
            if event.stage in ("done", "failed"):
                working.pop(event.target, None)
                progress.advance(task)
            else:
                working[event.target] = event.stage
            names = ", ".join(f"{stage} {name}" for name, stage in list(working.items()))
            progress.update(task, description=names)

        yield sink
