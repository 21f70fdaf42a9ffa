"""The terminal interface: the only package that imports Textual."""

import os

# Textual paints at most 60 frames a second unless it is told otherwise: what a key changes in a second frame
# would come 16 ms after the first
os.environ.setdefault("TEXTUAL_FPS", "240")
