"""Sessions: those of a pool, and the login of one, its steps and the news about it.

Owns: these types.
"""

from typing import Literal

from msgspec import Struct

from scraper_cpn.scrape.colours.targets import Target
from scraper_cpn.scrape.request import POOLED


class PooledSession(Struct, frozen=True, gc=False):
    """The token of a session of the pool: a firing that takes it may start one request in it."""

    session: str
    """The name of its place in the pool, or its own if a program has named it."""
    generation: int = 1
    """How many sessions have had this place."""
    errors: int = 0
    """In a row."""
    calm: int = 0
    """Requests started since the last error, up to 2."""
    proxy: str = ""
    """The name of the proxy that it keeps; empty if it takes any."""

    @property
    def pooled(self) -> bool:
        """Whether another one may take its place."""
        return self.session.startswith(POOLED)

    @property
    def jar(self) -> str:
        """The name of its jar."""
        return f"{self.session}.{self.generation}" if self.pooled else self.session

    @property
    def before(self) -> str:
        """The jar of the session whose place it has taken."""
        return f"{self.session}.{self.generation - 1}"


class SessionFault(Struct, frozen=True, gc=False):
    """A session has met an error."""

    session: str
    generation: int
    calm: int = 0
    """`PooledSession.calm` when the request that met it was started."""


class LoginStep(Struct, frozen=True, gc=False):
    """A page of a login leads to the next one."""

    target: Target


class LoggedIn(Struct, frozen=True, gc=False):
    """The last page of a login has come."""


class LoggedOut(Struct, frozen=True, gc=False):
    """A page that asks for a login came instead of one that needs it."""

    refused: bool = False
    """Whether its status says that the request was not processed (RFC 9110 section 15.5.2)."""


class Login(Struct, frozen=True, gc=False):
    """A session of a crawl with a login."""

    gate: str
    """That of its pages."""
    session: str = ""
    """Its name."""
    number: int = 0
    """Of its login, from 1 on."""
    state: Literal["out", "going", "in", "failed"] = "out"


ANY_LOGIN = 0
"""The number in news about whichever login a session has, done or under way."""


class LoginNews(Struct, frozen=True, gc=False):
    """News about a login."""

    gate: str
    number: int
    """Of the login that it is about, or `ANY_LOGIN`."""
    state: Literal["out", "in", "failed"]


class LoginChanged(Struct, frozen=True, gc=False):
    """The news is new: the session is logged in, or logged out."""


class LoginBroken(Struct, frozen=True, gc=False):
    """The login has failed, and is not tried again."""


class LoginStale(Struct, frozen=True, gc=False):
    """The news is about an earlier login."""


Hearing = LoginChanged | LoginBroken | LoginStale
