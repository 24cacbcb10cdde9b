"""`go-to-wheel inspect`: a summary of a wheel's contents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from go_to_wheel.cli.build import PATH, as_json
from go_to_wheel.cli.messages import format_size, visible

if TYPE_CHECKING:
    from go_to_wheel.binary.facts import GoModule
    from go_to_wheel.check.program import Program
    from go_to_wheel.check.wheel import Wheel

#: Further modules are counted, not listed, without --all.
_LIMIT = 12
#: How it was built: cgo, the processor's level, flags.
_SETTINGS = ("CGO_ENABLED", "GOAMD64", "GOARM", "GOARM64", "GO386", "GOPPC64", "GORISCV64",
             "-ldflags", "-tags", "-trimpath", "-buildmode")  # fmt: skip


@click.command("inspect")
@click.argument("wheel", **PATH)
@click.option("--all", "show_all", is_flag=True, help="List every module and file.")
@as_json
def command(wheel: str, show_all: bool, as_json: bool) -> None:
    """Show what is in a wheel, and why its tags fit.

    WHEEL may come from any tool. Nothing is unpacked or run.
    """
    from go_to_wheel.check.wheel import inspect_wheel

    data = to_json(inspect_wheel(wheel))
    if as_json:
        click.echo(json.dumps(data, indent=2))
        return
    for label, texts in format_rows(data, show_all):
        for index, text in enumerate(texts):
            click.echo(f"{'' if index else label:<9} {visible(text)}".rstrip())


def to_json(wheel: Wheel) -> dict[str, Any]:
    """A wheel as a value for `json.dumps`, with stable keys."""
    from go_to_wheel.check.program import explain_tag

    headers, name = wheel.metadata, wheel.name
    facts = next((program.facts for program in wheel.programs), None)
    return {
        "file": wheel.file,
        "size": wheel.size,
        "sha256": wheel.sha256,
        "name": name.name,
        "version": str(name.version),
        "summary": headers.get("Summary"),
        "license": headers.get("License-Expression") or headers.get("License"),
        "requires_python": headers.get("Requires-Python"),
        "generator": wheel.headers("WHEEL").get("Generator"),
        "tags": {tag: explain_tag(tag, facts) for tag in name.platforms},
        "programs": [_program_json(wheel, program) for program in wheel.programs],
        "license_files": wheel.below("licenses"),
        "sboms": [f"{name.dist_info}/sboms/{path}" for path in wheel.below("sboms")],
        "c_compiler": wheel.settings.get("c-compiler"),
        "cgo_flags": wheel.settings.get("cgo-flags"),
        "c_libraries": list(filter(None, wheel.settings.get("c-libraries", "").split(", "))),
        "limits": list(wheel.not_run),
        "files": [{"path": path, "size": size} for path, size in wheel.files],
    }


def _program_json(wheel: Wheel, program: Program) -> dict[str, Any]:
    from go_to_wheel.binary.facts import describe

    facts, go = program.facts, program.facts.go
    return {
        "path": program.path,
        "size": program.size,
        "mode": f"{program.mode & 0o7777:04o}",
        "description": describe(facts),
        "signature": program.signature or None,
        "go": go
        and {
            "version": go.version,
            "package": go.path,
            "module": _module_json(wheel, go.main) if go.main else None,
            "commit": facts.setting("vcs.revision") or None,
            "commit_time": facts.setting("vcs.time") or None,
            "modified": {"true": True, "false": False}.get(facts.setting("vcs.modified")),
            "settings": dict(go.settings),
            "modules": [_module_json(wheel, module) for module in go.deps],
        },
    }


def _module_json(wheel: Wheel, module: GoModule) -> dict[str, Any]:
    used = module.replace or module
    return {
        "path": module.path,
        "version": module.version,
        "replaced_by": f"{used.path}@{used.version}".rstrip("@") if module.replace else None,
        "sum": used.sum or None,
        "license": wheel.licenses.get(used.path) or wheel.licenses.get(module.path),
    }


def format_rows(data: dict[str, Any], show_all: bool) -> Iterator[tuple[str, list[str]]]:
    """The rows of the text output: labels, each with its lines."""
    summary = f": {data['summary']}" if data["summary"] else ""
    texts, files = data["license_files"], data["files"]
    license_ = (data["license"] or "none stated").split("\n")[0]
    total = format_size(sum(file["size"] for file in files))
    yield "wheel", [f"{data['name']} {data['version']}{summary}"]
    yield "file", [f"{data['file']}, {format_size(data['size'])}"]
    yield "sha256", [data["sha256"]]
    yield "made by", [data["generator"] or "unknown"]
    yield "python", [data["requires_python"] or "any"]
    yield "tags", [f"{tag}: {reason}" for tag, reason in data["tags"].items()]
    for program in data["programs"]:
        yield from _program_rows(program, show_all)
    if data["c_compiler"]:
        flags = f" ({data['cgo_flags']})" if data["cgo_flags"] else ""
        yield "c", [f"{data['c_compiler']}{flags}, with {', '.join(data['c_libraries'])}"]
    count = f"{len(texts) or 'no'} text{'' if len(texts) == 1 else 's'}"
    yield "licence", [f"{license_}, {count}", *(texts if show_all else ())]
    yield "limit", data["limits"][:_LIMIT]
    yield "sbom", [", ".join(data["sboms"]) or "none"]
    listed = [f"{file['path']}, {format_size(file['size'])}" for file in files if show_all]
    yield "files", [f"{len(files)}, {total} unpacked", *listed]


def _program_rows(program: dict[str, Any], show_all: bool) -> Iterator[tuple[str, list[str]]]:
    go, mode = program["go"], program["mode"][-3:]
    first = f"{program['path']}, {format_size(program['size'])}, mode {mode}"
    signature = [f"signature: {program['signature']}"] if program["signature"] else []
    yield "program", [first, program["description"], *signature]
    if go is None:
        yield "go", ["not built by Go, or without build information"]
        return
    settings = [f"{key}={go['settings'][key]}" for key in _SETTINGS if go["settings"].get(key)]
    main, modules = go["module"], go["modules"]
    module = f" of {main['path']} {main['version']}" if main else ", outside any module"
    yield "go", [" ".join([go["version"], *settings])]
    yield "package", [f"{go['package']}{module}"]
    if go["commit"]:
        changed = " with local changes" if go["modified"] else ""
        yield "commit", [f"{go['commit']} {go['commit_time'] or ''}{changed}"]
    count = f"{len(modules)} besides Go's standard library" if modules else "none"
    listed = [_module_text(module) for module in modules]
    if len(modules) > _LIMIT and not show_all:
        listed[_LIMIT:] = [f"and {len(modules) - _LIMIT} more (--all lists them)"]
    yield "modules", [count, *listed]


def _module_text(module: dict[str, Any]) -> str:
    name = f"{module['path']} {module['version']}".rstrip()
    if module["replaced_by"]:
        name = f"{module['replaced_by'].replace('@', ' ')} (in place of {module['path']})"
    return f"{name}, {module['license'] or 'licence unknown'}"
