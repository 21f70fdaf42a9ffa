"""Every word of the interface, by what it speaks of: here a second language would be added."""
