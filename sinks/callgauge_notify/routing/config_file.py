"""Reads a YAML file's entries into models, and notes each mistake with its line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from callgauge.line_texts import shown
from callgauge.near_names import nearest, unknown
from callgauge_notify.routing.fields import secret_in
from callgauge_rules.yaml_file import YamlFile, kind_of
from callgauge_rules.yaml_values import Place

__all__ = ["ConfigFile"]

M = TypeVar("M", bound=BaseModel)
_UNKNOWN = "extra_forbidden"  # pydantic's word for a field that a model does not have
#: What other systems, or a hurried mind, call the fields -> the field.
_MEANT = {
    **dict.fromkeys(("matchers", "matches", "where", "if", "when"), "match"),
    **dict.fromkeys(("to_receiver", "notify", "send_to"), "receiver"),
    **dict.fromkeys(("mute_time_intervals", "mute", "quiet_times"), "mute_times"),
    **dict.fromkeys(("service_key", "integration_key", "key"), "routing_key"),
    **dict.fromkeys(("api_url", "webhook_url", "address"), "url"),
    **dict.fromkeys(("smarthost", "server"), "host"),
    **dict.fromkeys(("from", "from_address"), "sender"),
    **dict.fromkeys(("time_zone", "timezone", "location"), "zone"),
    **dict.fromkeys(("source_matchers", "cause"), "source"),
    **dict.fromkeys(("target_matchers", "symptom", "symptoms"), "target"),
    **dict.fromkeys(("kind",), "type"),
    **dict.fromkeys(("id", "title_of"), "name"),
}


class ConfigFile(YamlFile):
    """A file whose top is a mapping of lists."""

    what = "routes file"

    def __init__(self, path: Path, raw: bytes, parts: Iterable[str], meant: Mapping[str, str]) -> None:
        super().__init__(str(path), raw)
        parts = tuple(parts)
        content = self.content
        if not isinstance(content, dict):
            found = "the file is empty" if content is None else f"the file holds only {kind_of(content)}"
            self.note((), f"{found}; it has the parts {', '.join(parts)}")
            content = {}
        for key in content.keys() - set(parts):
            self.note((key,), unknown(key, f"part of the {self.what}", parts, meant, plain=True), of=())
        self._parts = content

    def words(self, of: Place) -> list[str]:
        """ "routes: critical: receiver": the part, the entry's name or which one it is, the field."""
        words = super().words(of)
        if len(of) > 1 and isinstance(of[1], int):
            words.insert(1, self._entry(str(of[0]), of[1]))
        return words

    def _entry(self, part: str, position: int) -> str:
        entry = self._parts[part][position]
        name = (entry.get("name") or entry.get("service")) if isinstance(entry, dict) else None
        return shown(name, plain=True) if isinstance(name, str) and name else f"entry {position + 1}"

    def has(self, part: str) -> bool:
        """Whether the file has this part."""
        return part in self._parts

    def entries(self, part: str) -> list[Any]:
        """The entries of a part; [] if the file does not have it."""
        entries = self._parts.get(part, [])
        if isinstance(entries, list):
            return entries
        self.note((part,), f"is {kind_of(entries)}, no list; below {part}: each entry begins with `- `")
        return []

    def checked(self, part: str, model: type[M]) -> dict[int, M]:
        """The entries of a part that are right, by their position; of the others the mistakes are noted."""
        read = {at: self.model_of((part, at), entry, model) for at, entry in enumerate(self.entries(part))}
        return {at: found for at, found in read.items() if found is not None}

    def model_of(self, at: Place, entry: Any, model: type[M]) -> M | None:
        """One entry; None, and notes in the file, if it is wrong."""
        fields = [info.alias or name for name, info in model.model_fields.items()]
        if not isinstance(entry, dict):
            self.note(at, f"an entry is made of fields, such as {', '.join(fields[:3])}; this is {shown(entry)}")
            return None
        try:
            return model.model_validate(self._with_secrets(at, entry, fields))
        except ValidationError as error:
            errors = error.errors(include_input=False)
            # A field that is missing because its name is mistyped is told once.
            meant = {nearest(str(wrong["loc"][0]), fields, _MEANT) for wrong in errors if wrong["type"] == _UNKNOWN}
            for wrong in errors:
                if wrong["type"] != "missing" or wrong["loc"][0] not in meant:
                    self._note_wrong(at, wrong, fields)
        return None

    def _with_secrets(self, at: Place, entry: Mapping[str, Any], fields: list[str]) -> dict[str, Any]:
        """The entry with each `<field>_file` replaced by what the file holds."""
        found = dict(entry)
        for key in entry:
            field = key.removesuffix("_file")
            if field == key or key in fields or field not in fields:
                continue
            path = found.pop(key)
            try:
                found[field] = secret_in(Path(str(path)))
            except ValueError as error:
                self.note((*at, key), str(error))
                found[field] = "https://unread.invalid/"
        return found

    def _note_wrong(self, at: Place, wrong: Any, fields: list[str]) -> None:
        """Take note of what pydantic found, in our words."""
        field = wrong["loc"][0]
        if wrong["type"] == "missing":
            self.note((*at, field), f"{field} is missing", of=at)
        elif wrong["type"] == _UNKNOWN:
            self.note((*at, field), unknown(field, "field of it", fields, _MEANT, plain=True), of=at)
        else:
            place = (*at, *wrong["loc"])
            what = wrong.get("ctx", {}).get("error")
            self.note(place, str(what) if what is not None else str(wrong["msg"]))
