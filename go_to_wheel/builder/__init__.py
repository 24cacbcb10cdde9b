"""The pipeline: a request -> a plan -> compiled, inspected binaries -> wheels.

Nothing appears in the output folder before every binary is compiled, inspected and
packed; then the wheels are copied there under temporary names and renamed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from go_to_wheel.builder.plan import BuildPlan, check_plan, plan_build

if TYPE_CHECKING:
    from go_to_wheel.builder.compile import BuildReport, BuiltWheel, Event, run_build

__all__ = [
    "BuildPlan",
    "BuildReport",
    "BuiltWheel",
    "Event",
    "check_plan",
    "plan_build",
    "run_build",
]


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: planning does that while it waits for Go.
    if name in __all__:
        from go_to_wheel.builder import compile as compiling

        return getattr(compiling, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
