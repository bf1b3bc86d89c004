"""URLs: their normal form, and the names by which pacing and scope count.

Owns: normalising and joining (the WHATWG URL standard, by ada-url), host, origin and registrable
domain, which hosts are private, and the advice for a URL that a user mistyped.
Must not know: the network (the public suffix list is bundled), HTTP, the net.

Everything is pure. Results that depend on the host alone are cached for the hosts seen last. A plain link
costs a microsecond, any other link about 3, nearly all of it in the parser.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import ada_url

from scraper_cpn.scrape.addresses import not_public
from scraper_cpn.scrape.redact import shown
from scraper_cpn.scrape.settings import UsageError

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

URL_CHARS_MAX = 8000
"""A longer URL is invalid: RFC 9110 section 4.1 requires support for 8000 and no more."""

_HOST_CHARS_MAX = 253  # RFC 1035 section 2.3.4, in text form
_LABEL_CHARS_MAX = 63
_HOSTS_REMEMBERED = 65_536
_PLAIN_CHARS_MAX = 2_000  # this leaves room for most bases that it is joined with
_ESCAPE = r"%(?!2[DEde]|3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa]|5[Ff]|7[Ee])[0-9A-Fa-f]{2}"
"""The escape of a character that is not unreserved."""
_REST = rf"[A-Za-z0-9_.~!$&()*+,;=@:-]*+(?:{_ESCAPE}[A-Za-z0-9_.~!$&()*+,;=@:-]*+)*+"
_FIRST = rf"(?:[A-Za-z0-9_~!$&()*+,;=@-]++|{_ESCAPE})(?:[A-Za-z0-9_.~!$&()*+,;=@-]++|{_ESCAPE})*+"
_SEGMENT = rf"(?:[A-Za-z0-9_~!$&()*+,;=@:-]|{_ESCAPE}){_REST}"
_PATH = rf"(?:{_SEGMENT}(?:/{_SEGMENT})*+/?+)?+"
_RELATIVE = rf"{_FIRST}(?:/{_SEGMENT})*+/?+"
_QUERY_PART = r"[A-Za-z0-9_.~=&!$()*+,;:@/?-]*+"
_QUERY = rf"(?:\?(?!\n|\Z){_QUERY_PART}(?:{_ESCAPE}{_QUERY_PART})*+)?+"
_PLAIN = re.compile(
    rf"(?:(?P<root>https?://[A-Za-z0-9.:-]++)?+/(?P<path>{_PATH})|{_RELATIVE})(?P<query>{_QUERY})"
)
"""References in normal form, with or without an origin and a query: no segment begins with a dot."""
_NOT_PLAIN = re.compile(
    r"(?:(?:(?:https?://(?:(?!xn--)[a-z0-9][a-z0-9-]{0,61}\.){1,3}[a-z]{2,20})?+"
    rf"/{_PATH}|{_RELATIVE}){_QUERY}\n)*+([^\n]*+)\n?+"
)
"""Finds in a text of lines those that `_PLAIN` does not match, or that have a host which may have another normal form."""
_UNRESERVED = re.compile(
    "(?<!%)(?<!%[0-9A-F])%(?:2[DE]|3[0-9]|[46][1-9A-F]|[57][0-9A]|5F|7E)", re.IGNORECASE
)
"""Escapes of letters, digits, `-`, `.`, `_` and `~` that would not become a part of another escape."""
_CREDENTIALS = re.compile(r"(?!mailto:)(?:https?:)?[/\\]*[^/?#\\]*@", re.IGNORECASE)


def normalise(url: str, base: str | None = None) -> str | None:
    """Return the normal form of *url*, joined to *base* if that is given, or None if it is invalid.

    A URL is invalid if it does not parse, is neither http nor https, is longer than `URL_CHARS_MAX`, or
    names a host that can't exist in DNS. The normal form is ASCII, has a path, and has no fragment,
    credentials, empty query, dot behind the host, or escapes of unreserved characters (RFC 3986 section
    6.2.2.2). Never raises; normalising twice changes nothing.
    """
    if base is not None:
        return joined(url, base, root_of(base))
    plain = _PLAIN.fullmatch(url) if len(url) <= _PLAIN_CHARS_MAX else None
    start = _start(plain["root"]) if plain and plain["root"] else None
    if plain is None or start is None:
        return _normal(url, None)
    return start + plain["path"] + plain["query"]  # the usual case in a long list of seeds


def joined(url: str, base: str, root: str) -> str | None:
    """Return `normalise(url, base)` for a base in normal form, whose root is *root*.

    Most links are plain, and skip the parser of URLs, which takes several times as long.
    """
    given, url = url, url.partition("#")[0]
    plain = _PLAIN.fullmatch(url) if len(url) <= _PLAIN_CHARS_MAX else None
    start = _start(root)
    if plain is None or start is None:
        return base.partition("#")[0] if start and not url else _normal(given, base)
    if plain["root"]:
        start = _start(plain["root"])
        return start and start + plain["path"] + plain["query"]
    if plain["path"] is None:
        whole = _folder(base) + url
        return whole if len(whole) <= URL_CHARS_MAX else None
    return start + plain["path"] + plain["query"]


def plainly_joined(urls: list[str], base: str, root: str) -> list[str | None]:
    """Return `joined` of each URL, or None for those that are not plain: for all links of a page a third of its cost."""
    start, folder = _start(root), _folder(base)
    text = "\n".join(urls)
    is_long = len(folder) > URL_CHARS_MAX - _PLAIN_CHARS_MAX
    if start is None or is_long or text.count("\n") >= max(len(urls), 1):
        return [None] * len(urls)
    odd = set(_NOT_PLAIN.findall(text + "\n"))
    if len(text) > _PLAIN_CHARS_MAX:
        odd.update(url for url in urls if len(url) > _PLAIN_CHARS_MAX)
    return [
        None
        if url in odd
        else start + url[1:]
        if url[0] == "/"
        else url
        if url.startswith(("https://", "http://"))
        else folder + url
        for url in urls
    ]


def _folder(base: str) -> str:
    path = base.partition("?")[0]
    return path[: path.rfind("/") + 1]


@lru_cache(_HOSTS_REMEMBERED)
def _start(root: str) -> str | None:
    return _normal("/", root)


def _normal(url: str, base: str | None) -> str | None:
    before, mark, _ = url.partition("#")
    if len(before) > URL_CHARS_MAX:
        return None
    source = before + mark  # a space before a fragment is a part of the path, one at the end is not
    try:
        href = ada_url.normalize_url(source) if base is None else ada_url.join_url(base, source)
    except ValueError:
        return None
    href = href.partition("#")[0]
    if not href.startswith(("https://", "http://")):
        return None
    if "@" in _netloc(href):
        href = _without_credentials(href)
    if href.endswith("?") and href.find("?") == len(href) - 1:
        href = href[:-1]  # yarl does not send an empty query, so both are the same request
    root = root_of(href)
    if len(href) > URL_CHARS_MAX or not _is_sound(root):
        return None
    return _without_dot(root) + _UNRESERVED.sub(_character, href[len(root) :])


def root_of(url: str) -> str:
    """Return `scheme://host:port` of a URL in normal form, or of an origin; a port appears only if it is given."""
    end = url.find("/", 8)  # a host has at least one character after http://
    return url if end < 0 else url[:end]


def origin_of(url: str) -> str:
    """Return `scheme://host:port`, always with the port: the key of robots.txt (RFC 9309)."""
    return _origin(root_of(url))


def host_of(url: str) -> str:
    """Return the host without a trailing dot; an IPv6 address keeps its brackets."""
    return _host(root_of(url))


def domain_of(url: str, limit_by: Literal["domain", "host"]) -> str:
    """Return the key by which requests are counted.

    It is the host or, for "domain", the registrable domain by the public suffix list. A host without a
    registrable domain (an address, a single label, a public suffix itself) is its own key.
    """
    return _domain(root_of(url), limit_by)


def is_suffix(host: str) -> bool:
    """Return whether hosts below *host* belong to different owners, by the public suffix list; an address is no suffix."""
    if host.startswith("[") or host.rpartition(".")[2].isdigit():
        return False
    return "." not in host or _suffixes().privatesuffix(host) is None


def pace_of(url: str, limit_by: Literal["domain", "host"]) -> tuple[str, str]:
    """Return `domain_of` and `origin_of` of a URL at the cost of one of them."""
    return _pace(root_of(url), limit_by)


def names_above(host: str) -> Iterator[str]:
    """Yield a host and its parent domains, longest first: one of them is its pacing key."""
    while host:
        yield host
        host = host.partition(".")[2]


def within(host: str, names: Iterable[str]) -> bool:
    """Return whether *host* is one of *names* or a subdomain of one."""
    return any(host == name or host.endswith("." + name) for name in names)


def seed_url(text: str, where: str = "") -> str:
    """Return the normal form of a URL that a user gave; *where* is its place, such as `urls.txt:3`.

    Raises `UsageError` for anything that is not an http or https URL, and for credentials, which
    would end up in logs and outputs.
    """
    if not isinstance(text, str):  # from a program
        raise UsageError(f"{shown(text)} is not a URL; give each URL as a text")
    source = text.strip()
    place = f"{where}: " if where else ""
    if _CREDENTIALS.match(source):
        raise UsageError(
            f"{place}a URL with a user name or password would show it in every output; "
            "leave it out and send it with --header 'Authorization: Basic ...'"
        )
    url = normalise(source)
    if url is None:
        raise UsageError(f"{place}{shown(source)} is not a URL{_advice(source)}")
    return url


def _netloc(href: str) -> str:
    return root_of(href).partition("://")[2]


def _without_credentials(href: str) -> str:
    url = ada_url.URL(href)
    url.username = url.password = ""
    return str(url.href)


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[0][1:], 16))


def _without_dot(root: str) -> str:
    """The root without the dot that makes a host's name absolute: it is the same host."""
    return root.replace(".:", ":") if ".:" in root else root.removesuffix(".")


