"""The club's speed: ``python -m benchmarks`` (``make bench``) measures it and writes ``benchmarks/results.md``.

Pages are told as ratios to a bare Flask page on the same server settings, because ratios survive another machine
and a busy one: rounds of page and baseline take turns, and the median of the rounds counts.
"""
