"""The cookies of a crawl: a jar for each session, and the Cookie header of each request.

Owns: which jar a request has, where the user's own cookies go, what changed between a request and its redirect.
Must not know: HTTP libraries, the net, what an answer means.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from scraper_cpn.scrape.colours import Target
from scraper_cpn.scrape.fetch.answers import Answer
from scraper_cpn.scrape.fetch.cookies import FileCookie, cookies_in
from scraper_cpn.scrape.fetch.head import Fields
from scraper_cpn.scrape.fetch.jar import Jar
from scraper_cpn.scrape.options.values import file_text
from scraper_cpn.scrape.request import POOLED
from scraper_cpn.scrape.settings import Settings, UsageError
from scraper_cpn.scrape.urls import host_of

_DIGEST_BYTES = 8
_PROXY_REFUSES = 407


class Jars:
    """The jars. *is_own* says whether the user's own cookies go to a URL; *wall_ns* is UTC in nanoseconds since 1970.

    Attributes:
        used: whether there may be a cookie for any request; until then nothing is looked up.
        version: grows with each answer that sets cookies.
    """

    def __init__(
        self, settings: Settings, is_own: Callable[[str], bool], wall_ns: Callable[[], int]
    ) -> None:
        self._on = settings.cookies == "on"
        self._own = settings.cookie if self._on else ()
        self._file = settings.cookie_file if self._on else None
        self._is_own = is_own
        self._wall_ns = wall_ns
        self._in_headers = _names_cookie(settings.headers)
        self._jars = dict[str, Jar]()
        self._lines: Sequence[FileCookie] = ()
        """The cookies of the user's file."""
        self._given = set[tuple[str, str]]()
        """The sessions and hosts that have got the user's own cookies."""
        self._before = Counter[str]()
        """What jars that are gone have not kept."""
        self._secret = os.urandom(16)
        self.used = bool(self._own)
        self.version = 0

    def open(self) -> None:
        """Read the user's file. Raises `UsageError` where it can't be read, or has a line that is no cookie."""
        if self._file is None:
            return
        try:
            lines = file_text(self._file).split("\n")
        except ValueError as error:
            raise UsageError(f"cookie-file: {error}") from None
        self._lines = tuple(cookies_in(self._file, lines))
        self.used = self.used or bool(self._jar(""))

    def __len__(self) -> int:
        return sum(map(len, self._jars.values()))

    @property
    def dropped(self) -> Counter[str]:
        """How many cookies were not kept, by reason."""
        return sum((jar.dropped for jar in self._jars.values()), self._before)

    def header(self, target: Target, url: str) -> str:
        """Return the Cookie header of a target's request to a URL; empty where the user gave one, or there is none."""
        request = target.request
        own = self._is_own(url) if self._own or self._in_headers else False
        if (own and self._in_headers) or _names_cookie(request.headers):
            return ""
        if own:
            self._give(request.session, url)
        jar, now_ns = self._jar(request.session), self._wall_ns()
        return jar.header(url, now_ns, method=request.method, initiator=target.parent)

    def take(self, target: Target, answer: Answer) -> None:
        """Keep the cookies of an answer; those of a proxy that refuses its service are not the site's."""
        if not self._on or (answer.by_proxy and answer.status == _PROXY_REFUSES):
            return
        assert isinstance(answer.headers, Fields)
        texts = [value for name, value in answer.headers.pairs if name == "set-cookie"]
        jar = self._jar(target.request.session)
        jar.take(target.url, texts, self._wall_ns())
        self.version += 1
        self.used = self.used or bool(jar)

    def mark(self, target: Target, url: str, sent: str) -> str:
        """Return what tells a redirect's request from earlier ones to its URL that had other cookies.

        It is a digest of the cookies, of which nobody learns them; empty where they are none, or those that were *sent*.
        """
        now = self.header(target, url)
        if now == sent if url == target.url else not now:
            return ""
        return blake2b(
            now.encode(errors="surrogateescape"), key=self._secret, digest_size=_DIGEST_BYTES
        ).hexdigest()

    def kept(self) -> dict[str, list[Any]]:
        """Return the cookies of each session, to be written down; they are secrets."""
        return {name: jar.kept() for name, jar in self._jars.items() if jar}

    def restore(self, kept: Mapping[str, Iterable[Sequence[Any]]]) -> None:
        """Put back what `kept` has returned in another process."""
        for name, cookies in kept.items():
            self._jar(name).restore(cookies, self._wall_ns())
        self.used = self.used or bool(kept)

    def forget(self, session: str) -> None:
        """Throw the jar of a session away; nothing, if there is none."""
        if gone := self._jars.pop(session, None):
            self._before += gone.dropped

    def _jar(self, session: str) -> Jar:
        """Return the jar of a session. Those of the crawl and of its pool begin with the user's file."""
        found = self._jars.get(session)
        if found is None:
            found = self._jars[session] = Jar()
            for line in self._lines if not session or session.startswith(POOLED) else ():
                found.put(line, self._wall_ns())
        return found

    def _give(self, session: str, url: str) -> None:
        """Put the user's own cookies in a jar, before the first request of its session to a host of a seed."""
        host = host_of(url)
        if (session, host) in self._given:
            return
        self._given.add((session, host))
        secure = not self._is_own(url.replace("https:", "http:", 1))
        for name, value in self._own:
            self._jar(session).put(
                FileCookie(host, False, "/", secure, None, name, value), self._wall_ns()
            )


class CookieLine:
    """The Cookie header of one request: made when the request is written, and kept for who wants to know what was sent."""

    __slots__ = ("_jars", "_target", "sent")

    def __init__(self, jars: Jars, target: Target) -> None:
        self._jars = jars
        self._target = target
        self.sent = ""

    def __call__(self) -> str:
        """Return the header; empty for none."""
        self.sent = self._jars.header(self._target, self._target.url)
        return self.sent


def _names_cookie(headers: tuple[tuple[str, str], ...]) -> bool:
    return any(name.lower() == "cookie" for name, _ in headers)
