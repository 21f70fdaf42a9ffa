"""Settings from TOML, environment and options: frozen values, or every problem found in them."""
