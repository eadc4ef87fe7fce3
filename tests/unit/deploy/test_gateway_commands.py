"""`callgauge gateway-key new`: the key once, and the line for the file, which the gateway reads."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from callgauge_deploy.cli import app
from callgauge_gateway.guard.key_file import KeyFile


def test_a_new_key_opens_the_gateway(tmp_path: Path) -> None:
    """Standard output is the line alone, to be appended; the key is on standard error, and not in the line."""
    file = tmp_path / "keys.yaml"
    file.write_text("keys:\n")
    arguments = ["gateway-key", "new", "--service", "chat", "--service", 'a "b": c', "--until", "2999-01-31"]
    keys = []
    for _ in range(2):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        [key] = [word for word in result.stderr.split() if word.startswith("cg_")]
        assert key not in result.stdout
        with file.open("a") as lines:
            lines.write(result.stdout)
        keys.append(key)
    for key in keys:
        scope = KeyFile(file).scope_of(key)
        assert scope is not None
        assert (scope.default, scope.allows('a "b": c'), scope.allows("other")) == ("chat", True, False)


def test_an_end_that_is_no_day_makes_no_key() -> None:
    """The gateway would refuse the whole file for it."""
    result = CliRunner().invoke(app, ["gateway-key", "new", "--service", "chat", "--until", "soon"])
    assert result.exit_code != 0
    assert not result.stdout
    assert str(result.exception) == "--until: it ends on a day such as 2027-01-31, or a time such as 2027-01-31T12:00Z"


def test_a_service_must_be_named() -> None:
    """A key for all is asked for by "*"."""
    assert CliRunner().invoke(app, ["gateway-key", "new"]).exit_code == 2
