"""Secrets that are planted in texts, and the many forms in which one may stand there.

All of them are made up; the card, IBAN and key numbers are those that documentation uses.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

from hypothesis import strategies as st

__all__ = ["FORMS", "SECRETS", "leaks", "planted"]

_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
#: Kind -> secrets of it.
SECRETS: dict[str, tuple[str, ...]] = {
    "email": ("anna.berg@example.org", "o'neil+spam@mail.example.co.uk"),
    "phone": ("+49 30 901820", "+1 (212) 555-0123", "0171 2345678", "212-555-0123", "+4915112345678"),
    "card": ("4111 1111 1111 1111", "5555555555554444", "3782-822463-10005", "6011111111111117", "30569309025904"),
    "iban": ("DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819", "fr1420041010050500013M02606"),
    "openai_key": ("sk-proj-Q8zXw0v2rTn6JdKfLm3sYb", "sk-T3BlbkFJa1b2c3d4e5f6g7h8"),
    "anthropic_key": ("sk-ant-api03-Xy9ZkQ2mNpR4sT6uVwB8",),
    "aws_key": ("AKIAIOSFODNN7EXAMPLE",),
    "aws_secret": ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",),
    "google_key": ("AIzaSyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",),
    "azure_key": (
        "api-key: 0123456789abcdef0123456789abcdef",
        "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0U1v2W3x4Y5z6JQQJ99BAACAAAAAAAAAAAAASAZDOabcd",
    ),
    "github_token": ("ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuv"),
    "slack_token": ("xoxb-123456789012-abcdefGHIJKL",),
    "stripe_key": ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "rk_test_4eC39HqLyjWDarjtT1zdp7dc"),
    "huggingface_token": ("hf_aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH",),
    "jwt": (_JWT,),
    "private_key": ("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----",),
    "token": ("Bearer q1w2e3r4t5y6u7i8o9p0",),
    "password": ("postgresql://svc:tops3cret@db.internal/x", "password=correcthorsebattery"),
}


def _zero_width(text: str) -> str:
    return "\u200b".join(text)


def _soft_hyphens(text: str) -> str:
    return "\u00ad".join(text[at : at + 3] for at in range(0, len(text), 3))


def _fullwidth(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


def _arabic_digits(text: str) -> str:
    return "".join(chr(0x0660 + int(char)) if char in "0123456789" else char for char in text)


def _combining(text: str) -> str:
    return "".join(f"{char}\u0336" for char in text)


def _html_split(text: str) -> str:
    middle = len(text) // 2
    return f"{text[:middle]}<b class='x'>{text[middle : middle + 1]}</b>{text[middle + 1 :]}"


def _markdown_split(text: str) -> str:
    return f"{text[:5]}**{text[5:8]}**{text[8:]}"


def _entities(text: str) -> str:
    return "".join(f"&#{ord(char)};" if not char.isalnum() else char for char in text)


def _json_escaped(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


#: The ways in which a secret may be written.
FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "zero width": _zero_width,
    "soft hyphens": _soft_hyphens,
    "fullwidth": _fullwidth,
    "digits of another script": _arabic_digits,
    "struck through": _combining,
    "split by tags": _html_split,
    "split by Markdown": _markdown_split,
    "HTML entities": _entities,
    "JSON escapes": _json_escaped,
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps({"key": text})),
    "URL": lambda text: quote(text, safe=""),
    "colours": lambda text: f"\x1b[1m{text[:4]}\x1b[31m{text[4:]}\x1b[0m",
}

_WORDS = st.sampled_from(["", "the caller said", "error 429:", "数据", "see (", '{"a": ', "50 %"])


@st.composite
def planted(draw: st.DrawFn) -> tuple[str, str, str]:
    """A text with a secret in it, the secret, and its kind."""
    kind = draw(st.sampled_from(sorted(SECRETS)))
    secret = draw(st.sampled_from(SECRETS[kind]))
    form = FORMS[draw(st.sampled_from(sorted(FORMS)))]
    return f"{draw(_WORDS)} {form(secret)} {draw(_WORDS)}".strip(), secret, kind


# What only names a secret, or stands behind it.
_NAMES = re.compile(r".*(?:: |=|://|Bearer |-----B)|@db.*|.* = ")


def leaks(text: str, secret: str) -> bool:
    """Whether a good part of the secret can still be read in the text: any eight of its letters and digits in a row,
    however they are written, beyond the words that only name it."""
    core = _letters(_NAMES.sub("", secret))
    seen = _letters(text)
    length = min(8, len(core))
    return any(core[at : at + length] in seen for at in range(len(core) - length + 1))


def _letters(text: str) -> str:
    """Letters and digits alone, unescaped, folded."""
    for _ in range(3):
        text = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), text)
        text = re.sub(r"&#(\d+);", lambda m: chr(int(m[1])), text)
        text = re.sub(r"%([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), text)
    text = re.sub(r"<[^>]*>|\x1b\[[0-9]*m|\\n", "", text)
    folded = unicodedata.normalize("NFKC", text)
    return "".join(
        str(unicodedata.digit(c)) if c.isdigit() else c for c in folded if (c.isascii() and c.isalnum()) or c.isdigit()
    )
