"""Of every column of the tables a file carries: where it stands in the file, or why it is left out.

A test holds this complete against the models, so that a new column or table cannot be forgotten.
"""

from __future__ import annotations

DATES = "dates are this club's own"
KEPT = "kept by the club as it lives, not set by anybody"
ROW = "a row's own number, version or moment"
LINK = "told by what it belongs to in the file"
MADE = "made from the text"

# table → column → (part of the file, field) or, where nothing is in the file, why.
COLUMNS: dict[str, dict[str, tuple[str, str] | str]] = {
    "tier": {
        "id": ROW,
        "code": ("tiers", "code"),
        "name": ("tiers", "name"),
        "rank": ("tiers", "rank"),
        "benefits": ("tiers", "benefits"),
    },
    "group_line": {
        "id": ROW,
        "slug": ("lines", "slug"),
        "name": ("lines", "name"),
        "kind": ("lines", "kind"),
        "capacities": ("lines", "capacities"),
        "repeat_last": ("lines", "repeat_last"),
        "name_pattern": ("lines", "name_pattern"),
        "posting": ("lines", "posting"),
        "posting_note": ("lines", "posting_note"),
        "nickname_rule": ("lines", "nickname_rule"),
        "moving": ("lines", "moving"),
        "allocation": ("lines", "allocation"),
        "open_at_once": ("lines", "open_at_once"),
        "labels": ("lines", "labels"),
        "offer_hours": ("lines", "offer_hours"),
        "waiting_count": KEPT,
        "next_position": KEPT,
        "version": ROW,
        "created_at": ROW,
    },
    "covenant": {
        "id": ROW,
        "line_id": LINK,
        "version": "a new line begins with its first version",
        "body_md": ("lines", "covenant"),
        "body_html": MADE,
        "published_at": ROW,
    },
    "line_ritual": {
        "line_id": LINK,
        "questions": ("lines", "questions"),
        "task_title": ("lines", "task_title"),
        "task_md": ("lines", "task"),
        "task_html": MADE,
        "asked_since": ROW,
        "version": ROW,
    },
    "line_welcome": {
        "line_id": LINK,
        "mode": ("lines", "welcome"),
        "words_zh": ("lines", "welcome_zh"),
        "words_en": ("lines", "welcome_en"),
        "since": ROW,
        "version": ROW,
    },
    "house_schedule": {
        "id": ROW,
        "line_id": LINK,
        "group_id": "hours of one group alone are no shape of its line",
        "windows": ("lines", "hours"),
        "slow_seconds": ("lines", "slow_seconds"),
        "version": ROW,
        "updated_at": ROW,
    },
    "plan": {
        "id": ROW,
        "slug": ("plans", "slug"),
        "title": ("plans", "title"),
        "summary": ("plans", "summary"),
        "description_md": ("plans", "description"),
        "description_html": MADE,
        "price": ("plans", "price"),
        "currency": ("plans", "currency"),
        "tier_id": ("plans", "tier"),
        "group_line_id": ("plans", "line"),
        "state": "passes come as drafts",
        "stock": ("plans", "stock"),
        "held": KEPT,
        "sold": KEPT,
        "sale_starts_at": DATES,
        "sale_ends_at": DATES,
        "validity_days": ("plans", "validity_days"),
        "valid_until": DATES,
        "interval": ("plans", "interval"),
        "grace_days": ("plans", "grace_days"),
        "per_member": ("plans", "per_member"),
        "hidden": ("plans", "hidden"),
        "link_key": "a secret of this club",
        "gift_max": ("plans", "gift_max"),
        "refund_days": ("plans", "refund_days"),
        "refund_progress": ("plans", "refund_progress"),
        "asks": ("plans", "asks"),
        "seat_priority": ("plans", "seat_priority"),
        "position": ("plans", "position"),
        "version": ROW,
        "created_at": ROW,
    },
    "plan_upgrade": {"plan_id": LINK, "from_plan_id": ("plans", "upgrades_from")},
    "plan_course": {"plan_id": LINK, "course_id": ("plans", "courses")},
    "point_rule": {
        "kind": ("points", "kind"),
        "amount": ("points", "amount"),
        "honours": ("points", "honours"),
        "active": ("points", "active"),
        "version": ROW,
        "limits": ("points", "steps"),
        "updated_at": ROW,
    },
}

COURSES = "courses have a file of their own"
MONEY = "money that came in"
# Tables that hang on nothing but what is carried: whatever a club sets is one of them.
TABLES = {
    "account": "people",
    "audit": KEPT,
    "chat_update": KEPT,
    "contest": "an event with its own dates",
    "counter": KEPT,
    "coupon": "a secret with its own dates",
    "course": COURSES,
    "covenant_notice": KEPT,
    "gateway_event": MONEY,
    "group": "a line opens its groups by itself; the way into one is a secret",
    "key_value": "name by name, see SETTINGS",
    "ladder_draft": "what an admin is still writing",
    "ladder_version": "the one in force is the parts levels and path",
    "level_count": KEPT,
    "member": "people",
    "month_taking": MONEY,
    "outbox": KEPT,
    "point_rule_version": "the one in force is in the part points",
    "points_window": DATES,
    "price_step": "early prices hold until a date or a number sold",
    "reserved_number": "numbers are this club's own",
    "rubric": COURSES,
    "season_snapshot": "people",
    "season_snapshot_sheet": "people",
    "taking": MONEY,
    "tuition_promise": "it counts homework of this club's courses",
}

OWN = "whom money goes to and who writes papers is this club's own"
# Values that are kept by name: what the program calls the name → (part of the file, None) or why it is left out.
SETTINGS: dict[str, tuple[str, None] | str] = {
    "admin.views:PROFILE": ("profile", None),
    "chats.jobs:services_work.PAUSE": KEPT,
    "chats.jobs:services_work.STATUS": KEPT,
    "chats.jobs_sweep:services_work.OFFSET": KEPT,
    "chats.jobs_sweep:services_work.PAUSE": KEPT,
    "chats.jobs_sweep:services_work.STATUS": KEPT,
    "chats.services_join:SEEN": KEPT,
    "cloning.settings:PROFILE": ("profile", None),
    "house.services_sanctions:LADDER": ("house", None),
    "levels.services_sweep:FEED": KEPT,
    "levels.services_sweep:WALK": KEPT,
    "orders.services_fapiao:SETTINGS": OWN,
    "orders.services_reconciliation:KEPT": KEPT,
    "orders.services_referral:SETTINGS": ("referrals", None),
    "orders.services_takings:AS_OF": KEPT,
    "orders.transfer_settings:NAME": OWN,
    "replay.oulad:CHECKPOINT": KEPT,
    "seasons.services_notices:_name(season_id)": KEPT,
    "seasons.services_notices:queries_notices.SETTINGS": ("season_letters", None),
    "seasons.services_proposal:KEPT": ("season", None),
}
