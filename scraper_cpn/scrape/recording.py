"""Pages that were recorded for a program, and what its functions make of them now.

Owns: how a recorded page is written down, and the comparison.
Must not know: the command line, how pages are fetched.

A page is two files: its body as it came, and a description, `NAME.page.json`, with what the program made of it. No cookies and no
headers of requests are recorded.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Awaitable, Iterator
from hashlib import sha256
from mimetypes import guess_extension
from pathlib import Path
from typing import Any

import anyio
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.scrape.asking import packed
from scraper_cpn.scrape.colours import (
    Bad,
    Deferred,
    Extracted,
    Link,
    Parsed,
    ParseOutcome,
    Raw,
    Response,
    Target,
    Valid,
)
from scraper_cpn.scrape.hooks import Hooks, with_dropped
from scraper_cpn.scrape.items.bodies import Bodies
from scraper_cpn.scrape.items.validate import Validator
from scraper_cpn.scrape.pages.handlers import Handlers
from scraper_cpn.scrape.pages.parse import Parser
from scraper_cpn.scrape.policy import first_policy
from scraper_cpn.scrape.redact import of_body
from scraper_cpn.scrape.request import PLAIN, Request
from scraper_cpn.scrape.settings import Settings, UsageError

_NAME_CHARS_MAX = 60
_DESCRIPTION = ".page.json"
"""No body's name ends like this."""
_HIDDEN = frozenset({"set-cookie", "set-cookie2"})


class Made(Struct, frozen=True):
    """What a program makes of a page."""

    outcome: str = ""
    """Why its page failed, was dropped or is to be requested again; empty: it is kept."""
    items: list[Any] = []
    dropped: dict[str, int] = {}
    """How many items functions of the program dropped, by reason."""
    links: list[Any] = []
    """The links that the crawl would follow."""


