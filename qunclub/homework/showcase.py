"""The showcase: featured work, open to everybody, while its author consents and no admin took it down."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session
from wtforms import StringField
from wtforms.validators import Length

from qunclub.kernel import NotFound
from qunclub.kernel.text import plain
from qunclub.web import (
    Form,
    NavItem,
    _,
    _l,
    absolute_url,
    allow,
    club,
    current_actor_or_none,
    current_me,
    flash,
    form_errors,
    is_htmx,
    member_id,
    now,
    reading,
    register,
    render,
    see_other,
    transact,
)
from qunclub.web.render import local

from . import queries, queries_showcase, services_showcase, showcase_card
from .files_views import attachment
from .queries_showcase import Wish
from .uploads import PICTURES

bp = Blueprint("showcase", __name__, url_prefix="/showcase")
register(
    NavItem(
        area="main",
        label=_l("Showcase"),
        endpoint="qunclub.showcase.index",
        icon="images",
        order=50,
        menu="works",
    )
)
MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
MONTHS = 12


class SentenceForm(Form):
    """What the author says of shown work."""

    sentence = StringField(
        _l("A sentence of yours"),
        [Length(max=services_showcase.MOST_SENTENCE)],
        description=_l("Stands above your work and on the picture that goes with its link."),
    )


def _reader() -> int | None:
    actor = current_actor_or_none()
    return actor.member_id if actor else None


def _month(text: str) -> tuple[str, dt.datetime | None, dt.datetime | None]:
    """A month as written, with its beginning and end by the club's clock; nothing when it is not one."""
    found = MONTH.fullmatch(text)
    if found is None:
        return "", None, None
    year, month = int(found[1]), int(found[2])
    zone = club().settings.zone
    after = (year + month // 12, month % 12 + 1)
    return text, dt.datetime(year, month, 1, tzinfo=zone), dt.datetime(*after, 1, tzinfo=zone)


def _months(chosen: str) -> list[tuple[str, str]]:
    today = local(now())
    last = today.year * 12 + today.month - 1
    found = [f"{n // 12}-{n % 12 + 1:02}" for n in range(last, last - MONTHS, -1)]
    if chosen and chosen not in found:
        found.append(chosen)
    return [(one, one) for one in found]


@bp.get("")
@allow("anyone")
def index() -> Any:
    """What fits the visitor's wish: of a course, its homework, a season, a month; the newest or most liked first."""
    course_id = request.args.get("course", type=int)
    assignment_id = request.args.get("work", type=int) if course_id else None
    month, since, until = _month(request.args.get("month", ""))
    sort = "liked" if request.args.get("sort") == "liked" else "newest"
    reader = _reader()
    with reading() as session:
        seasons = {
            one.slug: one for one in club().season_book.choices(session) if one.state != "draft"
        }  # fmt: skip
        season = seasons.get(request.args.get("season", ""))
        span = (season.starts_at, season.ends_at) if season else None
        wish = Wish(
            course_id, assignment_id, since, until, sort, after=request.args.get("after", ""), season=span
        )
        shown = queries_showcase.showcase(session, wish, reader=reader)
        listed = queries_showcase.courses(session)
        works = queries_showcase.assignments(session, course_id) if course_id else []
        told = queries_showcase.of_season(session, span) if span else None
    return render(
        "homework/showcase.html",
        seasons=[(one.slug, one.name) for one in seasons.values()],
        season=season,
        told=told,
        cards=shown.cards,
        more=shown.more,
        after=wish.after,
        may_like=_may_like(),
        courses=listed,
        works=works,
        months=_months(month),
        chosen={
            "course": course_id,
            "work": assignment_id,
            "season": season.slug if season else None,
            "month": month or None,
            "sort": sort if sort != "newest" else None,
        },
        page_meta={
            "title": _("Showcase"),
            "description": _("Featured homework of our members, shown with their consent."),
            "url": absolute_url("qunclub.showcase.index"),
        },
    )


def _may_like() -> bool:
    me = current_me()
    return me is not None and me.number is not None


@bp.get("/by/<int:number>")
@allow("anyone")
def by(number: int) -> Any:
    """The shown works of one author."""
    with reading() as session:
        author = queries_showcase.author(session, number)
        wish = Wish(author=author.id, after=request.args.get("after", ""))
        shown = queries_showcase.showcase(session, wish, reader=_reader())
    name = author.nickname or author.name
    return render(
        "homework/showcase_by.html",
        author=name,
        number=number,
        cards=shown.cards,
        more=shown.more,
        after=wish.after,
        may_like=_may_like(),
        page_meta={
            "title": _("Works of %(author)s", author=name),
            "description": _("Featured homework of our members, shown with their consent."),
            "url": absolute_url("qunclub.showcase.by", number=number),
        },
    )


@bp.get("/mine")
@allow("signed_in")
def mine() -> Any:
    """My featured works: what everybody sees, what not, and why."""
    with reading() as session:
        rows = queries_showcase.own(session, member_id())
    me = current_me()
    return render("homework/showcase_mine.html", rows=rows, number=me.number if me else None)


@bp.route("/mine/<int:submission_id>", methods=["GET", "POST"])
@allow("signed_in")
def agree(submission_id: int) -> Any:
    """Let my featured work be shown, with a sentence of mine; or change the sentence."""
    ident, moment = member_id(), now()
    with reading() as session:
        row = queries_showcase.own_one(session, submission_id=submission_id, member_id=ident)
        pictures = queries_showcase.pictures_of(session, row.attempt_id)
    form = SentenceForm(data={"sentence": row.sentence})
    if form.validate_on_submit():
        with form_errors(form):
            transact(
                lambda work: services_showcase.agree(
                    work,
                    submission_id=submission_id,
                    member_id=ident,
                    sentence=form.sentence.data or "",
                    now=moment,
                )
            )
            if row.team_id and not row.consented_at:
                flash(_("Your yes is noted. Your team's work is shown once all of you have said so."))
                return see_other(".mine")
            flash(
                _("Saved.")
                if row.consented_at
                else _("Your work is in the showcase now. You can take it out whenever you like.")
            )
            if row.hidden_at:
                return see_other(".mine")
            return see_other(".show", entry_id=row.id)
    page = render("homework/showcase_agree.html", row=row, form=form, pictures=len(pictures))
    return (page, 422) if form.errors else page


@bp.get("/<int:entry_id>")
@allow("anyone")
def show(entry_id: int) -> Any:
    """One work with its pictures; other files stay between author and instructors."""
    actor, reader, moment = current_actor_or_none(), _reader(), now()
    with reading() as session:
        row = queries_showcase.showcase_entry(session, entry_id)
        teams = queries_showcase.teams_of(session, [row])
        pictures = queries_showcase.pictures_of(session, row.attempt_id)
        liked = bool(queries_showcase.likes_of(session, reader, [entry_id])) if reader else False
        published = row.course_state == "published"
        opens, offer = False, None
        if published:
            access = club().course_access(session, actor=actor, course_ids=[row.course_id], now=moment)[
                row.course_id
            ]
            opens = access.allowed
            # Where a pass would not help, or not any more, none is offered.
            if access.plan_slugs:
                offer = club().course_offer(session, course_id=row.course_id, now=moment)
    author = queries_showcase.names(row, teams)
    return render(
        "homework/showcase_show.html",
        row=row,
        author=author,
        pictures=pictures,
        liked=liked,
        may_like=_may_like(),
        mine=reader is not None
        and (
            reader == row.member_id
            or any(one.member_id == reader for one in teams.get(row.submission_id, ()))
        ),
        published=published,
        opens=opens,
        offer=offer,
        share=absolute_url("qunclub.showcase.show", entry_id=entry_id),
        page_meta={
            "title": _("%(title)s by %(author)s", title=row.title, author=author),
            "description": row.sentence or plain(row.body_html, 140) or row.course,
            "url": absolute_url("qunclub.showcase.show", entry_id=entry_id),
            "image": absolute_url("qunclub.showcase.card", entry_id=entry_id),
        },
    )


@bp.post("/<int:entry_id>/like")
@allow("member")
def like(entry_id: int) -> Any:
    """Like a work of somebody else, or take that back (``take`` is there)."""
    ident, moment = member_id(), now()
    taking = "take" in request.form

    def command(session: Session) -> int:
        if taking:
            return services_showcase.unlike(session, entry_id=entry_id, member_id=ident)
        return services_showcase.like(session, entry_id=entry_id, member_id=ident, now=moment)

    likes = transact(command)
    if is_htmx():
        return render("homework/_liked.html", entry_id=entry_id, likes=likes, liked=not taking)
    flash(_("You no longer like this work.") if taking else _("You like this work."))
    return see_other(".show", entry_id=entry_id, _anchor=f"like-{entry_id}")


@bp.get("/<int:entry_id>/pictures/<int:file_id>")
@allow("anyone")
def picture(entry_id: int, file_id: int) -> Response:
    """A picture of shown work; asked anew each time, so a withdrawn consent hides it at once."""
    with reading() as session:
        entry = queries_showcase.showcase_entry(session, entry_id)
        row = queries.file_row(session, file_id)
    if row.attempt_id != entry.attempt_id or row.content_type not in PICTURES:
        raise NotFound()
    return attachment(row, inline=True)


@bp.get("/<int:entry_id>/card.png")
@allow("anyone")
def card(entry_id: int) -> Response:
    """The picture that goes with the link; it ends with the consent, like all else."""
    with reading() as session:
        row = queries_showcase.showcase_entry(session, entry_id)
        author = queries_showcase.names(row, queries_showcase.teams_of(session, [row]))
        first = queries_showcase.first_pictures(session, [row.attempt_id]).get(row.attempt_id)
        key = queries.file_row(session, first).storage_key if first else ""
    facts = showcase_card.CardFacts(
        club=club().settings.club_name,
        label=_("Featured homework"),
        title=row.title,
        author=author,
        course=row.course,
        words=row.sentence or plain(row.body_html, 160),
        picture=key,
    )
    # Kept nowhere on the way: whoever asks again is answered by the consent of that moment.
    response = Response(mimetype="image/png", headers={"Cache-Control": "private, no-cache"})
    response.set_etag(facts.etag)
    if facts.etag not in request.if_none_match:
        response.set_data(showcase_card.png(facts, _bytes(key)))
    response.make_conditional(request)
    return response


def _bytes(key: str) -> bytes:
    try:
        return club().files.get(key) if key else b""
    except KeyError:
        return b""
