"""Before and around every route: who asks, from where, how much; how errors and headers look."""