class Recorded(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A recorded page: what a handler can see of it, in a form that outlives our records."""

    body: str
    """The file."""
    url: str
    requested_url: str
    site: str
    """With which the crawl compares links."""
    parent: str | None = None
    depth: int = 0
    handler: str = ""
    method: str = "GET"
    data: dict[str, Any] = {}
    """What its link carried, as JSON shows it."""
    carried: bytes = b""
    """The same, where JSON has no form for it."""
    status: int = 200
    reason: str = ""
    content_type: str = ""
    charset: str | None = None
    headers: list[tuple[str, str]] = []
    fetched_at_ns: int = 0
    made: Made

    @classmethod
    def of(cls, raw: Raw, body: str, made: Made) -> Recorded:
        """Return a page as it is recorded."""
        target, response = raw.target, raw.response
        carried = target.request.data
        data = msgspec.msgpack.decode(carried) if carried else {}
        shown = msgspec.to_builtins(data, str_keys=True)
        return cls(
            body=body,
            url=response.url,
            requested_url=target.requested_url,
            site=target.site,
            parent=target.parent,
            depth=target.depth,
            handler=target.handler,
            method=target.request.method,
            data=shown,
            carried=b"" if shown == data else carried,
            status=response.status,
            reason=response.reason,
            content_type=response.content_type,
            charset=response.charset,
            headers=[each for each in response.headers if each[0] not in _HIDDEN],
            fetched_at_ns=response.fetched_at_ns,
            made=made,
        )

    def raw(self, body: bytes, settings: Settings) -> Raw:
        """Return the page as if it had just come."""
        request = Request(method=self.method, data=self.carried or packed(self.data or None))
        link = Link(self.url, self.handler, request=None if request == PLAIN else request)
        target = first_policy(settings, [self.url], fed=False).frontier.seed(link)
        target = replace(
            target,
            requested_url=self.requested_url,
            site=self.site,
            parent=self.parent,
            depth=self.depth,
        )
        response = Response(
            url=self.url,
            status=self.status,
            content_type=self.content_type,
            charset=self.charset,
            body=body,
            fetched_at_ns=self.fetched_at_ns,
            elapsed_ns=0,
            headers=tuple(self.headers),
            reason=self.reason,
        )
        return Raw(target, response)


class PageRecorder(Bodies):
    """Takes pages from a crawl that runs, in place of what saves their bodies."""

    def __init__(self) -> None:
        self.raws: list[Raw] = []

    async def __aenter__(self) -> PageRecorder:
        """Begin."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End."""

    def refusal(self, raw: Raw) -> None:
        """Nothing is refused."""

    async def save(self, raw: Raw) -> None:
        """Take a page, unless it belongs to a login: it may hold what nobody else should see."""
        if not raw.target.request.login:
            self.raws.append(raw)


class Functions(Struct, frozen=True):
    """The functions that process a page: those of a program, and the check of its items."""

    handlers: Handlers | None
    hooks: Hooks
    validator: Validator
    settings: Settings


async def made_of(raws: list[Raw], by: Functions) -> list[Made]:
    """Return what a program makes of pages, without a network: `after`, its handler, item functions, validation."""
    found: list[Made] = []
    settings = by.settings
    for raw in raws:
        policy = first_policy(settings, [raw.target.requested_url], fed=False)
        parser = Parser(settings, policy.frontier.discover, by.handlers, after=by.hooks.after)
        async with parser:
            outcome = parser.parse(raw)
            done: ParseOutcome = await outcome if isinstance(outcome, Awaitable) else outcome
        if isinstance(done, Parsed):
            found.append(await _validated(raw, done, by))
        else:
            assert isinstance(done, Bad | Deferred), "it does not log in"
            found.append(Made(_failure_text(done)))
    return found


async def _validated(raw: Raw, parsed: Parsed, by: Functions) -> Made:
    extracted = await by.hooks.changed(Extracted(raw.target, parsed.items))
    if isinstance(extracted, Bad):
        return Made(_failure_text(extracted))
    valid = with_dropped(by.validator.validate(extracted), extracted)
    if not isinstance(valid, Valid):
        return Made(_failure_text(valid))
    troubles = [*valid.errors, *([] if parsed.trouble is None else [_failure_text(parsed.trouble)])]
    stop = [f"Stop: {parsed.stop}"] if parsed.stop else []
    return Made(
        "; ".join([*troubles, *stop]),
        [msgspec.to_builtins(item) for item in valid.items],
        dict(valid.dropped),
        [_link(target) for target in (*parsed.targets, *parsed.requests)],
    )


def _failure_text(outcome: Bad | Deferred) -> str:
    return (
        f"{outcome.kind}: {outcome.reason}"
        if isinstance(outcome, Bad)
        else f"retry: {outcome.reason}"
    )


def _link(target: Target) -> Any:
    """Return a link as it is written down: its URL, unless there is more to it."""
    asked = target.request
    more: dict[str, Any] = {"to": target.handler} if target.handler else {}
    if asked.method != "GET":
        more["method"] = asked.method
    if asked.body:
        more["body"] = of_body(asked.body.decode("utf-8", "replace"))
    if asked.data:
        more["data"] = msgspec.to_builtins(msgspec.msgpack.decode(asked.data))
    return {"url": target.url, **more} if more else target.url


def write(folder: Path, raw: Raw, made: Made) -> Path:
    """Record a page, in place of an earlier recording of it; return the file of its description. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    name = _name_of(raw)
    body = f"{name}{guess_extension(raw.response.content_type) or '.bin'}"
    (folder / body).write_bytes(raw.response.body)
    return _write(folder / f"{name}{_DESCRIPTION}", Recorded.of(raw, body, made))


def accept(file: Path, made: Made) -> None:
    """Record what a program makes of a page now as what is wanted. Raises `OSError`."""
    _write(file, replace(_read(file), made=made))


def recorded(folder: Path, settings: Settings) -> Iterator[tuple[Path, Raw, Made]]:
    """Yield the recorded pages of a folder: their files, the pages, and what was made of them.

    Raises `UsageError` for a file that is none.
    """
    for file in sorted(folder.glob(f"*{_DESCRIPTION}")):
        found = _read(file)
        try:
            body = (folder / Path(found.body).name).read_bytes()
        except OSError as error:
            raise UsageError(f"test: {file}: can't read its body: {error.strerror}") from None
        yield file, found.raw(body, settings), found.made


def difference(wanted: Made, made: Made) -> list[str]:
    """Return how two results differ, as the lines of a unified diff; none where they don't."""
    old, new = (_lines(each) for each in (wanted, made))
    return list(difflib.unified_diff(old, new, "recorded", "now", lineterm="", n=2))


def _lines(made: Made) -> list[str]:
    return msgspec.json.format(msgspec.json.encode(made), indent=2).decode().splitlines()


def _read(file: Path) -> Recorded:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Recorded)
    except OSError as error:
        raise UsageError(f"test: can't read {file}: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise UsageError(f"test: {file} is no recorded page: {error}; record it again") from None


def _write(file: Path, page: Recorded) -> Path:
    file.write_bytes(msgspec.json.format(msgspec.json.encode(page), indent=2) + b"\n")
    return file


def _name_of(raw: Raw) -> str:
    """Return a name for the files of a page: readable, and another one for each request."""
    identity = raw.target.request.identity(raw.target.url)
    words = re.sub(r"[^a-z0-9]+", "-", raw.target.url.partition("://")[2].lower()).strip("-")
    return f"{words[:_NAME_CHARS_MAX]}-{sha256(identity.encode()).hexdigest()[:8]}"


def replayed(raws: list[Raw], by: Functions) -> list[Made]:
    """As `made_of`, for callers without an event loop."""
    return anyio.run(made_of, raws, by)
