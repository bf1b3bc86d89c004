"""The bodies of the synthetic web: HTML pages, other media and robots.txt.

Owns: markup. Bodies are pure functions of their arguments, and about as fast as copying.
Must not know: which URL gets which body.
"""

from collections.abc import Iterable
from zlib import crc32

from scraper_cpn.simulate.webspec import SECOND, RobotsKind

ITEMS = 3
"""The number of elements of class `item` on every page."""

_WORDS = (
    "a net of places and arcs keeps what may happen next in plain sight while tokens wait their "
    "turn until every permit that a step needs is at hand and then all are taken at once "
)
_FILLER = _WORDS * 64

_MEDIA = (
    ("application/pdf", b"%PDF-1.4\n"),
    ("image/png", b"\x89PNG\r\n\x1a\n"),
    ("application/json", b'{"filler": 0}'),
)


def html(host: str, page: int, hrefs: Iterable[str], size: int) -> bytes:
    """A page with a title, a heading, its links and `ITEMS` items, padded to *size* bytes."""
    links = "\n".join([f'<li><a href="{href}">{href}</a></li>' for href in hrefs])
    name = f"{host} {page}"
    price = crc32(name.encode()) % 10000
    items = "\n".join(
        [
            f'<div class="item"><span class="name">Item {k} of {name}</span> '
            f'<span class="price">{(price + 7 * k) / 100:.2f}</span></div>'
            for k in range(ITEMS)
        ]
    )
    text = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>Page {page} of {host}</title></head>\n<body><h1>Page {page} of {host}</h1>\n"
        f"{items}\n<ul>\n{links}\n</ul>\n<p>"
    )
    end = "</p></body></html>\n"
    return f"{text}{_filler(size - len(text) - len(end))}{end}".encode()


def _filler(size: int) -> str:
    repeats = max(1, -(-size // len(_FILLER)))
    return (_FILLER * repeats)[: max(0, size)] if size > len(_FILLER) else _FILLER[: max(0, size)]


def media(page: int, size: int) -> tuple[str, bytes]:
    """The media type and the body of a page that is not HTML, padded to *size* bytes."""
    kind, start = _MEDIA[page % len(_MEDIA)]
    return kind, start.ljust(size, b" ")


def robots_text(kind: RobotsKind, crawl_delay_ns: int) -> str | None:
    """The robots.txt of a kind; None if the host serves none."""
    if kind in ("absent", "error"):
        return None
    lines = ["User-agent: *"]
    if kind == "delay":
        lines.append(f"Crawl-delay: {crawl_delay_ns / SECOND:g}")
    lines.append("Disallow: /private/" if kind == "disallow" else "Disallow:")
    return "\n".join(lines) + "\n"
