"""Which calls' content is sent is read from one setting, and decided alike for all calls of a trace."""

import pytest

from callgauge.content.choice import is_sampled, parse_choice
from callgauge.errors import SettingError
from callgauge.settings import load_settings


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("off", {"chat": 0.0, "other": 0.0}),
        ("", {"chat": 0.0}),
        ("all", {"chat": 1.0}),
        ("0.05", {"chat": 0.05}),
        ("5%", {"chat": 0.05}),
        ("off, chat=all, search=0.25", {"chat": 1.0, "search": 0.25, "other": 0.0}),
        ("all,chat=off", {"chat": 0.0, "other": 1.0}),
        ("a=b=all", {"a=b": 1.0}),
    ],
)
def test_a_choice_is_read(text: str, shares: dict[str, float]) -> None:
    """Off, all, a share, and shares by service."""
    choice = parse_choice(text)
    assert {service: choice.share(service) for service in shares} == shares
    assert load_settings(content=text).content == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("most", "'most' is no share: write off, all, or a number from 0 to 1"),
        ("1.5", "'1.5' is no share"),
        ("nan", "'nan' is no share"),
        ("off, all", "second part without a service"),
        ("a=1,a=0", "a service is named twice"),
        ("=all", "no service is named"),
    ],
)
def test_a_choice_that_cannot_be_read_is_refused(text: str, said: str) -> None:
    """In one line that names the setting."""
    with pytest.raises(SettingError, match="CALLGAUGE_CONTENT: ") as raised:
        load_settings(content=text)
    assert said in str(raised.value)


def test_the_share_is_kept_and_the_same_everywhere() -> None:
    """Of many traces about the share is chosen, the same each time, and a larger share holds a smaller one."""
    traces = [f"{number:032x}" for number in range(20_000)]
    tenth, third = ({trace for trace in traces if is_sampled(trace, share)} for share in (0.1, 1 / 3))
    assert len(tenth) == pytest.approx(2_000, rel=0.1)
    assert len(third) == pytest.approx(6_667, rel=0.1)
    assert tenth < third
    assert not any(is_sampled(trace, 0.0) for trace in traces)
    assert all(is_sampled(trace, 1.0) for trace in traces)
    chosen = [name for name in "abcdefghi" if is_sampled(name, 0.1)]
    assert chosen == ["e"], "another version must choose the same traces"
