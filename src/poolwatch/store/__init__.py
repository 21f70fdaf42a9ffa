"""What outlives a run: readings, history, locks."""
