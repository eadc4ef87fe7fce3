"""Finds personal data and secrets in texts, and puts the kind of each in its place: `[email]`. Pure.

`redactor.Redactor` binds it together, `fields.redacted_fields` applies it to a message. `configured.redactor_of` makes
one from settings; `configured.redact` is a plain function that needs none.
"""
