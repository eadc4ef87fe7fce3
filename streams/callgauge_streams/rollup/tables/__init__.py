"""Arrays and tables that grow, compiled. They know nothing of calls."""
