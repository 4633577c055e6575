"""A group line, or the whole shape of a club, as a file and back: how it is set up, never who is in it.

The file carries tiers, group lines with covenant, hours and ritual, passes, rules of points, and the club's own rules.
It carries no people, no chat links, no secrets, no money that came in. What stands in the club already is left alone
when a file is brought in. :mod:`.carried` says of every column whether it is carried, and why not.
"""

from .rules import Broken, Template, dump, parse
from .services import Fate, bring, look, take

__all__ = ["Broken", "Fate", "Template", "bring", "dump", "look", "parse", "take"]
