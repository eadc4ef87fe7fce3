"""Reading a topic as a member of a group: batches, safe commits, threads that run until a signal."""
