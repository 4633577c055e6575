"""Checks that `make check` runs; not needed by a running club."""
