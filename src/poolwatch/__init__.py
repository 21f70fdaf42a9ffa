"""poolwatch: a terminal monitor for pools of Codex/ChatGPT accounts."""

__version__ = "0.1.0"
