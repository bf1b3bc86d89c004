"""Two answers to one request: which of them is the right one, if that can be decided.

Owns: what is remembered of such pairs.
Must not know: sockets, what an answer means.

A server may send an answer too many behind each answer, or before it. One pair alone does not show which. But
what is sent too often is mostly the same for many URLs, and pages are not.
"""

from collections import OrderedDict
from collections.abc import Hashable

from xxhash import xxh3_128_digest

from scraper_cpn.scrape.fetch.head import Head
from scraper_cpn.scrape.fetch.reader import AnswerReader

REMEMBERED_MAX = 4_096
"""Pairs, of all servers together."""
_SEVERAL = ""
"""In place of the URL of an answer that several had."""
_BODY_BYTES_MAX = 1_000_000


class Doubles:
    """Remembers pairs of answers, and finds in them which answers a server repeats."""

    def __init__(self) -> None:
        self._firsts: OrderedDict[Hashable, str] = OrderedDict()
        self._seconds: OrderedDict[Hashable, str] = OrderedDict()

    def first_is_meant(self, server: Hashable, url: str, first: bytes, second: bytes) -> bool:
        """Return whether *first* is the answer to *url*; they are digests.

        It is where *second* has stood behind the answer of another URL, too, and *first* has never been seen with another
        one. As nothing is known of a server's first pair, that is refused.
        """
        elsewhere = (
            self._firsts.get((server, first), url),
            self._seconds.get((server, first), url),
        )
        repeated = self._seconds.get((server, second), url) != url
        _note(self._firsts, (server, first), url)
        _note(self._seconds, (server, second), url)
        return repeated and all(other == url for other in elsewhere) and first != second


def _note(seen: OrderedDict[Hashable, str], answer: Hashable, url: str) -> None:
    seen[answer] = url if seen.get(answer, url) == url else _SEVERAL
    seen.move_to_end(answer)
    if len(seen) > REMEMBERED_MAX:
        seen.popitem(last=False)


def digest_of(reader: AnswerReader) -> bytes:
    """Return what tells an answer from others: its status, its Location, its body."""
    head = reader.head
    assert head is not None
    lead = f"{head.status} {head.fields.get('Location', '')}\n".encode("utf-8", "surrogateescape")
    return xxh3_128_digest(lead + reader.body)


def whole_answer(surplus: bytes) -> AnswerReader | None:
    """Return the answer that stands in *surplus*; None where it is not there to its end."""
    reader = AnswerReader(_body_bytes_max)
    reader.feed(surplus)
    return reader if reader.done and reader.ended_well and not reader.cut else None


def _body_bytes_max(_: Head) -> int:
    return _BODY_BYTES_MAX