@lru_cache(_HOSTS_REMEMBERED)
def _is_sound(root: str) -> bool:
    """Return whether the host could exist in DNS: resolvers and TLS raise on other names."""
    host = _host(root)
    labels = [host] if host.startswith("[") else host.split(".")
    return len(host) <= _HOST_CHARS_MAX and all(0 < len(s) <= _LABEL_CHARS_MAX for s in labels)


@lru_cache(_HOSTS_REMEMBERED)
def _origin(root: str) -> str:
    scheme, _, netloc = root.partition("://")
    has_port = ":" in netloc.rpartition("]")[2]
    return root if has_port else f"{root}:{443 if scheme == 'https' else 80}"


@lru_cache(_HOSTS_REMEMBERED)
def _host(root: str) -> str:
    netloc = root.partition("://")[2]
    if netloc.startswith("["):
        return netloc[: netloc.find("]") + 1]
    return netloc.partition(":")[0].removesuffix(".")


@lru_cache(_HOSTS_REMEMBERED)
def _pace(root: str, limit_by: str) -> tuple[str, str]:
    return _domain(root, limit_by), _origin(root)


@lru_cache(_HOSTS_REMEMBERED)
def _domain(root: str, limit_by: str) -> str:
    host = _host(root)
    return host if limit_by == "host" else _registrable(host)


