"""What people ask of the history, a question a file, each with a typed answer.

    ask                 runs a statement: `Store.query`, or what `callgauge_history.query.asking` gives
    Period              half-open, epoch ms of event time; answers from windows cover whole windows, and say which
    where               {label: value or values}; labels are those of `callgauge.counted.LABELS`

Values are always parameters of the statement; the only names that come from outside are labels, measures and sort keys,
and each is looked up in a table of ours first. Money is exact (`Decimal`); durations are ms, rates and shares 0 ... 1.
Percentiles come from merged histograms: at most 1.1 % off, whatever the data.
"""
