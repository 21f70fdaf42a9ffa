"""Reads Codex session files and usage events, counts tokens, and keeps what was counted."""
