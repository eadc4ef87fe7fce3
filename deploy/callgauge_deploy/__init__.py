"""The `callgauge` command, the local stack and the demo."""
