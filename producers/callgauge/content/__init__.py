"""Prompts and answers, for services that want them stored: off by default, redacted, cut, on a topic of their own."""
