"""Query strings ↔ queries of the catalogue. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from .catalog import SHOW_FILTERS, SORTS, Query
from .errors import UsageError
from .grouping import GROUPINGS
from .text import parse_size

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
AGES = {"1d": "last day", "7d": "last week", "30d": "last month", "365d": "last year"}
SIZES = {"1MB": "over 1 MB", "10MB": "over 10 MB", "100MB": "over 100 MB", "1GB": "over 1 GB"}
_SECONDS = {"h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True)
class Page:
    """A query, which of its rows, and how they are grouped.

    ``bundle`` is the id of files that are alike, which then have a row each.
    """

    query: Query
    size: int = PAGE_SIZE
    offset: int = 0
    group: str = "none"
    bundle: str = ""


def parse_page(args: Mapping[str, str], search_paths: bool) -> Page:
    """The arguments of a request. Raises UsageError naming the bad one."""
    descending = "_sort_desc" in args
    sort = args.get("_sort_desc") or args.get("_sort") or "name"
    if sort not in SORTS or (sort == "path" and not search_paths):
        raise UsageError(f"_sort={sort!r} is not a column; known are {', '.join(SORTS)}")
    group = args.get("group") or "none"
    if group not in GROUPINGS or (group == "folder" and not search_paths):
        raise UsageError(f"group={group!r} is not a grouping; known are {', '.join(GROUPINGS)}")
    show = args.get("show", "")
    if show and show not in SHOW_FILTERS:
        raise UsageError(f"show={show!r} is not known; known are {', '.join(SHOW_FILTERS)}")
    query = Query(
        text=args.get("q", ""),
        status=args.get("status", ""),
        application=args.get("application", ""),
        show=show,
        folder=args.get("folder", "") if search_paths else "",
        min_size=_size(args, "min_size"),
        max_size=_size(args, "max_size"),
        max_age=_age(args),
        since=_count(args, "since", 0, 1 << 62),
        sort=sort,
        descending=descending,
        search_paths=search_paths,
    )
    size = _count(args, "_size", PAGE_SIZE, MAX_PAGE_SIZE)
    offset = _count(args, "_next", 0, 1 << 31)
    return Page(query, size, offset, group, args.get("bundle", ""))


def _count(args: Mapping[str, str], key: str, default: int, maximum: int) -> int:
    text = args.get(key) or str(default)
    if not re.fullmatch("[0-9]{1,19}", text) or int(text) > maximum:
        raise UsageError(f"{key}={text!r} is not a whole number of at most {maximum}")
    return int(text)


def _size(args: Mapping[str, str], key: str) -> int | None:
    text = args.get(key)
    if not text:
        return None
    try:
        return parse_size(text)
    except ValueError as error:
        raise UsageError(f"{key}: {error}") from error


def _age(args: Mapping[str, str]) -> float | None:
    text = args.get("age")
    if not text:
        return None
    number, unit = text[:-1], text[-1:]
    if not re.fullmatch("[0-9]{1,9}", number) or unit not in _SECONDS:
        raise UsageError(f"age={text!r} is not an age such as 12h, 7d or 4w")
    return float(int(number) * _SECONDS[unit])


def link(args: Mapping[str, str], **changes: str | None) -> str:
    """A query string: the present one, changed; None removes. Pages start over."""
    merged = {k: v for k, v in args.items() if v and k != "_next"}
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    return "?" + urlencode(merged, errors="surrogateescape") if merged else "?"


def sort_link(args: Mapping[str, str], page: Page, column: str) -> str:
    """The link of a column's heading: sort by it, or turn the order round.

    Sizes and times begin with the largest.
    """
    if page.query.sort == column:
        descending = not page.query.descending
    else:
        descending = column in ("size", "modified", "tables")
    if descending:
        return link(args, _sort=None, _sort_desc=column)
    return link(args, _sort=column, _sort_desc=None)


def page_numbers(current: int, last: int) -> list[int | None]:
    """Numbers of pages to link to, from 1: the first, the last, those around; None for a gap."""
    near = {1, last, *range(current - 2, current + 3)}
    numbers: list[int | None] = []
    for number in sorted(n for n in near if 1 <= n <= last):
        if numbers and number - (numbers[-1] or 0) == 2:
            numbers.append(number - 1)
        elif numbers and number - (numbers[-1] or 0) > 2:
            numbers.append(None)
        numbers.append(number)
    return numbers
