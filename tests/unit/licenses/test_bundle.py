"""One expression and all texts for a wheel."""

from __future__ import annotations

from identify.vendor.licenses import LICENSES

from go_to_wheel.licenses import Notice, bundle_licenses, go_notice

TEXTS = dict(LICENSES)
OWN = (("LICENSE", b"mine"),)
DEP = Notice("m.example/dep", "v1.0.0", (("LICENSE", TEXTS["ISC"].encode()),))
ODD = Notice("m.example/odd", "v1.0.0", (("LICENSE", b"Ask my grandmother."),))


def test_known_licences_are_combined() -> None:
    bundle = bundle_licenses(
        "m.example/own", "MIT", OWN, [DEP, go_notice("go1.26", b"text")], True, 120
    )
    assert bundle.expression == "MIT AND BSD-3-Clause AND ISC"
    names = [path for path, _ in bundle.files]
    assert names == ["LICENSE", "go/LICENSE", "m.example/dep/LICENSE"]
    assert bundle.by_module == {
        "m.example/dep": "ISC",
        "std": "BSD-3-Clause",
        "m.example/own": "MIT",
    }
    assert bundle.unknown == {}


def test_an_unknown_licence_shows_in_the_expression() -> None:
    bundle = bundle_licenses("m.example/own", "MIT", OWN, [DEP, ODD], True, 120)
    assert bundle.expression == "MIT AND ISC AND LicenseRef-Unknown"
    assert list(bundle.unknown) == ["m.example/odd"]
    assert "m.example/odd" not in bundle.by_module


def test_missing_texts_show_in_the_expression() -> None:
    bundle = bundle_licenses("m.example/own", "MIT", OWN, [DEP], False, 120)
    assert bundle.expression == "MIT AND ISC AND LicenseRef-Unknown"


def test_no_licence_of_its_own() -> None:
    bundle = bundle_licenses("m.example/own", None, (), [DEP, ODD], True, 120)
    assert bundle.expression is None
    assert bundle.unknown == {}
