"""The pipeline: a request -> a plan -> compiled, inspected binaries -> wheels.

Nothing appears in the output folder before every binary is compiled, inspected and
packed; then the wheels are copied there under temporary names and renamed.
"""

from go_to_wheel.build.make import BuildReport, BuiltWheel, Event, run_build
from go_to_wheel.build.plan import BuildPlan, check_plan, plan_build

__all__ = [
    "BuildPlan",
    "BuildReport",
    "BuiltWheel",
    "Event",
    "check_plan",
    "plan_build",
    "run_build",
]
