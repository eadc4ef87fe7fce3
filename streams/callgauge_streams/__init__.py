"""The Faust workers: rollup makes windows of calls and scores, detect makes alerts of windows.

`bus` lies between Kafka and Faust, `worker` is what every worker process has, `rollup` and `detect` are the two apps.
docs/how-it-works.md follows an event through all of them.
"""
