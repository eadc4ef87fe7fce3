"""One file for each kind of receiver: what it sends, how it reads the answer."""
