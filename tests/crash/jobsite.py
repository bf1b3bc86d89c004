"""Three sites with the habits of real ones: a shop with a token in each form, an API, a club whose logins expire.

Owns: a proxy that answers for their hosts, and what it was asked. Must not know: the scraper.
"""

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

PRODUCTS, HITS, ORDERS = 12, 12, 14
PASSWORD = "s3cret-pa55word"
Answer = tuple[int, str, list[tuple[str, str]]]
LOGIN = (
    "<form id=login method=post action=/login><input name=user>"
    "<input type=password name=password></form>"
)


class Jobs(BaseHTTPRequestHandler):
    """The sites. *killing* is called at the request number *kills_at*, which is never answered."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[tuple[str, dict[str, str]]]]
    """The hosts that were asked for a page, each with the cookies that came."""
    posts: ClassVar[Counter[str]]
    forms: ClassVar[dict[str, str]]
    """The session of each form's token."""
    logins: ClassVar[dict[str, int]]
    """How many pages each login is still good for."""
    ways: ClassVar[Any]
    kills_at: ClassVar[int]
    killing: ClassVar[Callable[[], None]]

    @classmethod
    def begin(cls) -> None:
        """Forget everything."""
        cls.asked, cls.posts, cls.forms, cls.logins = [], Counter(), {}, {}
        cls.ways, cls.kills_at = itertools.cycle(["form", "redirect", "403"]), 0

    def do_GET(self) -> None:
        self._take(b"")

    def do_POST(self) -> None:
        self._take(self.rfile.read(int(self.headers["Content-Length"])))

    def _take(self, body: bytes) -> None:
        url = urlsplit(self.path)
        if url.path == "/robots.txt":
            return self._send((404, "", []))
        pairs = re.findall(r"(\w+)=([^; ]*)", self.headers.get("Cookie", ""))
        self.asked.append((url.hostname or "", dict(pairs)))
        sites = {"www.shop.test": self._shop, "api.test": self._api, "club.test": self._club}
        site = sites.get(url.hostname or "", _picture)
        killed = len(self.asked) == self.kills_at
        if killed:
            Jobs.killing()
        answer = site(url.path, body, dict(pairs))  # what comes too late has been processed
        if not killed:
            return self._send(answer)
        self.close_connection = True
        return None

    def _shop(self, path: str, body: bytes, cookies: dict[str, str]) -> Answer:
        """Redirects whoever has no cookie to the same page with one; a form is for its session, and sent once."""
        if "sid" not in cookies:
            own = ("Set-Cookie", f"sid=s{len(self.asked)}; Path=/")
            shared = ("Set-Cookie", "all=1; Domain=shop.test; Path=/")
            return 302, "", [("Location", path), own, shared]
        kind, *more = path.strip("/").split("/")
        if kind == "shop":
            return 200, "".join(f"<a class=c href=/c/{c}>{c}</a>" for c in "abc"), []
        if kind == "c":
            links = (f"<a class=p href=/p/{more[0]}{n}>x</a>" for n in range(PRODUCTS // 3))
            return 200, "".join(links), []
        if kind == "p":
            token = f"t{len(self.asked)}"
            self.forms[token] = cookies["sid"]
            return 200, (
                f"<h1>{more[0]}</h1><a class=i href=http://cdn.shop.test/{more[0]}>i</a><form id=ask method=post "
                f"action=/ask/{more[0]}><input type=hidden name=token value={token}></form>"
            ), []  # fmt: skip
        if kind == "ask":
            self.posts[path] += 1
            token = parse_qs(body.decode())["token"][0]
            fits = self.forms.pop(token, "") == cookies["sid"]
            return (302, "", [("Location", f"/answer/{more[0]}")]) if fits else (403, "", [])
        return 200, f"<b>{more[0]}</b>", []

    def _api(self, path: str, body: bytes, cookies: dict[str, str]) -> Answer:
        asked = json.loads(body)
        if path == "/reserve":
            self.posts[f"reserve {asked['n']}"] += 1
            return 201, json.dumps({"ticket": asked["n"] * 10}), []
        first = asked["from"]
        after = first + 3 if first + 3 < HITS else None
        hits = [{"n": n} for n in range(first, first + 3)]
        return 200, json.dumps({"hits": hits, "next": after}), []

    def _club(self, path: str, body: bytes, cookies: dict[str, str]) -> Answer:
        """A login is good for four pages; what it says then is another thing each time."""
        sid = cookies.get("club", "")
        if path == "/login":
            if self.command == "GET" or parse_qs(body.decode()).get("password") != [PASSWORD]:
                return 200, LOGIN, []
            sid = f"k{len(self.logins)}"
            self.logins[sid] = 4
            cookie = ("Set-Cookie", f"club={sid}; Path=/; HttpOnly")
            return 303, "", [("Location", "/home"), cookie]
        if path == "/home":
            return 200, "welcome", []
        if self.logins.get(sid, 0) < 1:
            away = {"redirect": (302, "", [("Location", f"/login?next={path}")])}
            return away.get(next(self.ways), (403, "sign in", [])) if sid else (200, LOGIN, [])
        self.logins[sid] -= 1
        number = path.rpartition("/")[2]
        if number == "orders":
            return 200, "".join(f"<a class=o href=/order/{n}>x</a>" for n in range(ORDERS)), []
        return 200, f"<b class=number>{number}</b>", []

    def _send(self, answer: Answer) -> None:
        status, text, headers = answer
        body = text.encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        kind = "application/json" if body.startswith(b"{") else "text/html"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Say nothing."""


def _picture(path: str, body: bytes, cookies: dict[str, str]) -> Answer:
    del path, body, cookies
    return 200, "<h1>picture</h1>", []
