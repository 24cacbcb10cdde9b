"""Which requests are answered: hosts, other sites, other ports; from headers alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sites import Scanned, make_database, make_datasette, scanned, started
from datasette_scan import settings
from datasette_scan.asgi import wrap
from datasette_scan.errors import UsageError
from datasette_scan.request_guard import (
    RequestInfo,
    Policy,
    is_loopback,
    parse_allowed_host,
    parse_host,
    refusal,
)

ALLOWED = ("localhost", "localhost:8001", "127.0.0.1:8001", "[::1]:8001", "box.lan:80")
REFUSED = (
    "evil.example",
    "evil.example:8001",
    "127.0.0.1.evil.example",
    "[::1].evil.example",
    "[::1]evil.example",
    "evil.example@localhost",
    "localhost@evil.example",
    "box.lan.evil",
    "localhost, evil.example",
    "",
)


@pytest.mark.parametrize(
    ("header", "host", "port"),
    [
        ("a.example:80", "a.example", 80),
        ("A.Example.", "a.example", None),
        ("a_b.lan:", "a_b.lan", None),
        ("xn--bcher-kva.lan", "xn--bcher-kva.lan", None),
        ("[::1]:8001", "::1", 8001),
        ("[0:0:0:0:0:0:0:1]", "::1", None),
        ("[::ffff:127.0.0.1]", "127.0.0.1", None),
        ("127.0.0.1", "127.0.0.1", None),
    ],
)
def test_parse_host(header: str, host: str, port: int | None) -> None:
    assert parse_host(header) == (host, port)


@pytest.mark.parametrize(
    "header",
    [
        "",
        ":80",
        "a..b",
        ".a",
        "a..",  # more than the dot of the root
        "a b",
        "a:b",
        "a:80:80",
        "a:70000",
        "user@a",
        "a/b",
        "a%2eb",
        "a\x00",
        "a,b",
        "::1",
        "[::1",
        "[::1].a",
        "[::1]a",
        "[127.0.0.1]",
        "[::1%25eth0]",
        "127.1",  # browsers write these as 127.0.0.1 before they send them
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.01",
        "127.0.0.256",
        "a.0x",
        "\uff4cocalhost",  # full-width: browsers send this as localhost
        "bücher.lan",
    ],
)
def test_malformed_hosts(header: str) -> None:
    assert parse_host(header) is None
    assert refusal(Policy(), RequestInfo("GET", "http", header)) is not None


def test_is_loopback() -> None:
    yes = ("127.0.0.1", "127.8.9.1", "::1", "[::1]", "::ffff:127.0.0.1", "localhost", "a.localhost")
    assert [is_loopback(host) for host in yes] == [True] * len(yes)
    no = ("0.0.0.0", "127.x", "127.evil", "10.0.0.1", "", "localhost.evil", "xlocalhost", "::2")
    assert [is_loopback(host) for host in no] == [False] * len(no)


@pytest.mark.parametrize(
    ("host", "served_on", "allowed"),
    [
        ("localhost", "127.0.0.1", True),
        ("app.localhost", "127.0.0.1", True),
        ("127.8.9.1", "127.0.0.1", True),
        ("::1", "::1", True),
        ("192.168.1.5", "192.168.1.5", True),
        ("192.168.1.6", "192.168.1.5", False),
        ("fe80::1", "fe80::1%eth0", True),
        ("box.lan", "Box.lan", True),
        ("evil.example", "127.0.0.1", False),
        ("evil.example", "0.0.0.0", False),
        ("192.168.1.5", "0.0.0.0", True),
        ("fe80::1", "::", True),
        ("mine.local", "0.0.0.0", True),
        ("mine.local", "192.168.1.5", True),
        ("mine.local", "127.0.0.1", False),  # the network could give that name to this machine
        ("anything", None, True),  # a Unix socket
    ],
)
def test_allowed_hosts(host: str, served_on: str | None, allowed: bool) -> None:
    assert Policy(served_on, local_hostnames=frozenset({"mine.local"})).allows_host(host) is allowed


def test_hosts_that_somebody_allows() -> None:
    given = ("Box.LAN", "box.lan:8001", "bücher.lan", "192.168.1.5", "[fe80::1]", "fe80::1")
    allowed = settings.allowed_hosts(given)
    assert allowed == ("box.lan", "xn--bcher-kva.lan", "192.168.1.5", "fe80::1")
    assert Policy(hosts=allowed).allows_host("box.lan")
    assert Policy(hosts=("*",)).allows_host("any.example")
    for bad in ("http://box.lan", "box lan", "*.lan", "", "a" * 64 + "ü"):
        with pytest.raises(UsageError, match="is not a host"):
            parse_allowed_host(bad)


def test_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings.socket, "gethostname", lambda: "Box.Example")
    monkeypatch.setattr(settings.socket, "getfqdn", lambda _: "box.example.org.")
    found = ("box.example.org", ["alias", "b a d"], [])
    monkeypatch.setattr(settings.socket, "gethostbyname_ex", lambda _: found)
    names = {"box.example", "box", "box.local", "box.example.org", "alias"}
    assert settings.local_hostnames() == names


GET = RequestInfo("GET", "http", "localhost:8001")
CROSS = replace(GET, site="cross-site")
LINK = replace(CROSS, mode="navigate", destination="document")
OTHER = "https://evil.example"


@pytest.mark.parametrize(
    "info",
    [
        GET,  # no browser
        replace(GET, site="none", mode="navigate", destination="document"),
        replace(GET, site="same-origin", mode="cors", destination="empty"),
        replace(GET, site="same-origin", method="POST", origin="http://localhost:8001"),
        replace(GET, site="same-origin", origin="null"),  # the browser knows better
        LINK,
        replace(LINK, site="same-site"),
        replace(LINK, method="HEAD"),
        replace(GET, origin="http://localhost:8001"),
        replace(GET, origin="http://LOCALHOST:8001"),
        replace(GET, origin="http://localhost:8001", method="POST"),
        replace(GET, origin="https://localhost:8001"),  # a proxy that ends TLS
        RequestInfo("GET", "http", "localhost", origin="http://localhost:80"),
        RequestInfo("GET", "https", "localhost:443", origin="https://localhost"),
    ],
)
def test_answered(info: RequestInfo) -> None:
    assert refusal(Policy(), info) is None


def is_refused(info: RequestInfo) -> bool:
    return "--cors" in (refusal(Policy(), info) or "")


@pytest.mark.parametrize(
    "site", ["cross-site", "same-site", "same-origin, cross-site", "nonsense"]
)  # same-site: another port of this machine
def test_other_sites(site: str) -> None:
    for method in ("GET", "HEAD", "POST"):
        assert is_refused(replace(GET, site=site, method=method))


@pytest.mark.parametrize("destination", ["iframe", "frame", "object", "embed", ""])
def test_only_whole_pages_open_from_elsewhere(destination: str) -> None:
    assert is_refused(replace(LINK, destination=destination))


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "no-cors"},
        {"method": "POST"},  # a form
        {"purpose": "prefetch;prerender"},
        {"site": "none", "purpose": "prefetch"},  # what speculation rules send
    ],
)
def test_only_a_persons_link_opens_a_page(change: dict[str, str]) -> None:
    assert is_refused(replace(LINK, **change))


@pytest.mark.parametrize(
    ("mode", "destination", "method", "origin"),
    [
        ("no-cors", "image", "GET", ""),
        ("no-cors", "script", "GET", ""),
        ("no-cors", "", "HEAD", ""),
        ("cors", "empty", "GET", OTHER),
        ("cors", "", "OPTIONS", OTHER),
        ("websocket", "websocket", "GET", OTHER),
    ],
)
def test_parts_of_other_pages(mode: str, destination: str, method: str, origin: str) -> None:
    request = replace(CROSS, mode=mode, destination=destination, method=method, origin=origin)
    assert is_refused(request)


@pytest.mark.parametrize(
    "origin",
    [
        OTHER,
        "null",
        "http://localhost",  # another port
        "http://localhost:8002",
        "http://127.0.0.1:8001",
        "http://localhost:8001.evil.example",
        "http://evil@localhost:8001",
        "http://localhost:8001, http://localhost:8001",
        "file://localhost:8001",
        "localhost:8001",
    ],
)
def test_other_origins(origin: str) -> None:
    for method in ("GET", "POST"):
        assert is_refused(replace(GET, origin=origin, method=method))


def test_a_plain_origin_of_an_encrypted_page() -> None:
    assert is_refused(replace(GET, scheme="https", origin="http://localhost:8001"))


def test_cors_lets_other_sites_read() -> None:
    policy = Policy(cors=True)
    for method in ("GET", "HEAD", "OPTIONS"):
        assert refusal(policy, replace(CROSS, method=method, origin=OTHER)) is None
    assert refusal(policy, replace(GET, origin=OTHER)) is None
    assert refusal(policy, replace(CROSS, method="POST", origin=OTHER)) is not None
    token = replace(CROSS, method="POST", origin=OTHER, bearer=True)
    assert refusal(policy, token) is None
    assert refusal(Policy(), token) is not None
    assert refusal(policy, replace(CROSS, host="evil.example")) is not None


def test_headers() -> None:
    headers = [
        (b"Host", b"a"),
        (b"origin", b"http://a"),
        (b"origin", b"http://b"),
        (b"authorization", b"Bearer x"),
    ]
    info = RequestInfo.from_headers("GET", "http", headers)
    assert (info.host, info.origin, info.bearer) == ("a", "http://a, http://b", True)
    assert not RequestInfo.from_headers("GET", "http", [*headers, (b"cookie", b"x")]).bearer


# -- the whole application


async def test_unknown_hosts_are_refused(root: Path) -> None:
    """A web page whose name was made to lead here cannot read a thing."""
    make_database(root / "one.db")
    site = await scanned(root, hosts=["box.lan"])
    for host in REFUSED:
        for page in ("/", "/-/scan.json", "/one/t.json", "/-/static/app.css"):
            response = await site.get(page, headers={"host": host})
            assert response.status_code == 403, (host, page)
            assert "one" not in response.json()["error"].split()
    for host in ALLOWED:
        assert (await site.get("/one/t", headers={"host": host})).status_code == 200
    await site.close()


async def test_refusal_says_how_to_allow_a_host(root: Path) -> None:
    site = await scanned(root)
    response = await site.get("/", headers={"host": "box.lan:8001"})
    assert "--allow-host box.lan" in response.json()["error"]
    assert "hosts" in response.json()["error"]
    await site.close()


async def test_own_names_are_answered_on_the_network(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await scanned(root)
    monkeypatch.setattr("datasette_scan.state.local_hostnames", lambda: frozenset({"mine.local"}))
    site.state.settings = replace(site.state.settings, host="0.0.0.0")
    for host, status in (("mine.local:8001", 200), ("10.0.0.7", 200), ("evil.example", 403)):
        response = await site.get("/-/scan.json", headers={"host": host})
        assert response.status_code == status, host
    await site.close()


PAGES = ("/", "/-/scan", "/-/scan.json", "/-/versions.json", "/one", "/one.json?sql=select+1")
BLIND = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}


async def test_requests_of_other_sites_are_refused(root: Path) -> None:
    make_database(root / "one.db")
    site = await scanned(root)
    for page in PAGES:
        for headers in (BLIND, {**BLIND, "sec-fetch-site": "same-site"}, {"origin": "null"}):
            for method in ("GET", "HEAD", "OPTIONS", "POST"):
                response = await site.ds.client.request(method, page, headers=headers)
                assert response.status_code == 403, (method, page, headers)
        link = {**BLIND, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
        assert (await site.get(page, headers=link)).status_code in (200, 302), page
    await site.close()


async def test_cors_opens_reading_but_no_rescan(root: Path) -> None:
    make_database(root / "one.db")
    site = await started(make_datasette({"paths": [str(root)]}, cors=True))
    await site.scan()
    headers = {"origin": OTHER, "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}
    response = await site.get("/one/t.json", headers=headers)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "*"
    for extra in ({}, {"authorization": "Bearer x"}):
        response = await site.ds.client.post("/-/scan/rescan", headers={**headers, **extra})
        assert response.status_code in (401, 403)
    assert site.state.catalog.scans == 1
    await site.close()


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({"host": "localhost"}, True),
        ({"host": "localhost", "origin": "http://localhost"}, True),
        ({"host": "localhost", "origin": OTHER}, False),
        ({"host": "localhost", "sec-fetch-site": "cross-site"}, False),
        ({"host": "evil.example"}, False),
    ],
)
async def test_websockets(headers: dict[str, str], accepted: bool, root: Path) -> None:
    """Datasette has none; a plugin may."""
    site: Scanned = await scanned(root)
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "websocket", "scheme": "ws", "path": "/x", "headers": pairs}
    await wrap(site.ds)(app)(scope, receive, send)
    assert sent == ["websocket.accept" if accepted else "websocket.close"]
    await site.close()
