"""Keys of those who may ask or send over HTTP: how they are made, kept, and read from a file."""
