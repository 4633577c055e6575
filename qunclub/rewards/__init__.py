"""Tuition earned back (让学员赚回学费): what a plan promises for finished homework, and its grant, once an order.

Never more than what was paid and not given back; a promise holds as it was when the order was made.
"""

from .services import consider, end_promise, enrol, promise, reconsider, withhold
from .services_forget import forget

__all__ = ["consider", "end_promise", "enrol", "forget", "promise", "reconsider", "withhold"]
