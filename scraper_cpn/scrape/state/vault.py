"""The cookies of a crawl in its state, encrypted, so that it is still logged in when it is resumed.

Owns: the user's key and where it comes from, what is written of the jars, and how often.
Must not know: what a cookie is, SQL, the net.

Fernet (AES-128-CBC with HMAC-SHA256, of `cryptography`) encrypts; its key is made of the user's by scrypt, with a salt
in the state. The key itself is in no state, log or message.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import msgspec

from scraper_cpn.scrape.redact import remember
from scraper_cpn.scrape.settings import SECOND, Settings, UsageError
from scraper_cpn.scrape.state.metadata import read_value

VARIABLE = "SCRAPE_KEY"
"""The environment variable with the user's key."""
JARS, _SALT = "jars", "jars_salt"
"""The values in the metadata of a state."""
KEY_CHARS_MIN = 16
WRITTEN_EVERY_NS = SECOND
"""Jars are written at most so often while a crawl runs, and at its end: they are written whole."""
_SERVICE, _USER = "scraper_cpn", "state key"
"""Under which names the system's keyring has the key."""
_SCRYPT = {"length": 32, "n": 2**14, "r": 8, "p": 1}
_INSTALL = "pip install 'scraper-cpn[keep]'"

Jars = Mapping[str, list[Any]]
"""What a jar holds, by the name of its session."""


class Vault:
    """Encrypts the jars of a crawl.

    Attributes:
        jars: those that an earlier process has left.
    """

    def __init__(self, key: str, metadata: Mapping[str, bytes]) -> None:
        self._salt = base64.b64decode(_read(metadata, _SALT)) or os.urandom(16)
        self._fernet = _fernet(key, self._salt)
        self.jars: Jars = self._opened(_read(metadata, JARS))
        self._version, self._written_ns = 0, 0

    def metadata(
        self, version: int, jars: Callable[[], Jars], now_ns: int, *, last: bool
    ) -> list[tuple[str, bytes]]:
        """Return what a state records of the jars; nothing, unless they have changed.

        Args:
            version: grows with each change of a jar.
            jars: returns what they hold.
            now_ns: the time.
            last: whether nothing will be recorded after it.
        """
        if version == self._version or not (last or now_ns >= self._written_ns + WRITTEN_EVERY_NS):
            return []
        self._version, self._written_ns = version, now_ns
        token = self._fernet.encrypt(msgspec.msgpack.encode(jars()))
        return [(_SALT, _text(base64.b64encode(self._salt))), (JARS, _text(token))]

    def _opened(self, token: str) -> Jars:
        from cryptography.fernet import InvalidToken

        if not token:
            return {}
        try:
            return msgspec.msgpack.decode(self._fernet.decrypt(token), type=dict[str, list[Any]])
        except (InvalidToken, msgspec.MsgspecError):
            raise UsageError(
                f"keep-cookies: the key is not the one with which the cookies of this state were encrypted; "
                f"give that one in {VARIABLE}, or go on without them: keep-cookies = false in a file for --config"
            ) from None


def vault_of(settings: Settings, metadata: Mapping[str, bytes]) -> Vault | None:
    """Return what encrypts the jars of a crawl, whose state has such *metadata*; None if none are kept.

    Raises `UsageError` where there is no key, or another one than before.
    """
    return Vault(_key(), metadata) if settings.keep_cookies else None


def forgotten(metadata: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """Return what a state records of jars that are not kept any more."""
    return [(JARS, b'""')] if _read(metadata, JARS) else []


def _key() -> str:
    key = os.environ.get(VARIABLE) or _from_keyring()
    if not key:
        raise UsageError(
            f"keep-cookies: there is no key; set {VARIABLE} to a text of {KEY_CHARS_MIN} characters or more, "
            f"or keep one in the system's keyring: keyring set {_SERVICE} '{_USER}'"
        )
    remember(key)
    if len(key) < KEY_CHARS_MIN:
        raise UsageError(
            f"keep-cookies: the key is too short; give at least {KEY_CHARS_MIN} characters in {VARIABLE}"
        )
    return key


def _from_keyring() -> str | None:
    """Return the key in the system's keyring; None where there is no keyring, or no key in it."""
    try:
        keyring: Any = import_module("keyring")
    except ImportError:
        return None
    try:
        found = keyring.get_password(_SERVICE, _USER)
    except Exception:  # noqa: BLE001 - each system's keyring fails in its own way
        return None
    return found if isinstance(found, str) else None


def _fernet(key: str, salt: bytes) -> Any:
    try:
        from cryptography.fernet import Fernet
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
    except ImportError:
        raise UsageError(f"keep-cookies needs the package cryptography: {_INSTALL}") from None
    made = Scrypt(salt=salt, **_SCRYPT).derive(key.encode("utf-8", "surrogateescape"))
    return Fernet(base64.urlsafe_b64encode(made))


def _read(metadata: Mapping[str, bytes], name: str) -> str:
    return read_value(metadata, name, str, b'""')


def _text(value: bytes) -> bytes:
    return msgspec.json.encode(value.decode())
