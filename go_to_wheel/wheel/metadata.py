"""Project values -> the METADATA, WHEEL and entry_points.txt bytes.

Sources: the core metadata specification (version 2.4), PEP 427 and PEP 491 (WHEEL). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.metadata import Metadata, RFC822Message

from go_to_wheel.config.metadata import ProjectMetadata, raw_metadata

#: Header names as the specification writes them; packaging's writer lowers them.
_SPELLING = {"project-url": "Project-URL", "author-email": "Author-email"}


def format_metadata(project: ProjectMetadata) -> bytes:
    """The METADATA file (core metadata 2.4), UTF-8 with LF line ends.

    Raises packaging's InvalidMetadata group for values that were never checked.
    """
    message = Metadata.from_raw(raw_metadata(project), validate=True).as_rfc822()
    return _respelled(message).as_bytes()


def format_wheel(generator: str, tags: Sequence[str]) -> bytes:
    """The WHEEL file: format 1.0, not pure, one expanded `Tag:` line for each tag."""
    message = RFC822Message()
    message["Wheel-Version"] = "1.0"
    message["Generator"] = generator
    message["Root-Is-Purelib"] = "false"
    for tag in tags:
        message["Tag"] = f"py3-none-{tag}"
    return message.as_bytes()


def format_entry_points(
    commands: Mapping[str, str], others: Mapping[str, Mapping[str, str]] | None = None
) -> bytes:
    """entry_points.txt: console scripts (command -> object reference), then other groups."""
    groups = {"console_scripts": commands, **(others or {})}
    blocks = [
        f"[{group}]\n" + "".join(f"{name} = {entries[name]}\n" for name in sorted(entries))
        for group, entries in groups.items()
        if entries
    ]
    return "\n".join(blocks).encode()


def _respelled(message: RFC822Message) -> RFC822Message:
    """The same message with its header names spelt as the specification does."""
    result = RFC822Message()
    for name, value in message.items():
        spelling = "-".join(word.capitalize() for word in name.split("-"))
        result[_SPELLING.get(name, spelling)] = value
    result.set_payload(message.get_payload())
    return result
