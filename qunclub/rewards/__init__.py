"""Rewards that stand above money and homework: tuition earned back, capped at what was paid, exactly once."""
