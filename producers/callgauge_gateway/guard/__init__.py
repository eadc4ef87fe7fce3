"""Who may send what, and how much of it."""
