"""Sending a form as a browser does (HTML Standard, section 4.10.22).

Owns: where a form is sent, by which method, and how its entries are encoded.
Must not know: which controls there are, how requests are made.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from mimetypes import MimeTypes
from typing import TYPE_CHECKING, Any, Unpack

from scraper_cpn.scrape.asking import LinkOptions
from scraper_cpn.scrape.colours import Link
from scraper_cpn.scrape.pages.controls import (
    Control,
    Entry,
    File,
    controls_of,
    entries,
    field_names,
)
from scraper_cpn.scrape.pages.elements import To, handler_name, made
from scraper_cpn.scrape.pages.encodings import UTF_8, UTF_16, encoded, encoding_named
from scraper_cpn.scrape.pages.tree import Node
from scraper_cpn.scrape.request import FORM_TYPE, MULTIPART

if TYPE_CHECKING:
    from scraper_cpn.scrape.pages.page import Page

_PLAIN = "text/plain"
_BYTES = "application/octet-stream"
_TYPES = MimeTypes()
"""Of files, by the ends of their names: the same on every machine."""
_NEWLINE = re.compile(r"\r\n|\r|\n")
_KEPT = frozenset(b"*-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_FORM_BYTES = [chr(byte) if byte in _KEPT else f"%{byte:02X}" for byte in range(256)]
_FORM_BYTES[0x20] = "+"


class Form:
    """A form of a page, with what a program has filled in. It never changes: `fill` returns another one."""

    def __init__(
        self,
        page: Page,
        node: Node,
        filled: dict[str, Any] | None = None,
        controls: list[Control] | None = None,
    ) -> None:
        self._page = page
        self._node = node
        self._filled = filled or {}
        self._controls = controls_of(page.tree, node) if controls is None else controls

    @property
    def fields(self) -> list[str]:
        """The names of its fields, in the order of the page."""
        return field_names(self._controls)

    def fill(self, values: dict[str, Any] | None = None, **fields: Any) -> Form:
        """Return the form with these values; what is not named keeps what the page has in it.

        A text goes into a field as it is; True and False tick a checkbox; a radio button, a list and several checkboxes
        take the values that are chosen; a file is a pair of its name and its bytes (a list of pairs where the field
        takes several); None leaves the field out.
        `submit` raises `ValueError` for what the form does not have.
        """
        filled = {**self._filled, **(values or {}), **fields}
        return Form(self._page, self._node, filled, self._controls)

    def submit(
        self,
        to: To = None,
        press: str | bool = True,
        priority: int = 0,
        **options: Unpack[LinkOptions],
    ) -> Link:
        """Return the link that sends the form.

        Args:
            to: the handler of the page that comes back.
            press: the button: its name, value, id or text. True: the first one; False: none, as scripts do.
            priority: as of any link.
            options: as of `Page.link`; a body is the form's own.

        Raises:
            ValueError: there is no such field, choice or button, the form would send a password in its URL, or is not sent at all.
        """
        pressed = self._pressed(press)
        charset = self._charset()
        found = entries(self._controls, self._filled, pressed, charset)
        action, method, kind = (
            self._attribute(name, pressed) for name in ("action", "method", "enctype")
        )
        if method.lower() == "dialog":
            raise ValueError(
                "a browser sends nothing for this form or button (its method is dialog); press another button"
            )
        url = self._page.absolute(action) if action else self._page.url
        if url is None:
            return Link("")
        if method.lower() != "post":
            self._refuse_passwords(found)
            url = f"{url.partition('#')[0].partition('?')[0]}?{_urlencoded(found, charset)}"
            return made(Link(url, handler_name(to), priority, **options), to)
        body, content_type = _written(kind.lower(), found, charset)
        given = options.pop("headers", None) or {}
        pairs = list(given.items() if isinstance(given, dict) else given)
        headers = [*pairs, ("Content-Type", content_type)]
        sending: LinkOptions = {**options, "method": "POST", "body": body, "headers": headers}
        return made(Link(url, handler_name(to), priority, **sending), to)

    def _attribute(self, name: str, pressed: Control | None) -> str:
        """What the pressed button says, or else the form."""
        own = None if pressed is None else pressed.attrs.get(f"form{name}")
        return (self._page.tree.attribute(self._node, name) or "" if own is None else own).strip()

    def _refuse_passwords(self, found: list[Entry]) -> None:
        """Raise `ValueError` for a password in the URL of a GET: logs, states and messages show URLs."""
        hidden = {each.name for each in self._controls if each.is_password}
        named = next((name for name, value in found if value and name in hidden), None)
        if named is not None:
            raise ValueError(
                f"the form would send its field {named!r} in the URL (its method is get), where logs and states show it; "
                "leave it out, or send a POST: page.link(URL, form={...})"
            )

    def _pressed(self, press: str | bool) -> Control | None:
        buttons = [each for each in self._controls if each.submits and not each.disabled]
        if isinstance(press, bool):
            return buttons[0] if press and buttons else None
        found = next((each for each in buttons if press in each.names), None)
        if found is None:
            known = ", ".join(min(each.names, key=len) for each in buttons if each.names)
            raise ValueError(
                f"the form has no button {press!r}; it has: {known or 'none with a name'}"
            )
        return found

    def _charset(self) -> str:
        """The encoding in which the form is sent: UTF-8 in place of UTF-16, which no form is sent in."""
        labels = (self._page.tree.attribute(self._node, "accept-charset") or "").split()
        named = next((name for name in map(encoding_named, labels) if name), self._page.encoding)
        return UTF_8 if named in UTF_16 or named == "replacement" else named

    def __repr__(self) -> str:
        return f"<Form of {self._page.url}: {', '.join(self.fields)}>"


def _written(kind: str, found: list[Entry], charset: str) -> tuple[bytes, str]:
    """Return the body of a form, and its Content-Type."""
    if kind == MULTIPART:
        return _multipart(found, charset)
    if kind == _PLAIN:
        lines = "".join(f"{name}={_name_of(value)}\r\n" for name, value in found)
        return encoded(_lines(lines), charset), _PLAIN
    return _urlencoded(found, charset).encode(), FORM_TYPE


def _urlencoded(found: list[Entry], charset: str) -> str:
    pairs = [(name, _name_of(value)) for name, value in found]
    return "&".join(
        f"{_escaped(name, charset)}={_escaped(value, charset)}" for name, value in pairs
    )


def _escaped(text: str, charset: str) -> str:
    return "".join(map(_FORM_BYTES.__getitem__, encoded(_lines(text), charset)))


def _multipart(found: list[Entry], charset: str) -> tuple[bytes, str]:
    """Return the parts (RFC 7578); the same form has the same boundary, so that it is known as the same request."""
    parts = []
    for name, value in found:
        head = f'Content-Disposition: form-data; name="{_quoted(_lines(name))}"'
        if isinstance(value, File):
            media = _TYPES.guess_type(value.name)[0] or _BYTES
            head += f'; filename="{_quoted(value.name)}"\r\nContent-Type: {media}'
            body = value.body
        else:
            body = encoded(_lines(value), charset)
        parts.append(encoded(head, charset) + b"\r\n\r\n" + body + b"\r\n")
    boundary = f"form-{blake2b(b''.join(parts), digest_size=16).hexdigest()}"
    line = f"--{boundary}\r\n".encode()
    body = b"".join(line + part for part in parts) + f"--{boundary}--\r\n".encode()
    return body, f"{MULTIPART}; boundary={boundary}"


def _name_of(value: str | File) -> str:
    return value.name if isinstance(value, File) else value


def _lines(text: str) -> str:
    return _NEWLINE.sub("\r\n", text)


def _quoted(name: str) -> str:
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
