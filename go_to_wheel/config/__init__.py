"""Options: what was asked for and what was detected -> the values of one build.

`request` is the user's side, `pyproject` the project's own tables, `detected` what was found
out; `resolve` makes the options of them.
"""

from go_to_wheel.config.detected import Detected, Fault, Identity, Value
from go_to_wheel.config.options import (
    DEFAULT_DESCRIPTION,
    DEFAULT_REQUIRES_PYTHON,
    DEFAULT_VERSION,
    BuildOptions,
    Layout,
)
from go_to_wheel.config.pyproject import Project, Settings, read_project
from go_to_wheel.config.request import DEFAULT_OUTPUT_DIR, BuildRequest
from go_to_wheel.config.resolve import chosen_packages, resolve
from go_to_wheel.config.stamping import AUTO, asked_variables, parse_variables

__all__ = [
    "AUTO",
    "DEFAULT_DESCRIPTION",
    "DEFAULT_OUTPUT_DIR",
    "DEFAULT_REQUIRES_PYTHON",
    "DEFAULT_VERSION",
    "BuildOptions",
    "BuildRequest",
    "Detected",
    "Fault",
    "Identity",
    "Layout",
    "Project",
    "Settings",
    "Value",
    "asked_variables",
    "chosen_packages",
    "parse_variables",
    "read_project",
    "resolve",
]
