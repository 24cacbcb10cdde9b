"""The files of a wheel, except its SBOM and RECORD.

Sources: the core metadata specification (version 2.4), PEP 427 and PEP 491 (WHEEL). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import cast

from packaging.metadata import Metadata, RawMetadata, RFC822Message

from go_to_wheel import __version__
from go_to_wheel.config.options import BuildOptions
from go_to_wheel.errors import WheelError
from go_to_wheel.licenses import BundledLicenses
from go_to_wheel.platforms import Target
from go_to_wheel.sources.listing import LAUNCHER_FOLDER
from go_to_wheel.wheel.archive import Entry

#: Header names as the specification writes them; packaging's writer lowers them.
_SPELLING = {"project-url": "Project-URL", "author-email": "Author-email"}
_CONSTANTS = "_constants.py"
#: The launcher's modules; what varies between two wheels is in one of them.
LAUNCHER_FILES = ("__init__.py", "__main__.py", _CONSTANTS, "_find.py", "py.typed")


def render_launcher(constants: Mapping[str, object]) -> dict[str, bytes]:
    """The launcher's files, by name, with `constants` written into the template as literals."""
    template = files("go_to_wheel.wheel.launcher") / "template"
    # a checkout on Windows may have CRLF
    entries = {
        name: (template / name).read_bytes().replace(b"\r\n", b"\n") for name in LAUNCHER_FILES
    }

    def fill(line: re.Match[str]) -> str:
        return f"{line[1]}{line[2]} = {constants[line[1]]!r}" if line[1] in constants else line[0]

    text = entries[_CONSTANTS].decode()
    entries[_CONSTANTS] = re.sub(r"^([A-Z_]+)(:.*) = .*$", fill, text, flags=re.MULTILINE).encode()
    return entries


def wheel_entries(
    options: BuildOptions,
    licenses: BundledLicenses,
    target: Target,
    tags: Sequence[str],
    programs: Mapping[str, bytes],
) -> list[Entry]:
    """Every file of a wheel except its SBOM and RECORD; `programs` maps command names to bytes."""
    inside = f"{options.package}/bin"
    native = options.launcher == "native"
    folders = dict.fromkeys(programs, f"{options.stem}.data/scripts" if native else inside)
    folders |= dict.fromkeys(options.request.private, inside)
    return [
        *launcher_entries(options, target),
        *(Entry(path, data) for path, data in options.detected.python_files),
        *(
            Entry(f"{folders[command]}/{command}{target.exe_suffix}", data, executable=True)
            for command, data in programs.items()
        ),
        *data_entries(options),
        *dist_info_entries(options, licenses, tags, scripts=not native),
    ]


def data_entries(options: BuildOptions) -> list[Entry]:
    """Files for the environment's root, such as man pages and shell completions."""
    return [
        Entry(f"{options.stem}.data/data/{path}", data)
        for path, data in options.detected.data_files
    ]


def launcher_entries(
    options: BuildOptions, target: Target, editable: Mapping[str, str] | None = None
) -> list[Entry]:
    """The launcher: a package of its own, or a folder of the project's package.

    `editable` (command -> absolute path) has the only place to look for a command's program.
    """
    constants = {
        "DISTRIBUTION": options.metadata["name"],
        "VERSION": options.metadata["version"],
        "COMMANDS": tuple(options.commands),
        "LAYOUT": options.launcher,
        "EXECUTABLE_SUFFIX": target.exe_suffix,
        "EDITABLE_BINARIES": dict(editable or {}),
        "NESTED": options.nested_launcher,
        "PRIVATE": tuple(options.request.private),
    }
    folder = launcher_folder(options)
    return [Entry(f"{folder}/{name}", data) for name, data in render_launcher(constants).items()]


def launcher_folder(options: BuildOptions) -> str:
    """The launcher's folder in the wheel."""
    package = options.package
    if any(path == f"{package}.py" for path, _ in options.detected.python_files):
        raise WheelError(
            f"python-source has the module {package}.py, which is the launcher's name",
            f"make it a package: {package}/__init__.py",
        )
    return f"{package}/{LAUNCHER_FOLDER}" if options.nested_launcher else package


def dist_info_entries(
    options: BuildOptions, licenses: BundledLicenses, tags: Sequence[str], scripts: bool
) -> list[Entry]:
    """The dist-info folder; with `scripts` each public command is a console script."""
    info = f"{options.stem}.dist-info"
    metadata = options.metadata.copy()
    metadata["license_files"] = [path for path, _ in licenses.files]
    metadata["license_expression"] = licenses.expression or ""
    entries = [
        Entry(f"{info}/METADATA", format_metadata(metadata)),
        Entry(f"{info}/WHEEL", format_wheel(tags)),
        *(Entry(f"{info}/licenses/{name}", data) for name, data in licenses.files),
    ]
    main = f"{launcher_folder(options).replace('/', '.')}:main"
    public = [command for command in options.commands if command not in options.request.private]
    groups = {"console_scripts": dict.fromkeys(public, main) if scripts else {}}
    for group, references in options.detected.project.entry_points.items():
        groups[group] = {**groups.get(group, {}), **references}
    if text := format_entry_points(groups):
        entries.append(Entry(f"{info}/entry_points.txt", text))
    return entries


def format_metadata(project: RawMetadata) -> bytes:
    """The METADATA file (core metadata 2.4), UTF-8 with LF line ends; empty values are left out.

    Raises packaging's InvalidMetadata group for values that were never checked.
    """
    fields = cast("RawMetadata", {name: value for name, value in project.items() if value})
    message = Metadata.from_raw(fields, validate=True).as_rfc822()
    result = RFC822Message()
    for name, value in message.items():
        result[_SPELLING.get(name, name.title())] = value
    result.set_payload(message.get_payload())
    return result.as_bytes()


def format_wheel(tags: Sequence[str]) -> bytes:
    """The WHEEL file: format 1.0, not pure, one expanded `Tag:` line for each tag."""
    message = RFC822Message()
    message["Wheel-Version"] = "1.0"
    message["Generator"] = f"go-to-wheel {__version__}"
    message["Root-Is-Purelib"] = "false"
    for tag in tags:
        message["Tag"] = f"py3-none-{tag}"
    return message.as_bytes()


def format_entry_points(groups: Mapping[str, Mapping[str, str]]) -> bytes:
    """entry_points.txt: group -> name -> object reference; groups without entries are left out."""
    blocks = [
        f"[{group}]\n" + "".join(f"{name} = {entries[name]}\n" for name in sorted(entries))
        for group, entries in groups.items()
        if entries
    ]
    return "\n".join(blocks).encode()
