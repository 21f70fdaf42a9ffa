"""The one language of filters: what may be typed, what it means, and how it is written again."""
