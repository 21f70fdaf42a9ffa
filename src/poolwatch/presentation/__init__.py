"""Pure view models and every word of the interface."""
