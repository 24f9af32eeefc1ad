"""Rows to bytes: one format a file, each behind the `Encoder` protocol."""
