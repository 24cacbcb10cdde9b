from __future__ import annotations

import random

import pytest
from datasette_scan.names import alias, alias_hash, assign_names, name_parts, path_hash


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/d/a.db"], ["a"]),
        (["/d/a.db", "/d/b.sqlite"], ["a", "b"]),
        # all that collide get a longer name, none is first
        (["/p/one/db.sqlite3", "/p/two/db.sqlite3"], ["one-db", "two-db"]),
        (["/x/one/d/db.db", "/x/two/d/db.db"], ["one-d-db", "two-d-db"]),
        # without regard to case: SQLite's schema names have none
        (["/a/Data.db", "/b/data.db"], ["a-Data", "b-data"]),
        # nor to how accents are encoded: both look the same
        (["/a/\u00e9.db", "/b/e\u0301.db"], ["a-\u00e9", "b-e\u0301"]),
        (
            ["/\u00e9.db", "/e\u0301.db"],
            [f"{name}-{path_hash(f'/{name}.db'.encode())}" for name in ("\u00e9", "e\u0301")],
        ),
        # the same folder, another extension: only the path makes them differ
        (
            ["/a.db", "/a.sqlite"],
            [f"a-{path_hash(b'/a.db')}", f"a-{path_hash(b'/a.sqlite')}"],
        ),
        (["/d/.hidden"], [".hidden"]),
        (["/d/two.dots.db"], ["two.dots"]),
        (["/d/a#b?c%2e.db"], ["a#b?c%2e"]),
    ],
)
def test_assign(paths: list[str], names: list[str]) -> None:
    given = assign_names([p.encode() for p in paths], {}, [])
    assert [given[p.encode()] for p in paths] == names


def test_order_of_finding_does_not_matter() -> None:
    paths = [f"/h/{a}/{b}/db.sqlite3".encode() for a in "abc" for b in "xyz"]
    paths += [f"/h/{a}/places.sqlite".encode() for a in "abc"] + [b"/h/one.db"]
    first = assign_names(paths, {}, [])
    for seed in range(20):
        random.Random(seed).shuffle(paths)
        assert assign_names(paths, {}, []) == first
    assert len({n.casefold() for n in first.values()}) == len(paths)


def test_a_name_stays_with_its_file() -> None:
    given = {b"/one/db.sqlite3": "db"}
    fresh = assign_names([b"/one/db.sqlite3", b"/two/db.sqlite3"], given, ["taken"])
    assert fresh == {b"/two/db.sqlite3": "two-db"}


def test_reserved_names_are_not_given() -> None:
    assert assign_names([b"/d/_internal.db"], {}, ["_internal"]) == {
        b"/d/_internal.db": "d-_internal"
    }


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        (b"/d/\xff\xfe.db", "__"),
        ("/d/evil\u202etxt.db".encode(), "evil_txt"),
        (b"/d/a\x1b[31mred.db", "a__31mred"),
        (b"/d/new\nline.db", "new_line"),
        (b"/d/a]b[c.db", "a_b_c"),
        (b"/d/   .db", "database"),
        ("/d/日本.db".encode(), "日本"),
        (b"/d/" + b"x" * 250 + b".db", "x" * 80),
    ],
)
def test_what_is_unseen_is_not_in_names(path: bytes, stem: str) -> None:
    assert name_parts(path)[0] == stem


def test_alias_depends_on_the_path_alone() -> None:
    name = alias(b"/somewhere/places.sqlite")
    assert name == f"places-{path_hash(b'/somewhere/places.sqlite')}"
    assert alias_hash(name) == path_hash(b"/somewhere/places.sqlite")
    assert alias_hash("places") is None
