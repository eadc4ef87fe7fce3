"""Finds personal data and secrets in texts, and puts the kind of each in its place: `[email]`. Pure.

`redactor.Redactor` binds it together; `configured.redactor_of` makes one from settings; `standard.redact` needs none.
"""
