"""`go-to-wheel inspect`: a wheel's contents, on one screen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from go_to_wheel.cli.messages import format_size, visible

if TYPE_CHECKING:
    from go_to_wheel.check.program import Program
    from go_to_wheel.check.wheel import Wheel

_LABEL = 9
#: More modules than this are counted, not listed, unless all are asked for.
_FEW = 12
#: How it was built: cgo, the processor's level, flags.
_SETTINGS = ("CGO_ENABLED", "GOAMD64", "GOARM", "GOARM64", "GO386", "GOPPC64", "GORISCV64",
             "-ldflags", "-tags", "-trimpath", "-buildmode")  # fmt: skip


@click.command("inspect")
@click.argument("wheel", type=click.Path())
@click.option("--all", "everything", is_flag=True, help="List every module and file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(wheel: str, everything: bool, as_json: bool) -> None:
    """Show a wheel's contents: program, Go, commit, modules, licences, tags and why.

    WHEEL may be anybody's. Nothing is unpacked or run.
    """
    from go_to_wheel.check.anatomy import inspect_wheel, to_json

    anatomy = inspect_wheel(wheel)
    if as_json:
        click.echo(json.dumps(to_json(anatomy), indent=2))
        return
    for label, text in _rows(anatomy, everything):
        click.echo(f"{label:<{_LABEL}} {visible(text)}".rstrip())


def _rows(anatomy: Wheel, everything: bool) -> list[tuple[str, str]]:
    headers = anatomy.metadata
    summary = headers.get("Summary") or ""
    rows = [
        ("wheel", f"{anatomy.name.name} {anatomy.name.version}" + (f": {summary}" * bool(summary))),
        ("file", f"{anatomy.file}, {format_size(anatomy.size)}"),
        ("sha256", anatomy.sha256),
        ("made by", anatomy.generator or "unknown"),
        ("python", headers.get("Requires-Python") or "any"),
    ]
    for index, (tag, reason) in enumerate(anatomy.tag_reasons().items()):
        rows.append(("" if index else "tags", f"{tag}: {reason}"))
    for program in anatomy.programs:
        rows += _program_rows(program)
        rows += _module_rows(anatomy, program, everything)
    return rows + _license_rows(anatomy, everything) + _file_rows(anatomy, everything)


def _program_rows(program: Program) -> list[tuple[str, str]]:
    from go_to_wheel.binary.facts import describe

    facts = program.facts
    mode = f"mode {program.mode & 0o777:o}"
    rows = [
        ("program", f"{program.path}, {format_size(program.size)}, {mode}"),
        ("", describe(facts)),
    ]
    if facts.go is None:
        return [*rows, ("go", "not built by Go, or without build information")]
    settings = [f"{name}={facts.setting(name)}" for name in _SETTINGS if facts.setting(name)]
    main = facts.go.main
    module = f"{main.path} {main.version}" if main else "outside any module"
    rows += [
        ("go", " ".join([facts.go.version, *settings])),
        ("package", f"{facts.go.path} of {module}" if main else f"{facts.go.path}, {module}"),
    ]
    if commit := facts.setting("vcs.revision"):
        changed = " with local changes" if facts.setting("vcs.modified") == "true" else ""
        rows.append(("commit", f"{commit} {facts.setting('vcs.time')}{changed}"))
    return rows


def _module_rows(anatomy: Wheel, program: Program, everything: bool) -> list[tuple[str, str]]:
    from go_to_wheel.check.anatomy import license_of

    modules = program.facts.go.deps if program.facts.go else ()
    rows = [("modules", f"{len(modules)} besides Go's standard library" if modules else "none")]
    for module in modules if everything else modules[:_FEW]:
        used, licence = module.replace or module, license_of(anatomy, module)
        instead = f" (in place of {module.path})" if module.replace else ""
        version = f" {used.version}" if used.version else ""
        rows.append(("", f"{used.path}{version}{instead}, {licence or 'licence unknown'}"))
    if len(modules) > _FEW and not everything:
        rows.append(("", f"and {len(modules) - _FEW} more (--all lists them)"))
    return rows if program.facts.go else []


def _license_rows(anatomy: Wheel, everything: bool) -> list[tuple[str, str]]:
    stated = anatomy.metadata.get("License-Expression") or anatomy.metadata.get("License")
    texts = anatomy.license_texts
    plural = "" if len(texts) == 1 else "s"
    shown = (stated or "none stated").split("\n")[0]
    rows = [("licence", f"{shown}, {len(texts) or 'no'} text{plural}")]
    return rows + [("", text) for text in texts if everything]


def _file_rows(anatomy: Wheel, everything: bool) -> list[tuple[str, str]]:
    total = format_size(sum(size for _, size in anatomy.files))
    rows = [("limit", text) for text in anatomy.not_run[:_FEW]]
    rows.append(("sbom", ", ".join(anatomy.sboms) or "none"))
    rows.append(("files", f"{len(anatomy.files)}, {total} unpacked"))
    if everything:
        rows += [("", f"{path}, {format_size(size)}") for path, size in anatomy.files]
    return rows
