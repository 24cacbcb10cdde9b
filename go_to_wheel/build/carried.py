"""What a wheel carries besides its program: others' licence texts, and the list of modules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version

from go_to_wheel import __version__
from go_to_wheel.binary import BinaryFacts
from go_to_wheel.build.kept import KeptPrograms, make_digest, make_key
from go_to_wheel.config import BuildOptions
from go_to_wheel.licenses import (
    Notice,
    Verdict,
    combine,
    judge,
    license_files,
    unknown_licenses,
)
from go_to_wheel.naming import distribution_name
from go_to_wheel.sbom import Product, format_sbom
from go_to_wheel.wheelfile import Entry


def with_notices(
    options: BuildOptions,
    notices: Sequence[Notice],
    verdicts: Mapping[str, Verdict],
    missing: str | None = None,
) -> BuildOptions:
    """The options with everybody's licence texts, and one expression for all where known.

    `verdicts` are those of the notices. `missing` tells which texts could not be had, if any;
    what they say is unknown then.
    """
    files = (*options.licenses, *license_files(notices))
    own = options.project.license_expression
    others = [verdict.expression for verdict in verdicts.values()]
    whole = combine(own, [*others, None] if missing else others)
    project = replace(
        options.project,
        license_expression=whole or own,
        license_files=tuple(path for path, _ in files),
    )
    warning = unknown_licenses(verdicts) if own else None
    notes = (*options.notes, *(note for note in (missing, warning) if note))
    return replace(options, project=project, licenses=files, notes=notes)


def judge_all(notices: Sequence[Notice], kept: KeptPrograms) -> dict[str, Verdict]:
    """Each module's licence, by module path; remembered, because texts take long to compare."""
    texts = (
        f"{notice.module} {path} {make_digest(data)}"
        for notice in notices
        for path, data in notice.files
    )
    modules = (notice.module for notice in notices)
    key = make_key("licences", __version__, version("spdx-matcher"), *modules, *texts)
    known = _parse_verdicts(kept.read(key))
    if known is None:
        known = {notice.module: judge(notice) for notice in notices}
        told = {module: asdict(verdict) for module, verdict in known.items()}
        kept.keep(key, json.dumps(told).encode())
    return known


def _parse_verdicts(data: bytes | None) -> dict[str, Verdict] | None:
    """What an earlier build kept; None for nothing, or for what it can't have kept."""
    try:
        told = json.loads(data or b"null")
        return None if told is None else {module: Verdict(**one) for module, one in told.items()}
    except (ValueError, TypeError, AttributeError):
        return None


def sbom_entries(
    options: BuildOptions, facts: Sequence[BinaryFacts], licenses: Mapping[str, str]
) -> list[Entry]:
    """The wheel's software bill of materials (PEP 770); none for programs Go didn't build."""
    infos = [one.go for one in facts if one.go]
    if not infos:
        return []
    project = options.project
    name = distribution_name(project.name)
    settings = {"ldflags": options.ldflags, "launcher": options.layout}
    product = Product(
        project.name, project.version, __version__, project.license_expression, settings
    )
    path = f"{name}-{project.version}.dist-info/sboms/{name}.cyclonedx.json"
    return [Entry(path, format_sbom(product, infos, licenses))]
