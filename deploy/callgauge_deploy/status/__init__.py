"""What `callgauge status` tells of the local stack: facts, how they are read, how they are shown."""
