"""Runs the steps of a workflow's job, or of a composite action, in order, as a runner would."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

EXPRESSION = re.compile(r"\$\{\{ (.+?) \}\}")
#: What does an action's work here: called with the step's `with`.
Actions = Mapping[str, Callable[[Mapping[str, str]], None]]


def evaluate(expression: str, context: Mapping[str, str]) -> str:
    """Names, quoted texts, `==`, `!=` and `||`: all that the files use."""
    for part in expression.split(" || "):
        if value := _operand(part, context):
            return value
    return ""


def _operand(text: str, context: Mapping[str, str]) -> str:
    for sign in ("==", "!="):
        left, found, right = text.partition(f" {sign} ")
        if found:
            equal = _value(left, context) == _value(right, context)
            return "true" if equal == (sign == "==") else ""
    return _value(text, context)


def _value(text: str, context: Mapping[str, str]) -> str:
    return text.strip("'") if text.startswith("'") else context[text.strip()]


def expand(text: str, context: Mapping[str, str]) -> str:
    return EXPRESSION.sub(lambda found: evaluate(found[1], context), text)


def run_steps(
    steps: list[dict[str, Any]],
    folder: Path,
    env: Mapping[str, str],
    context: dict[str, str],
    actions: Actions,
) -> str:
    """Everything that the steps print; a failing step is an AssertionError with its output."""
    printed = ""
    for step in steps:
        if "if" in step and not evaluate(str(step["if"]), context):
            continue
        if "uses" in step:
            given = {k: expand(str(v), context) for k, v in step.get("with", {}).items()}
            actions[step["uses"].split("@")[0]](given)
            continue
        own = {name: expand(str(text), context) for name, text in step.get("env", {}).items()}
        outputs = folder.parent / "outputs"
        outputs.write_text("")
        paths = {"GITHUB_OUTPUT": str(outputs)}
        assert not EXPRESSION.search(step["run"]), "values belong into the step's env"
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        result = subprocess.run(
            shell, cwd=folder, env={**env, **paths, **own}, capture_output=True, text=True
        )
        printed += result.stdout
        name = step.get("name", step["run"])
        assert result.returncode == 0, f"{name}\n{result.stdout}\n{result.stderr}"
        for line in outputs.read_text().splitlines():
            key, _, value = line.partition("=")
            context[f"steps.{step['id']}.outputs.{key}"] = value
    return printed


def environment(folder: Path, python_bin: Path, **more: str) -> dict[str, str]:
    """A runner's environment: its Python first on PATH, and a sudo that installs nothing."""
    fakes = folder / "fakes"
    fakes.mkdir(exist_ok=True)
    (fakes / "sudo").write_text('#!/bin/sh\necho sudo "$@"\n')
    (fakes / "sudo").chmod(0o755)
    path = os.pathsep.join([str(fakes), str(python_bin), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "RUNNER_TEMP": str(folder), "RUNNER_OS": "Linux", **more}
