"""Measures the calls that a service makes with the client libraries of OpenAI and Anthropic.

`instrument.py` changes a client so that each of its calls is measured; `measured_call.py` is one such call. What an
answer says is read by one file per API. None of these files imports a client library.
"""
