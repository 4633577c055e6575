"""Groups as members and visitors see them: the rules before paying, the way in after the covenant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from qunclub.kernel import Actor, Forbidden, Invalid, NotFound, Stale
from qunclub.kernel.chats import WayIn
from qunclub.members.models import Member
from qunclub.web import (
    N_,
    NavItem,
    _,
    _l,
    allow,
    club,
    current_actor_or_none,
    explain,
    flash,
    member_id,
    now,
    page_number,
    reading,
    register,
    render,
    see_other,
    transact,
)

from . import (
    queries,
    queries_bars,
    queries_kin,
    queries_mine,
    queries_ritual,
    rules,
    rules_covenant,
    rules_ritual,
    services_lines,
    services_ritual,
)
from .forms import KIND_LABELS
from .models import Group, GroupLine
from .qr import qr_svg
from .services_hosts import is_host_of

bp = Blueprint("groups", __name__, url_prefix="/groups")
register(
    NavItem(
        area="main",
        label=_l("Groups"),
        endpoint="qunclub.groups.index",
        icon="people",
        order=60,
        menu="community",
    )
)

SHOWN = 24
POLICIES = {
    "staff": N_("A pyramid: staff post, members answer where it is opened."),
    "all": N_("A ring: everybody posts."),
}
QUIET = N_(
    "The group is quiet by default so that nobody is disturbed. It is opened for questions at set times; what staff "
    "post stays for you to read whenever you like."
)


@bp.get("")
@allow("anyone")
def index() -> Any:
    """My groups first, then every line with its rules, page by page."""
    actor, moment = current_actor_or_none(), now()
    ident = actor.member_id if actor else None
    q, kind = request.args.get("q", "").strip()[:80], request.args.get("kind", "")
    kind = kind if kind in KIND_LABELS else ""
    with reading() as session:
        mine = queries_mine.my_seats(session, ident) if ident else []
        apart = [one.line.id for one in mine]
        page = queries.lines(
            session, q=q, kind=kind, without=apart, ended=False, page=page_number(), per_page=SHOWN
        )
        views = queries.line_views(session, [line.id for line in page.items])
        member = session.get(Member, ident) if mine and ident else None
        return render(
            "groups/index.html",
            mine=mine,
            lost=queries_mine.taken_back(session, ident, moment) if ident else [],
            bars=queries_bars.bars_of(session, ident, moment) if ident else [],
            page=page,
            lines=[views[line.id] for line in page.items],
            nicknames={one.line.id: nickname_in(one.line, member) for one in mine} if member else {},
            policies=POLICIES,
            kinds=KIND_LABELS,
            q=q,
            kind=kind,
        )


@bp.get("/<slug>")
@allow("anyone")
def show(slug: str) -> Any:
    """A group, or its line for those who are not in it."""
    return _page(slug)


def _page(slug: str, *, said: Sequence[str] = (), refused: tuple[str, str] = ("", "")) -> Any:
    """The page, with the answers of an introduction that was refused: its field, and the sentence why."""
    actor = current_actor_or_none()
    with reading() as session:
        line, group = queries.group_by_slug(session, slug)
        if group is not None and group.into_id is not None:
            now_at = session.get_one(Group, group.into_id)
            flash(_("%(old)s was merged into %(group)s.", old=group.name, group=now_at.name), "info")
            return see_other(".show", slug=now_at.slug)
        mine = (
            queries_mine.my_seat(session, line_id=line.id, member_id=actor.member_id)
            if actor and actor.member_id
            else None
        )
        if mine is not None and group is None and mine.group is not None:
            return see_other(".show", slug=mine.group.slug)
        member = session.get(Member, actor.member_id) if mine and actor else None
        view = queries.line_view(session, line.id)
        zone, asked = club().settings.zone, club().group_parts if group else ()
        parts = [
            part for ask in asked for part in ask(session, group=group, actor=actor, now=now(), zone=zone)
        ]
        questions: Sequence[str] = ()
        if mine is not None and mine.closed == "introduction":
            questions = queries_ritual.asked_of(session, mine.seat).questions
        page = render(
            "groups/show.html",
            questions=questions,
            said=[*said, *[""] * len(questions)],
            refused=refused,
            line=line,
            group=group,
            mine=mine,
            bar=queries_bars.bar_in(session, line_id=line.id, member_id=actor.member_id, now=now())
            if actor and actor.member_id and mine is None
            else None,
            inside=bool(mine and mine.group and group and mine.group.id == group.id),
            staff=bool(actor and actor.has("host")),
            newest=queries_ritual.newest(session, group.id)
            if group and _reads(session, mine, group, actor)
            else [],
            view=view,
            kin=queries_kin.kin(session, line, group, mine, actor),
            nickname=nickname_in(line, member) if member else "",
            nickname_rule=in_words(line.nickname_rule),
            policy=POLICIES[line.posting],
            quiet=QUIET if line.posting == "staff" else "",
            way=way_into(session, group) if mine and group else None,
            parts=parts,
            may_post=rules.may_post(line.posting, staff=bool(actor and actor.has("host"))),
        )
    return (page, 422) if refused[0] else page


def _reads(session: Session, mine: queries_mine.MySeat | None, group: Group, actor: Actor | None) -> bool:
    """Whether somebody reads what members said of themselves: inside the group, or its host."""
    inside = mine is not None and mine.group is not None and mine.group.id == group.id and mine.may_enter
    return inside or (
        actor is not None
        and is_host_of(session, group_id=group.id, member_id=actor.member_id, roles=actor.roles)
    )


@bp.post("/<slug>/introduction")
@allow("signed_in")
def introduce(slug: str) -> Any:
    """Say who I am where no pass leads: in the core group, in a spin-off; whoever has a pass may do it here too."""
    ident, moment = member_id(), now()
    given = [request.form.get(f"answer_{index}", "") for index in range(rules_ritual.MOST_QUESTIONS)]

    def command(session: Session) -> None:
        line, _group = queries.group_by_slug(session, slug)
        mine = queries_mine.my_seat(session, line_id=line.id, member_id=ident)
        if mine is None or mine.group is None or mine.group.slug != slug:
            raise NotFound()
        services_ritual.introduce(session, line_id=line.id, member_id=ident, given=given, now=moment)

    try:
        transact(command)
    except Invalid as error:
        return _page(slug, said=given, refused=(error.field or "", explain(error)))
    flash(_("Thank you: the members of your group read it."))
    return see_other(".show", slug=slug, _anchor="entry")


@bp.post("/<slug>/covenant")
@allow("signed_in")
def accept(slug: str) -> Any:
    """Accept the covenant's version that was read."""
    ident, version = member_id(), request.form.get("version", 0, type=int)

    def command(session: Session) -> None:
        line, _group = queries.group_by_slug(session, slug)
        if queries_mine.my_seat(session, line_id=line.id, member_id=ident) is None:
            raise Forbidden(
                N_("The covenant is accepted by members of the group."), how=N_("A pass brings a seat in it.")
            )
        services_lines.accept_covenant(session, member_id=ident, line_id=line.id, version=version, now=now())

    try:
        transact(command)
    except Stale as error:
        flash(explain(error), "warning")
        return see_other(".show", slug=slug, _anchor="covenant")
    flash(_("Thank you. The covenant is accepted; the way in is open."))
    return see_other(".show", slug=slug)


