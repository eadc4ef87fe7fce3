"""Keys: made once, kept as a hash, for some services, changed without a restart."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from callgauge.errors import SettingError
from callgauge.keys.key_hash import hash_of, id_of, is_key, matches, new_key
from callgauge.testing import ManualClock
from callgauge_gateway.guard.key_file import KeyFile, read_keys


def line(key: str, service: Any = "chat", **more: Any) -> dict[str, Any]:
    return {"id": id_of(key), "service": service, "sha256": hash_of(key), **more}


def write(path: Path, *lines: Any, form: Any = yaml.safe_dump) -> Path:
    path.write_text(form({"keys": list(lines)}))
    return path


def test_a_key_matches_its_hash_alone() -> None:
    """And no two are the same."""
    key, other = new_key(), new_key()
    assert is_key(key)
    assert key != other
    assert matches(key, hash_of(key))
    assert not matches(other, hash_of(key))
    assert not is_key("cg_x")
    assert id_of("Bearer") == ""


@pytest.mark.parametrize("form", [yaml.safe_dump, json.dumps])
def test_a_key_speaks_for_its_services(tmp_path: Path, form: Any) -> None:
    """One, several, or all; the first is that of events that name none."""
    one, several, every = new_key(), new_key(), new_key()
    file = write(tmp_path / "keys", line(one), line(several, ["a", "b"]), line(every, "*"), form=form)
    keys = KeyFile(file)
    scopes = [keys.scope_of(key) for key in (one, several, every)]
    assert [scope and (scope.default, scope.allows("b"), scope.allows("chat")) for scope in scopes] == [
        ("chat", False, True), ("a", True, False), ("", True, True)]  # fmt: skip


def test_what_is_no_key_opens_nothing(tmp_path: Path) -> None:
    """Neither another's secret under a known id, nor the hash itself."""
    key = new_key()
    keys = KeyFile(write(tmp_path / "keys", line(key)))
    forged = f"cg_{id_of(key)}_{new_key()[12:]}"
    assert is_key(forged)
    assert not any(
        keys.scope_of(text) for text in (forged, "", hash_of(key), new_key(), key[:-1], key + "x", key.upper())
    )


def test_two_keys_hold_while_one_is_changed(tmp_path: Path) -> None:
    """The file is read again when it changes; a broken one changes nothing, and is told."""
    clock, old, new = ManualClock(), new_key(), new_key()
    file = write(tmp_path / "keys", line(old))
    keys = KeyFile(file, clock)

    def change(*lines: Any) -> None:
        write(file, *lines)
        os.utime(file, ns=(clock.now.__hash__(), clock.now.__hash__()))
        clock.advance(3)

    change(line(old), line(new))
    assert keys.scope_of(old)
    assert keys.scope_of(new)
    change(line(new))
    assert keys.scope_of(old) is None
    assert keys.scope_of(new)


def test_a_broken_change_leaves_the_keys(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And the log says what is wrong."""
    clock, key = ManualClock(), new_key()
    file = write(tmp_path / "keys", line(key))
    keys = KeyFile(file, clock)
    file.write_text("keys: [")
    clock.advance(3)
    with caplog.at_level(logging.ERROR):
        assert keys.scope_of(key)
    assert "this is no YAML" in caplog.text
    file.unlink()
    clock.advance(3)
    assert keys.scope_of(key)


@pytest.mark.parametrize("until", ["2023-11-15", "2023-11-14T22:13:30Z", "2023-11-14T22:13:30"])
def test_a_key_may_end(tmp_path: Path, until: str) -> None:
    """At the beginning of a day, or at a time; UTC unless it says otherwise."""
    clock, key = ManualClock(1_700_000_000.0), new_key()  # 22:13:20
    keys = KeyFile(write(tmp_path / "keys", line(key, until=until)), clock)
    assert keys.scope_of(key)
    clock.advance(86_400)
    assert keys.scope_of(key) is None


KEY = f"cg_3f9a01c2_{'A' * 43}"  # the same in each process of the tests


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "this is no YAML"),
        ("[]", "begins with `keys:`"),
        ("keys: {}", "a list"),
        ("keys: [{id: 1}]", "key 1: id is eight hex digits"),
        (f"keys: [{{id: '{id_of(KEY)}', sha256: x}}]", "key 1: sha256 is 64 hex digits"),
        (json.dumps({"keys": [line(KEY), line(KEY)]}), "key 2: the id .* is there twice"),
        (json.dumps({"keys": [line(KEY, "")]}), "service is a name"),
        (json.dumps({"keys": [line(KEY, [])]}), "service is a name"),
        (json.dumps({"keys": [line(KEY, until="soon")]}), "it ends on a day"),
        (json.dumps({"keys": [line(KEY, secret="x")]}), "and nothing else"),
    ],
)
def test_a_mistake_is_told_with_its_key(tmp_path: Path, text: str, message: str) -> None:
    """In a line that names the file."""
    path = tmp_path / "keys.yaml"
    path.write_text(text)
    with pytest.raises(SettingError, match=message) as caught:
        read_keys(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With how to make one."""
    with pytest.raises(SettingError, match="callgauge gateway-key new"):
        read_keys(tmp_path / "none")
