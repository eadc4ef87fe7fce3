"""Keys of the gateway and the console: how they are made, and what is kept of them.

A key is `cg_ID_SECRET`: eight characters that find its line in the keys file, and 256 random bits. What is kept is the
SHA-256 of the whole. A slow hash (scrypt, argon2) protects passwords that people choose, by making guesses dear; 256
random bits cannot be guessed at any price, and a slow hash would cost each request a tenth of a second.
"""

from __future__ import annotations

import hmac
import re
import secrets
from hashlib import sha256

__all__ = ["hash_of", "id_of", "is_key", "matches", "new_key"]

_KEY = re.compile(r"cg_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")


def new_key() -> str:
    """A key that nobody else has."""
    return f"cg_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"


def is_key(text: str) -> bool:
    """Whether a text has the form of a key."""
    return _KEY.fullmatch(text) is not None


def id_of(key: str) -> str:
    """The part that finds its line; "" if it is no key."""
    match = _KEY.fullmatch(key)
    return match[1] if match else ""


def hash_of(key: str) -> str:
    """What is kept of a key: 64 hex digits."""
    return sha256(key.encode()).hexdigest()


def matches(key: str, kept: str) -> bool:
    """Whether a key is the one that this was kept of; it takes as long whether or not."""
    return hmac.compare_digest(hash_of(key), kept)
