"""The version, in its one place; the build reads it from here."""

__version__ = "0.1.0"  # no annotation: hatchling's pattern for this line knows none but `str`
