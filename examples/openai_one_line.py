# `instrument` measures a client of OpenAI, in one line. CALLGAUGE_SERVICE and OPENAI_API_KEY must be set.
from openai import OpenAI

from callgauge import Gauge, instrument

with Gauge() as gauge:
    client = instrument(OpenAI(), gauge=gauge, feature="capitals", ask_stream_usage=True)
    question = {"role": "user", "content": "What is the capital of Switzerland?"}
    for chunk in client.chat.completions.create(model="gpt-4o", messages=[question], stream=True):
        print(chunk.choices[0].delta.content or "", end="")
