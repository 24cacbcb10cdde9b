"""Which requests are answered: those for a known host, from no other site. Pure.

Two attacks by a page on the web against a server on this machine:

* DNS rebinding: the page makes a name that it owns lead to 127.0.0.1. Such a request names
  that host, so only this machine's names and configured ones are answered.
* Blind requests: the page sends GETs to the right host, in frames, images or scripts. Browsers
  say so in ``Sec-Fetch-*`` (https://www.w3.org/TR/fetch-metadata/) wherever the target is
  loopback or HTTPS, and in ``Origin`` for the rest of what a page may read or post.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import UsageError
from .text import visible

Headers = Iterable[tuple[bytes, bytes]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

ANY_HOST = "*"
_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 (compared with, not bound to)
_AUTHORITY = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{0,5}))?"
)
_ORIGIN = re.compile(r"(?P<scheme>https?|wss?)://(?P<authority>[^/?#]*)")
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def parse_host(header: str) -> tuple[str, int | None] | None:
    """A Host header → the host in its normal form, and the port; None if it is malformed.

    Names are in lower case without the dot of the root, addresses as ``ipaddress`` writes
    them. User names, percent signs, blanks and whatever follows a bracket are malformed, and
    so is a name that ends in a number without being an IPv4 address in its plain form
    (RFC 9110, section 7.2; the URL standard, "ends in a number"): browsers never send those.
    """
    match = _AUTHORITY.fullmatch(header)
    if match is None:
        return None
    port = int(match["port"]) if match["port"] else None
    host = _normal_host(match["six"] or match["name"], bracketed=bool(match["six"]))
    return None if host is None or (port or 0) > 65535 else (host, port)


def _normal_host(text: str, bracketed: bool) -> str | None:
    name = text.lower().removesuffix(".")
    labels = name.split(".")
    if bracketed or labels[-1].isdigit() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]):
        address = parse_address(text if bracketed else name)
        return str(address) if address and (":" in text) is bracketed else None
    return name if all(labels) else None


def parse_address(text: str) -> Address | None:
    """An IP address, its zone left out and an IPv4 address in IPv6 unwrapped; None for names."""
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own (RFC 6761, section 6.3, for names)."""
    address = parse_address(host)
    if address is not None:
        return address.is_loopback
    name = host.lower().removesuffix(".")
    return name == "localhost" or name.endswith(".localhost")


def parse_allowed_host(text: str) -> str:
    """An allowed host → as ``parse_host`` returns it. Raises UsageError.

    A port is accepted and ignored; names beyond ASCII are encoded as browsers send them.
    """
    name = text.strip()
    if name == ANY_HOST:
        return name
    if parse_address(name) is not None:
        return str(parse_address(name))
    try:
        parsed = parse_host(name if name.isascii() else name.encode("idna").decode("ascii"))
    except UnicodeError:
        parsed = None
    if parsed is None:
        raise UsageError(
            f"datasette-scan: {visible(text)!r} is not a host; give a name or an address "
            f"such as box.lan or 192.168.1.5, or {ANY_HOST} for every host"
        )
    return parsed[0]


@dataclass(frozen=True)
class Policy:
    """Which requests the server answers.

    ``served_on`` is the address that it listens on, or None for a Unix socket, which pages cannot
    reach; ``hosts`` are allowed names; with ``cors`` pages of other sites may read.
    """

    served_on: str | None = "127.0.0.1"
    hosts: tuple[str, ...] = ()
    local_hostnames: frozenset[str] = frozenset()
    cors: bool = False

    def allows_host(self, host: str) -> bool:
        """Whether a request for this host, as ``parse_host`` returns it, is answered."""
        if self.served_on is None or ANY_HOST in self.hosts or host in self.hosts:
            return True
        address = parse_address(self.served_on)
        own = str(address) if address else self.served_on.lower().removesuffix(".")
        if is_loopback(host) or host == own:
            return True
        if is_loopback(self.served_on):
            return False
        # Reachable from the network: addresses can't be rebound, nor this machine's names.
        is_address = parse_address(host) is not None
        return host in self.local_hostnames or (is_address and self.served_on in _EVERYWHERE)


@dataclass(frozen=True)
class RequestInfo:
    """A request's target and origin, as its headers state them."""

    method: str
    scheme: str
    host: str
    origin: str = ""
    site: str = ""
    mode: str = ""
    destination: str = ""
    purpose: str = ""
    bearer: bool = False

    @classmethod
    def from_headers(cls, method: str, scheme: str, headers: Headers) -> RequestInfo:
        """Read the headers. One that is sent twice is joined, and so never a valid value."""
        values: dict[bytes, str] = {}
        for name, value in headers:
            key, text = name.lower(), value.decode("latin-1")
            values[key] = f"{values[key]}, {text}" if key in values else text
        authorization = values.get(b"authorization", "").lower()
        return cls(
            method=method,
            scheme=scheme,
            host=values.get(b"host", ""),
            origin=values.get(b"origin", ""),
            site=values.get(b"sec-fetch-site", ""),
            mode=values.get(b"sec-fetch-mode", ""),
            destination=values.get(b"sec-fetch-dest", ""),
            purpose=values.get(b"sec-purpose", "") + values.get(b"purpose", ""),
            bearer=authorization.startswith("bearer ") and b"cookie" not in values,
        )


def refusal(policy: Policy, info: RequestInfo) -> str | None:
    """Why a request is not answered and how to have it answered; None if it may be."""
    parsed = parse_host(info.host)
    if policy.served_on is not None and (parsed is None or not policy.allows_host(parsed[0])):
        return _unknown_host(info.host, parsed and parsed[0])
    # A token is sent only by a page that was given it.
    suits_cors = info.method in _SAFE_METHODS or info.bearer
    if not is_from_another_site(info) or (policy.cors and suits_cors):
        return None
    return (
        f"this request comes from a page of another site ({visible(info.origin or info.site)}); "
        "only links to whole pages are answered from there. Start Datasette with --cors to let "
        "other sites read what this server shows"
    )


def _unknown_host(header: str, host: str | None) -> str:
    if host is None:
        return f"the Host header {visible(header)!r} is not a host"
    return (
        f"this server does not answer for the host {host!r}. Start it with "
        f"--allow-host {host}, or add the name to hosts in the settings of the plugin "
        "datasette-scan"
    )


def is_from_another_site(info: RequestInfo) -> bool:
    """Whether a page of another origin may have sent this, other than by leading a person here.

    Another port of this machine is "same-site" and another origin. Chromium says "none", as for
    an address that was typed in, when a page's speculation rules have it fetch in advance. Without
    ``Sec-Fetch-Site`` (no browser, or a target that is neither loopback nor HTTPS) ``Origin``
    decides.
    """
    if info.site == "same-origin":
        return False
    if info.site:
        # A link, an address or a form that shows a whole page.
        is_navigation = (info.mode, info.destination) == ("navigate", "document")
        allowed = info.site == "none" or (is_navigation and info.method in ("GET", "HEAD"))
        return bool(info.purpose) or not allowed
    return bool(info.origin) and not _is_same_origin(info)


def _is_same_origin(info: RequestInfo) -> bool:
    match = _ORIGIN.fullmatch(info.origin)
    theirs, ours = parse_host(match["authority"] if match else ""), parse_host(info.host)
    if match is None or theirs is None or ours is None:
        return False
    # Behind a proxy that ends TLS the scheme here is http; never the other way round.
    if info.scheme in ("https", "wss") and match["scheme"] in ("http", "ws"):
        return False
    default = _PORTS[match["scheme"]]
    return (theirs[0], theirs[1] or default) == (ours[0], ours[1] or default)