@bp.get("/<slug>/covenant/<int:version>")
@allow("anyone")
def changes(slug: str, version: int) -> Any:
    """What a version of the covenant changed; everybody may read it, as the covenant itself."""
    with reading() as session:
        line, _group = queries.group_by_slug(session, slug)
        covenant = queries.covenant_version(session, line.id, version)
        before = queries.covenant_version(session, line.id, version - 1) if version > 1 else None
        return render(
            "groups/covenant_changes.html",
            line=line,
            slug=slug,
            covenant=covenant,
            before=before,
            changes=rules_covenant.changes(before.body_md, covenant.body_md) if before else [],
        )


@bp.get("/<slug>/entry.svg")
@allow("signed_in")
def entry_qr(slug: str) -> Response:
    """The QR of the group's chat: for its members who accepted the covenant, and for its hosts."""
    with reading() as session:
        _line, group = queries.group_by_slug(session, slug)
        if group is None or not group.entry_url or not _may_enter(session, group):
            raise NotFound()
        way = way_into(session, group)
        if not way.url:
            raise NotFound()
        return svg(way.url)


def way_into(session: Session, group: Group) -> WayIn:
    """How one gets into the group's chat; what is out of date is not in it."""
    state = club()
    book = state.chat_book
    if book is None:
        return WayIn("other", group.entry_url)
    return book.way_in(
        session, group_id=group.id, entry_url=group.entry_url, connected=bool(state.connectors), now=now()
    )


def _may_enter(session: Session, group: Group) -> bool:
    actor = current_actor_or_none()
    if actor is not None and is_host_of(
        session, group_id=group.id, member_id=actor.member_id, roles=actor.roles
    ):
        return True
    mine = queries_mine.my_seat(session, line_id=group.line_id, member_id=member_id())
    return mine is not None and mine.group is not None and mine.group.id == group.id and mine.may_enter


def svg(text: str) -> Response:
    """*text* as a QR picture that no shared cache keeps."""
    return Response(qr_svg(text), mimetype="image/svg+xml", headers={"Cache-Control": "private, no-store"})


def nickname_in(line: GroupLine, member: Member | None) -> str:
    """What *member* is called in the groups of *line*."""
    if member is None:
        return ""
    return rules.nickname(
        line.nickname_rule, number=member.number, nickname=member.shown_name, city=member.city
    )


def in_words(rule: str) -> str:
    """The nickname rule with its parts named in the visitor's language: 编号-昵称-城市."""
    return rules.describe_nickname(
        rule, {"number": _("number"), "nickname": _("nickname"), "city": _("city")}
    )
