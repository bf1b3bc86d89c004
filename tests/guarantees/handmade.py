"""A web that a test writes down by hand, for crawls in virtual time.

Owns: answers from a function of the URL. Every host has a robots.txt that says what the test wants.
"""

from __future__ import annotations

from collections.abc import Callable

from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from scraper_cpn.simulate.webspec import WebAnswer

HTML = (("Content-Type", "text/html; charset=utf-8"),)
MISSING = WebAnswer(status=404, headers=HTML, body=b"nothing here")

Written = Callable[[str], WebAnswer | None]
"""What is behind a URL; None: nothing."""


class Handmade(SyntheticWeb):
    """Answers with what a function writes."""

    def __init__(self, written: Written) -> None:
        super().__init__(WebSpec())
        self._written = written

    def respond(self, host: str, path: str, visit: int, host_visit: int | None = None) -> WebAnswer:
        """What was written for `http://host/path`."""
        del visit, host_visit
        return self._written(f"http://{host}{path}") or MISSING


def page(*hrefs: str) -> WebAnswer:
    """A page with these links."""
    links = "".join(f'<a href="{href}">x</a>' for href in hrefs)
    return WebAnswer(status=200, headers=HTML, body=f"<title>t</title>{links}".encode())


def moved(to: str) -> WebAnswer:
    """A redirect."""
    return WebAnswer(status=302, headers=(("Location", to),))