@lru_cache(_HOSTS_REMEMBERED)
def _registrable(host: str) -> str:
    if host.startswith("[") or "." not in host or host.rpartition(".")[2].isdigit():
        return host  # a top-level domain is never a number, so this is an address
    return _suffixes().privatesuffix(host) or host


@lru_cache(1)
def _suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PSLFILE, PublicSuffixList  # 18 ms with its list

    lines = Path(PSLFILE).read_text("utf-8").splitlines()
    names = [line.split()[0] for line in lines if line.strip() and not line.startswith("//")]
    # Hosts are ASCII here, so the names are encoded first. The library's own encoding takes another 12 ms.
    ours = [name if name.isascii() else name.encode("idna").decode("ascii") for name in names]
    return PublicSuffixList(ours, accept_encoded_idn=False)


def _advice(text: str) -> str:
    """Return a suggestion for a text that is not a URL."""
    bare = text.lstrip("/")
    guess = None if "://" in text or "@" in bare.partition("/")[0] else normalise(f"https://{bare}")
    if guess is not None and not_public(host_of(guess)):
        return f"; did you mean {guess.replace('https', 'http', 1)}?"  # few local hosts have certificates
    if guess is not None and "." in host_of(guess):
        return f"; did you mean {guess}?"
    return "; give one that starts with https:// or http://"
