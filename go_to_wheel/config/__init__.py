"""What was asked for + what the project says -> one frozen options object.

`options` holds the question (`BuildRequest`), the answer (`BuildOptions`) and the pure step
between (`resolve`): flags come first, then pyproject.toml, then what the program tells.
`pyproject` reads the project's own tables.
"""

from go_to_wheel.config.options import (
    DEFAULT_DESCRIPTION,
    DEFAULT_OUTPUT_DIR,
    DEFAULT_REQUIRES_PYTHON,
    DEFAULT_VERSION,
    LAYOUTS,
    STRIP_LDFLAGS,
    BuildOptions,
    BuildRequest,
    Layout,
    Said,
    Surroundings,
    Told,
    format_ldflags,
    merge_settings,
    resolve,
)
from go_to_wheel.config.pyproject import Project, Settings, read_project

__all__ = [
    "DEFAULT_DESCRIPTION",
    "DEFAULT_OUTPUT_DIR",
    "DEFAULT_REQUIRES_PYTHON",
    "DEFAULT_VERSION",
    "LAYOUTS",
    "STRIP_LDFLAGS",
    "BuildOptions",
    "BuildRequest",
    "Layout",
    "Project",
    "Said",
    "Settings",
    "Surroundings",
    "Told",
    "format_ldflags",
    "merge_settings",
    "read_project",
    "resolve",
]
