"""What a Gauge keeps on disk while the broker is away: the form of the files, the folder, and sending them again."""
