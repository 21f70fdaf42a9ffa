"""The poll loop and the refresh chain; the only writer of pool state."""
