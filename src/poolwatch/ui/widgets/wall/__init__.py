"""The wall of accounts: one scrolling widget with three arrangements."""
