"""Contests: a call with a window, entries, jury scores and members' votes, prizes with stock, a results page."""
