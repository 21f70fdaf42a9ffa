"""Where accounts come from: each place lists its accounts and is asked for their usage."""
