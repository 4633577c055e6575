"""What a mail ends with whose kind its reader may silence: how to get no more of them."""

from __future__ import annotations

from qunclub.kernel.mail import MailEnd
from qunclub.web import absolute_url
from qunclub.web.state import ClubState

from . import rules, rules_links


def of(state: ClubState, member_id: int, kind: str) -> MailEnd | None:
    """The end of mails of this kind to this member; None for what is always told, and for a kind there is no more."""
    found = rules.KINDS.get(kind)
    if found is None or found.always:
        return None
    return MailEnd(
        label=found.label,
        off=absolute_url("qunclub.notices.off", token=rules_links.sign(member_id, kind, state.secret)),
        choices=absolute_url("qunclub.notices.choices"),
    )
