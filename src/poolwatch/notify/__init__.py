"""Channels: how a notice reaches somebody who is not at the screen."""
