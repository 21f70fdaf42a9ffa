"""The commands; their tops import neither textual, httpx nor pydantic."""
