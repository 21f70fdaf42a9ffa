"""Doing a thing at most once: locked, noted before it is sent, its reply kept before it is read.

A room that stands on it takes a lock, appends BEGUN to a journal, reserves space for the reply, appends
SENDING, sends, keeps the reply, acts on it, and ends it. What may have been done is never repeated unasked.
"""
