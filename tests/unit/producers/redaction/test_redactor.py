"""Personal data and secrets are replaced, whatever form they have, and nothing else is."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import given

from callgauge.redaction.configured import redact
from callgauge.redaction.finding import Finding
from callgauge.redaction.redactor import FAILED, Redactor
from tests.secrets_planted import FORMS, SECRETS, leaks, planted

EACH = [(kind, secret) for kind, secrets in SECRETS.items() for secret in secrets]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("kind", "secret"), EACH)
def test_each_secret_is_replaced_in_each_form(kind: str, secret: str, form: str) -> None:
    """A secret between words becomes its kind, and nothing of it is left."""
    text, counts = Redactor().counted(f"before {FORMS[form](secret)} after")
    assert not leaks(text, secret)
    assert counts == {kind: 1}
    assert f"[{kind}]" in text
    assert text.startswith("before ")
    assert text.endswith(" after")


@given(planted())
def test_nothing_of_a_planted_secret_is_left(case: tuple[str, str, str]) -> None:
    """Whatever stands around it."""
    text, secret, _ = case
    assert not leaks(redact(text), secret)


@given(planted())
def test_what_is_redacted_stays_as_it_is(case: tuple[str, str, str]) -> None:
    """To redact twice is to redact once."""
    once = redact(case[0])
    assert redact(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "gpt-4o-2024-08-06",
        "us.anthropic.claude-sonnet-4-20250514-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-3",
        "Rate limit reached: Limit 30000, Used 29850, Requested 1000. Please try again in 1.7s.",
        "max_tokens=1234567890123",
        "2026-11-28T11:17:12.123456Z, 01.02.2026 10:11:12, 1764328632123456789",
        "req_011CSHoEeqs5C35K2UUqR7Fy",
        "connect to 10.20.30.40:9092 failed after 3.14159265358979 s",
        "4111 1111 1111 1112",
        "GB28NWBK60161331926819",
        "0123456789abcdef0123456789abcdef",
        "00f067aa0ba902b7",
        "task-management-and-scheduling-service",
        "user@localhost",
        "https://api.openai.com/v1/chat/completions?x=1",
        "the password is wrong",
        "eyJ is how a token begins",
        "a < b and c > d, 5 * 3 = 15 ~ 20 [sic]",
        r"C:\users\name\new.txt",
        "100% & more; 50%25",
        "日本語のテキスト, привет, café",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """Names of models, times, numbers, addresses of services and prose hold no secret."""
    assert redact(text) == text


def test_secrets_beside_each_other_are_told_apart() -> None:
    """Each is replaced by its own kind, and counted."""
    text, counts = Redactor().counted("a@b.org,c@d.org;4111111111111111 sk-ant-api03-Xy9ZkQ2mNpR4sT6uVwB8")
    assert text == "[email],[email];[card] [anthropic_key]"
    assert counts == {"email": 2, "card": 1, "anthropic_key": 1}


def test_a_card_is_found_among_other_numbers() -> None:
    """Groups of digits before and behind it do not hide it."""
    assert redact("row 42 4111 1111 1111 1111 7 done") == "row 42 [card] 7 done"


def test_json_stays_json() -> None:
    """What is replaced inside of JSON text keeps its quotes."""
    text = json.dumps({"user": {"mail": "anna@example.org", "card": "4111-1111-1111-1111"}, "n": [1, 2]})
    assert json.loads(redact(text)) == {"user": {"mail": "[email]", "card": "[card]"}, "n": [1, 2]}


def test_a_private_key_that_was_cut_is_replaced_to_the_end() -> None:
    """Its last line may be missing."""
    assert redact("key: -----BEGIN EC PRIVATE KEY-----\\nMHcCAQEEIB") == "key: [private_key]"


def test_nested_values_are_redacted() -> None:
    """In mappings, their names, lists, tuples, sets and bytes; numbers stay."""
    mail = "anna@example.org"
    value = {"a": [mail, {"b": (mail, 1, None)}], mail: {mail}, "c": mail.encode(), "d": 2.5}
    assert Redactor().value(value) == {
        "a": ["[email]", {"b": ["[email]", 1, None]}],
        "[email]": ["[email]"],
        "c": "[email]",
        "d": 2.5,
    }


def test_a_value_that_holds_itself_is_not_followed_for_ever() -> None:
    """What is nested too deep is replaced."""
    value: list[object] = []
    value.append(value)
    assert FAILED in str(Redactor().value(value))


@dataclass
class Badge:
    """Finds badge numbers."""

    def find(self, text: str) -> list[Finding]:
        at = text.find("badge-")
        return [Finding(at, at + 10, "badge")] if at >= 0 else []


def test_further_recognisers_see_the_folded_text() -> None:
    """So that they need not know of zero-width characters and markup."""
    assert Redactor([Badge()]).text("my bad\u200bge-<i>12</i>34!") == "my [badge]!"


def test_a_hook_has_the_last_word() -> None:
    """It is given the redacted text, and what it changes is counted."""
    seen: list[str] = []

    def hook(text: str) -> str:
        seen.append(text)
        return text.replace("ACME", "[customer]")

    redactor = Redactor(hook=hook)
    assert redactor.counted("ACME: a@b.org") == ("[customer]: [email]", {"email": 1, "hook": 1})
    assert seen == ["ACME: [email]"]


@pytest.mark.parametrize("hook", [lambda text: 1 / 0, lambda text: None])
def test_a_failing_hook_lets_nothing_out(hook: object) -> None:
    """The text is replaced whole, and the failure told."""
    failures: list[Exception] = []
    redactor = Redactor(hook=hook, on_failure=failures.append)  # type: ignore[arg-type]  # one returns no text
    assert redactor.text("call me") == FAILED
    assert len(failures) == 1


def test_identities_stay_apart_under_a_key() -> None:
    """Users of different addresses get different digests, the same one the same; without a key they become one."""
    keyed = Redactor(key=b"k")
    anna, ben = keyed.identity("anna@example.org"), keyed.identity("ben@example.org")
    assert anna != ben
    assert anna == keyed.identity("anna@example.org") != Redactor(key=b"other").identity("anna@example.org")
    assert anna.startswith("[email:")
    assert Redactor().identity("anna@example.org") == "[email]"


def test_no_text_with_a_secret_is_remembered() -> None:
    """What is kept to be quick holds clean texts only, and not without end."""
    redactor = Redactor()
    for number in range(10_000):
        redactor.text(f"label number {number}")
        redactor.text(f"label{number}@example.org")
    assert len(redactor._known) <= 4096
    assert not any("@" in text for text in redactor._known)
