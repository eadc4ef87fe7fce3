"""A worker process: its Faust app, metrics, watchdog and memory."""
