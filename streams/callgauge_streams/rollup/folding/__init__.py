"""The open block at its finest grain (slots), and which slots add up to which row."""
