"""Credentials at rest, and the one protocol by which a refresh token is spent."""
