"""Words in another language, and in no other room."""
