"""What runs now, on a terminal: `callgauge top` again and again, `callgauge dashboard` once."""
