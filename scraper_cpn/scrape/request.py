"""What a request says beside its URL, and the data that travels with it.

Owns: `Request`, and the identity of a request.
Must not know: how a program writes it down, the net, HTTP libraries.
"""

from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing on the server (RFC 9110 section 9.2.1)."""
FORM_TYPE, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
FORM_TYPES = (FORM_TYPE, MULTIPART)
"""The content types of forms."""
AGAIN = "again "
"""The prefix of `Request.apart` until the target is made: it marks a request that is to be repeated."""
POOLED = "pool "
"""What the name of a session of the pool begins with."""
_BACK = " back with cookies "
"""In `Request.apart` of a redirect that has come back to its URL."""
_DIGEST_BYTES = 16


_CONDITIONS = frozenset({"if-none-match", "if-modified-since"})


NEVER = -1
"""In `Visit.after_ns`: the page is not visited again."""


class Visit(Struct, frozen=True, gc=False, kw_only=True, array_like=True):
    """What is known of a page that is visited again and again."""

    number: int = 1
    """1 for the first visit."""
    kept: str = ""
    """The digest of the content that was kept last; empty on the first visit."""
    content: str = ""
    """The digest of the content that has come on this visit; empty until then."""
    etag: str = ""
    modified: str = ""
    """ETag and Last-Modified of that content."""
    after_ns: int | None = None
    """The time to the next visit that the program has chosen; `NEVER` for none, None: that of the crawl."""


class Request(Struct, frozen=True, gc=False, kw_only=True, array_like=True):
    """A request beside its URL. The default is a GET without anything."""

    method: str = "GET"
    """In upper case."""
    headers: tuple[tuple[str, str], ...] = ()
    """Sent to the origin of the link only, in place of the crawl's own of these names."""
    body: bytes = b""
    content_type: str = ""
    """Of the body."""
    data: bytes = b""
    """What the handler of the page is given: a map in msgpack; empty for none."""
    idempotent: bool = False
    """Whether sending it twice does no harm, although its method is not safe."""
    session: str = ""
    """The name of its session, or that of its place in the pool; empty for the crawl's own."""
    apart: str = ""
    """Distinguishes it from requests that are equal otherwise; usually empty."""
    login: int = 0
    """The number of the login that it is a step of; 0: it is for a page."""
    step: int = 0
    """Its number in that login, from 1 on."""
    turned: bool = False
    """Whether a redirect has made a GET of it."""
    visit: Visit | None = None
    """Which visit of the page it is, in a crawl that visits pages again; None: the first one."""
    followed: bool = False
    """Whether its page has been parsed before it was lost, so that its links are on their way already."""

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again after it may have been processed."""
        return self.idempotent or self.method in SAFE

    @property
    def pooled(self) -> bool:
        """Whether its session is one of the pool, which a program has not named."""
        return self.session.startswith(POOLED)

    @property
    def by_url(self) -> bool:
        """Whether its URL alone tells it from others."""
        if self.method != "GET" or self.body or self.apart:
            return False
        return not self.session or self.pooled

    def identity(self, url: str) -> str:
        """The string that identifies it: method, URL, body, session. Headers and data do not count.

        A session of the pool counts for the steps of its login only.
        """
        if self.by_url:
            return url
        session = "" if self.pooled and not self.login else self.session
        parts = [self.body, session.encode(), self.apart.encode()]
        framed = b"".join(b"%d:%b" % (len(part), part) for part in parts)
        return f"{self.method} {url} {blake2b(framed, digest_size=_DIGEST_BYTES).hexdigest()}"

    def __repr__(self) -> str:
        """Show no body, header or data: they may hold a password, and a program prints its summary."""
        return f"<Request {self.method}, a body of {len(self.body)} bytes>"


PLAIN = Request()
"""A GET without anything."""


def returning(request: Request, cookies: str) -> Request:
    """The request of a redirect that comes back to its URL with other cookies, for which *cookies* stands."""
    return replace(request, apart=f"{before_return(request).apart}{_BACK}{cookies}")


def before_return(request: Request) -> Request:
    """The request as it was before `returning`."""
    return replace(request, apart=request.apart.partition(_BACK)[0])


def first_visit(request: Request) -> Request:
    """The request as it was on the first visit: without conditions."""
    if request.visit is None:
        return request
    headers = tuple(each for each in request.headers if each[0].lower() not in _CONDITIONS)
    return replace(request, headers=headers, visit=None, followed=False)
