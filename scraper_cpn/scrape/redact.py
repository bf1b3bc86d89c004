"""Text for messages, made of what a user gave: without secrets.

Owns: what of a text may be a secret, and how it is hidden. Every message that repeats an option, a URL or a line
of a file makes its text by `shown`; what a library says of an error goes through `redacted`.
Must not know: which options there are, where a message goes.
"""

import re

HARMLESS_HEADERS = frozenset(
    {"accept", "accept-language", "cache-control", "dnt", "from", "pragma", "referer"}
)
"""Headers that may be shown and written down; any other may hold a secret."""

HIDDEN = "***"
_SHOWN_CHARS_MAX = 200
_SECRET_CHARS_MIN = 6
"""A shorter secret is not looked for in other texts: it would be found in the middle of words."""

_START = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9+.-]*:[/\\]+|[/\\]{2,})")
"""Of a URL: all before its user, password and host."""
_WITHIN = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*:[/\\]+|[/\\]{2,})[^/\\?#'\"@]*@|(?<![^\s'\"(=])(?!mailto:)[^\s@/\\'\"]*:[^\s@/\\'\"]+@"
)
"""User and password within a sentence: as far as a URL may go."""
_SOLD = re.compile(r"((?:[\w-]+\.)+[\w-]+:\d{1,5}):[^\s:]+:\S+")
"""A proxy as lists are sold: host:port:user:password."""
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\s\x00].*", re.DOTALL)
_QUERY = re.compile(
    r"([?&;][\w.-]*(?:auth|key|passw|pwd|secret|session|sig|token)[\w.-]*=)[^&;#\s]+", re.IGNORECASE
)
_SCHEME = re.compile(r"(?i)\b(bearer|basic|digest|negotiate)\s+[^\s,;]+")

_remembered = set[str]()
"""The secrets of this process, so that no text of a library shows one."""


def remember(secret: str) -> None:
    """Hide a secret in all texts from now on; for the value of a header, or a password."""
    _remembered.update(part for part in (secret, *secret.split()) if len(part) >= _SECRET_CHARS_MIN)


def shown(value: object, most: int = _SHOWN_CHARS_MAX) -> str:
    """Return the `repr` of what a user gave, for a message: cut after *most* characters, without secrets.

    Hidden are the user and password of a URL or a proxy however malformed it is, the value of a header, and
    the value of a part of a query such as `token=`.
    """
    if not isinstance(value, str):
        return redacted(repr(value)[:most])
    text = hidden(value)
    return repr(text if len(text) <= most else f"{text[:most]}...")


def hidden(text: str) -> str:
    """Return a text that a user gave, without secrets; see `shown`."""
    found = _HEADER.fullmatch(text.strip())
    if found and found[1].lower() not in HARMLESS_HEADERS:
        return f"{found[1]}: {HIDDEN}"
    return redacted(_QUERY.sub(rf"\1{HIDDEN}", _without_userinfo(text)))


def _without_userinfo(text: str) -> str:
    """Hide what may be a user and a password, or a token, before the last @ of a text."""
    found, at = _START.match(text), text.rfind("@")
    start = found.end() if found else 0
    before, after = text[start:at], text[at + 1 :]
    if at < start or text.lstrip().lower().startswith("mailto:"):
        return text
    alone = found and not re.search(r"[/\\?#]", before)
    if ":" in before or alone or re.match(r"\S+:\d", after):
        return f"{text[:start]}{HIDDEN}@{after}"
    return text


def redacted(text: str) -> str:
    """Return a sentence or a traceback without the secrets that are known or look like ones."""
    for secret in sorted(_remembered, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _WITHIN.sub(lambda match: f"{match[1] or ''}{HIDDEN}@", text)
    text = _SOLD.sub(rf"\1:{HIDDEN}", text)
    return _SCHEME.sub(rf"\1 {HIDDEN}", text)
