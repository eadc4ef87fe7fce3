"""Patterns take time linear in a text, however hostile it is: counted in steps, not in seconds."""

import re
from importlib import import_module
from itertools import product

import pytest

from callgauge.redaction.token_formats import FORMATS
from tests.regex_steps import Steps

MODULES = ("cards", "email", "folding", "ibans", "markup", "numbers", "phones", "redactor", "tokens")
PATTERNS = {
    f"{module}.{name}": pattern
    for module in MODULES
    for name, pattern in vars(import_module(f"callgauge.redaction.{module}")).items()
    if isinstance(pattern, re.Pattern)
    and name not in ("_DATE", "_ISSUED", "_NOTHING", "_ID")  # these are tried at one place only
} | {f"{form.kind}.{number}": form.pattern for number, form in enumerate(FORMATS)}

#: Beginnings of what is looked for, of which hostile texts are made.
SEEDS = (
    *(
        "a",
        "1",
        "1 ",
        "a@",
        "a@b.",
        "@",
        "<a",
        "<",
        "[b=",
        "*",
        "\\",
        "\\u00",
        "&a",
        "%4",
        "+1(",
        "0(1",
        "(212) ",
        "://a:",
    ),
    *(
        "DE89 ",
        "password=",
        "api-key: ",
        "-----BEGIN ",
        "-----BEGIN A PRIVATE KEY-----",
        "eyJ",
        "eyJaaaaaaaa.",
        "\x1b[1;",
    ),
)
#: Steps per character. A pattern looks at each character a few times, and at most so far ahead as its longest bounded
#: part reaches; the square of the text's length would be far more.
MOST = 75


def hostile(pattern: re.Pattern[str], length: int) -> list[str]:
    own = re.match(r"[A-Za-z0-9_-]*", re.sub(r"^\(\?.*?\)|\\b|\\", "", pattern.pattern))
    seeds = [*SEEDS, *([own[0]] if own and own[0] else [])]
    texts = [seed * (length // len(seed)) for seed in seeds]
    return [*texts, *((seed + filler * length)[:length] for seed, filler in product(seeds[-1:], "aA1-_. /"))]


@pytest.mark.parametrize("name", PATTERNS)
def test_steps_are_linear(name: str) -> None:
    """No text makes a pattern look at its characters more than a fixed number of times."""
    for text in hostile(PATTERNS[name], 240):
        steps = Steps(PATTERNS[name], text)
        steps.spans()
        assert steps.count <= MOST * len(text), f"{steps.count} steps for {text[:40]!r}..."


@pytest.mark.parametrize("pattern", [r"[\w.]+@", r"a.*b", r"(?:a|b)+c"])
def test_a_slow_pattern_is_found(pattern: str) -> None:
    """The count tells a pattern that takes the square of the length."""
    steps = Steps(re.compile(pattern), "a" * 240)
    steps.spans()
    assert steps.count > MOST * 240


@pytest.mark.parametrize("name", PATTERNS)
def test_the_count_finds_what_re_finds(name: str) -> None:
    """The engine that counts is the engine that is used."""
    texts = [
        "mail <b>a.b@c.org</b> or +49 (30) 1234567, 0171 2345678, (212) 555-0123 for 4111 1111-1111 1111",
        "DE89 3704 0044 0532 0130 00 \\u0040 %40 &#64; -----BEGIN RSA PRIVATE KEY----- x -----END RSA PRIVATE KEY-----",
        "password: hunter22 postgres://u:p@h/ Bearer abcdefghijklmnop0123 eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl",
        "sk-proj-0123456789abcdefghij AKIAIOSFODNN7EXAMPLE AIza" + "x" * 35 + " ghp_" + "y" * 36 + " hf_" + "z" * 34,
    ]
    for text in texts:
        expected = [match.span() for match in PATTERNS[name].finditer(text)]
        assert Steps(PATTERNS[name], text).spans() == expected
