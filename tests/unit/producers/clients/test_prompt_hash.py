"""A prompt's hash is that of its content, and of nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from anthropic.types import TextBlock
from hypothesis import given
from hypothesis import strategies as st

from callgauge.clients.prompt_hash import prompt_hash

contents = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
prompts = st.lists(st.dictionaries(st.text(), contents, min_size=1, max_size=3), min_size=1, max_size=3)


def backwards(value: Any) -> Any:
    """The same JSON with the members of each object in the other order."""
    if isinstance(value, dict):
        return {name: backwards(value[name]) for name in reversed(list(value))}
    return [backwards(item) for item in value] if isinstance(value, list) else value


@given(prompts)
def test_order_of_members_does_not_matter(messages: list[Any]) -> None:
    """Nor does what else is in the request, nor that JSON was made of it."""
    found = prompt_hash({"messages": messages})
    assert len(found) == 32
    assert prompt_hash({"model": "m", "temperature": 1, "messages": backwards(messages)}) == found
    assert prompt_hash(json.loads(json.dumps({"messages": messages}))) == found


@given(prompts, prompts)
def test_other_prompts_have_other_hashes(one: list[Any], other: list[Any]) -> None:
    """And the same prompt in another place of the request is another prompt."""
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (prompt_hash({"messages": one}) == prompt_hash({"messages": other})) is same
    assert prompt_hash({"messages": one}) != prompt_hash({"input": one})


@pytest.mark.parametrize("body", [None, {}, {"model": "m"}, {"messages": None}, {"messages": object()}, "text"])
def test_no_prompt(body: Any) -> None:
    """No hash, and no failure."""
    assert prompt_hash(body) == ""


def test_what_is_not_json_has_no_hash() -> None:
    """An iterator is not consumed for it."""
    parts = iter([{"type": "text"}])
    assert prompt_hash({"messages": [{"role": "user", "content": parts}]}) == ""
    assert next(parts) == {"type": "text"}


def test_a_block_of_an_answer_is_what_is_sent_of_it() -> None:
    """As it comes back in the next request of a conversation."""
    block = TextBlock.model_validate({"type": "text", "text": "hi"})
    sent = {"messages": [{"role": "assistant", "content": [{"type": "text", "text": "hi"}]}]}
    assert prompt_hash({"messages": [{"role": "assistant", "content": [block]}]}) == prompt_hash(sent)


def test_it_is_the_same_in_every_process() -> None:
    """Whatever Python's own hashes are there."""
    code = "from callgauge.clients.prompt_hash import prompt_hash; print(prompt_hash({'input': 'hi'}))"
    for seed in ("1", "2"):
        found = subprocess.check_output([sys.executable, "-c", code], text=True, env={"PYTHONHASHSEED": seed})
        assert found.strip() == prompt_hash({"input": "hi"})
