"""The rules of the house: when a group is open, who is muted, what is reported, what follows, and how it is taken back.

``may_post`` is the one question that every writing route asks. Violations and sanctions are lines that never change;
nobody is removed without a message, and everybody sanctioned can appeal.
"""

from qunclub.kernel import watch

from .posting import may_post, muted, silenced
from .queries import schedule
from .queries_open import OpenViolation, open_violations, open_violations_of
from .rules import Facts, Silence, Verdict
from .rules_ladder import Ladder, Step, parse_steps, write_steps
from .rules_windows import Window
from .rules_windows import parse as parse_windows
from .rules_windows import write as write_windows
from .services_appeals import decline, open_appeal, uphold
from .services_exceptions import answer as answer_exception
from .services_exceptions import ask as ask_exception
from .services_exceptions import means
from .services_forget import forget
from .services_quiet import follow_line, follow_seat, lift, mute, set_schedule, windows_of
from .services_reports import claim, dismiss, release, report
from .services_sanctions import decide, ladder, overturn, proposal, sanction_seat, set_ladder
from .subjects import Found, Subject
from .subjects import register as register_subject

watch.seats.add(follow_seat)

__all__ = [
    "Facts",
    "Found",
    "Ladder",
    "OpenViolation",
    "Silence",
    "Step",
    "Subject",
    "Verdict",
    "Window",
    "answer_exception",
    "ask_exception",
    "claim",
    "decide",
    "decline",
    "dismiss",
    "follow_line",
    "forget",
    "ladder",
    "lift",
    "may_post",
    "means",
    "mute",
    "muted",
    "open_appeal",
    "open_violations",
    "open_violations_of",
    "overturn",
    "parse_steps",
    "parse_windows",
    "proposal",
    "register_subject",
    "release",
    "report",
    "sanction_seat",
    "schedule",
    "set_ladder",
    "set_schedule",
    "silenced",
    "uphold",
    "windows_of",
    "write_steps",
    "write_windows",
]
