"""Addresses of states on PostgreSQL: `postgres://user@host:5432/database?name=books`.

Owns: telling an address from a path, the state's name in it, and what of it may be shown.
Must not know: connections, tables.

An address is a connection URI as `psql` takes it, with one parameter of our own: `name`, the state's name
in the database. All else is the driver's to read, as are `PGPASSWORD`, `PGHOST`, ..., and `~/.pgpass`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from scraper_cpn.store.port import StoreError

SCHEMES = ("postgres", "postgresql")
NAME = "main"
"""The name of a state whose address gives none."""
NAME_CHARS_MAX = 100
_SECRET = ("password", "sslpassword")


@dataclass(frozen=True)
class Address:
    """Where a state on PostgreSQL is.

    Attributes:
        dsn: for the driver; it may hold a password, and is never shown.
        name: of the state in the database.
        text: the address without passwords.
    """

    dsn: str = field(repr=False)
    name: str
    text: str

    def __str__(self) -> str:
        return self.text


def is_address(text: str) -> bool:
    """Whether *text* is meant as an address of a database, not as the path of a file."""
    return text.partition("://")[0].lower() in SCHEMES and "://" in text


def address_of(text: str) -> Address:
    """Read an address. Raises `StoreError` ("foreign"), whose message has no password."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  (it is read, and refused, only when it is asked for)
        given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise StoreError(
            "foreign",
            f"{_scheme(text)}://...: not an address of a database ({_plain(error)}); "
            "give postgres://user@host:5432/database?name=books",
        ) from None
    names = [value for key, value in given if key == "name"]
    name = names[-1] if names else NAME
    rest = [(key, value) for key, value in given if key != "name"]
    shown = [pair for pair in rest if pair[0] not in _SECRET] + [("name", name)] * bool(names)
    user = parts.netloc.rpartition("@")[0].partition(":")[0]
    where = parts.netloc.rpartition("@")[2]
    netloc = f"{user}@{where}" if user else where
    address = urlunsplit((parts.scheme, netloc, parts.path, urlencode(shown, safe="/"), ""))
    _check_name(name, address)
    return Address(_joined(parts.netloc, parts.path, rest), name, _with_slashes(address, netloc))


def _check_name(name: str, address: str) -> None:
    if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
        raise StoreError(
            "foreign",
            f"{quote(address, safe='/:?=&@%')}: its name must have 1 to {NAME_CHARS_MAX} printable characters",
        )


def _joined(netloc: str, path: str, given: list[tuple[str, str]]) -> str:
    query = urlencode(given, safe="/")
    return f"postgresql://{netloc}{path}" + (f"?{query}" if query else "")


def _with_slashes(address: str, netloc: str) -> str:
    """The address with both slashes, which `urlunsplit` leaves out if no host is given."""
    scheme, _, rest = address.partition(":")
    return address if netloc else f"{scheme}://{rest.removeprefix('//')}"


def _scheme(text: str) -> str:
    return text.partition("://")[0]


def _plain(error: ValueError) -> str:
    """The error, unless it repeats a part of the address, which may be a password."""
    said = str(error)
    known = "Port could not be cast", "Port out of range", "bad query field", "Invalid IPv6"
    return next((each for each in known if said.startswith(each)), "it can't be read")
