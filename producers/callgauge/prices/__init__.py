"""What a call cost: from the price of its model and its token counts, exactly, in integer nano-dollars.

`call_prices` fills in the cost of calls that came without one. Prices come from a table (`table`: the package
genai-prices) and from a file of one's own (`own_file`), which goes first.
"""
