"""The composition root: settings, sources, monitor and screen are put together here."""
