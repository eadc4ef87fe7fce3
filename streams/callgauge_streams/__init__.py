"""Rollup and detect: from calls to windows, from windows to alerts. How rollup is exact and quick, on one page.

A partition's log is cut into **blocks** by a rule that looks at the log alone (`blocks`), and a row's content is a pure
function of its block. So whatever happens to a worker, the block is read again from its start and gives the same rows,
which replace themselves. Nothing is persisted, no window is held open, no transaction is needed. A micro-batch goes
this way:

    fetch ─▶ chunk ─▶ scan ─▶ duplicates ─▶ columns ─▶ slots ─▶ rows, when due ─▶ confirmed ─▶ commit of a block start

No Python object is made of an event anywhere on this way. What NumPy has no word for is a plain loop that Numba
compiles (`compiled`): finding records in a batch, reading JSON, looking up ids and codes.

1. **Fetch** (`record_batches`, `fetching`). aiokafka makes two Python objects of every record; here a batch takes the
   place of a record, aiokafka's own loop goes round once a batch, and one pass over its bytes finds offsets, timestamps
   and where the values are (`records`). Consecutive records of one block are one Faust message, a `Chunk`: Faust costs
   nothing per event.
2. **Scan** (`rollup.scan`, `rollup.call_reader`). One pass over a call's bytes puts its numbers into a row of an array,
   and hashes its id, its label values and its outcome as they stand there. What a hash means is found out once, by
   decoding one such call with msgspec, which also reads whatever the scan gives up on, and decides what is valid. (0.8
   µs an event; decoding to objects, collecting their fields and freeing them was 4.4.)
3. **Duplicates** (`rollup.duplicates`). An open-addressing table of 64-bit hashes: 24 bytes a slot where a set of ids
   would take 200.
4. **Columns** (`rollup.columns`, `rollup.outcomes`). Thirteen numbers become integers to be added up, and everything
   categorical (status, error type, finish reason, ...) is one code: what it counts for is worked out once per code.
5. **Slots** (`rollup.slots`, `rollup.accumulator`). A slot is one combination of label values in one of the finest
   windows, numbered by a table of integers. Sums, extremes and bucket counts are added to it event by event. Integers
   only: the result does not depend on how the block was cut into batches.
6. **Rows** (`rollup.folding`, `rollup.measures`). A grouping set's row is a union of slots, added up when it is due. So
   an event costs the same with one grouping set and with twelve, and a row costs only when it is sent. Its histograms
   have some hundred buckets: as dictionaries they cost more than reading the calls, so compiled code writes their JSON.
7. **Send and commit** (`outbox`, `takeover`, `transport`). The agent counts on while rows are on their way. Only block
   starts are committed, only after every row before is acknowledged, only in the generation it was fetched in. A worker
   that takes a partition over first commits its start under a higher *term* and then says so on the windows topic
   (`EpochStart`); readers go by terms, so that a zombie's rows change nothing and a change of settings voids the open
   block's old rows instead of counting it twice.

Detect (`detect`) is a deterministic state machine over one partition of the windows topic: time included, everything
it decides comes from that log. `app.py` and `transport.py` with what they are made of are the only places that know
Faust.
"""
