"""Where the program comes from.

A folder in a Go module, a module that Go fetches, or prebuilt binaries. Each gives a frozen
source, so that later stages need not know which it was.
"""

from go_to_wheel.sources.files import (
    BINARY_LIMIT,
    FILE_LIMIT,
    TEXT_LIMIT,
    list_license_files,
    open_file,
    read_file,
    read_readme,
    refuse_odd_name,
    refuse_outside,
    repository_root,
)
from go_to_wheel.sources.git import (
    Checkout,
    Git,
    guard_git,
    has_other_system,
    read_checkout,
)
from go_to_wheel.sources.module import (
    ModuleSource,
    in_repository,
    module_root,
    open_source,
    parse_module_path,
    read_files,
)
from go_to_wheel.sources.prebuilt import (
    BinarySource,
    PrebuiltBinary,
    is_release,
    parse_binaries,
    read_release,
)
from go_to_wheel.sources.python_files import LAUNCHER_FOLDER, read_python_files
from go_to_wheel.sources.query import ModuleQuery, parse_query
from go_to_wheel.sources.texts import first_sentence, forge_url, summary_of_doc
from go_to_wheel.sources.versions import TagRules

__all__ = [
    "BINARY_LIMIT",
    "FILE_LIMIT",
    "LAUNCHER_FOLDER",
    "TEXT_LIMIT",
    "BinarySource",
    "Checkout",
    "Git",
    "ModuleQuery",
    "ModuleSource",
    "PrebuiltBinary",
    "TagRules",
    "first_sentence",
    "forge_url",
    "guard_git",
    "has_other_system",
    "in_repository",
    "is_release",
    "list_license_files",
    "module_root",
    "open_file",
    "open_source",
    "parse_binaries",
    "parse_module_path",
    "parse_query",
    "read_checkout",
    "read_file",
    "read_files",
    "read_python_files",
    "read_readme",
    "read_release",
    "refuse_odd_name",
    "refuse_outside",
    "repository_root",
    "summary_of_doc",
]
