"""How clients prove who they are to Kafka, and it to them: one object, and what librdkafka is given of it.

What aiokafka is given is in `callgauge_streams.bus.aiokafka_security`. A test holds that both come to the same.
"""
