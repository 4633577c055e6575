"""The club's home and one's own page: they compose what every room knows, and decide nothing."""
