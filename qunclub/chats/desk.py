"""Chats for hosts: the way in, who is to be let in, renamed and put out, what the bot says and does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.house.views_words import ROLES
from qunclub.kernel import Conflict, Invalid, NotFound, Stale, ids, locks, scanning
from qunclub.kernel.uploads import clean_name
from qunclub.web import (
    N_,
    NavItem,
    _,
    _l,
    _n,
    allow,
    club,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    reading,
    register,
    render,
    see_other,
    transact,
    version_in,
)

from . import pictures, queries, rules, services, services_hush, services_join, tasks
from .forms import SayForm, WayInForm
from .models import Chat, ChatJoin
from .services import ChatDraft
from .views_words import JOIN_LABELS, KIND_LABELS, POST_LABELS, TASK_LABELS, WHY

bp = Blueprint("chats_desk", __name__, url_prefix="/desk/chats")
register(
    NavItem(
        area="desk",
        label=_l("Chats"),
        endpoint="qunclub.chats_desk.index",
        icon="chat-dots",
        order=32,
        role="host",
    )
)
MUTE_HOURS = 24


def _my_group(session: Session, group_id: int) -> None:
    """Let nobody pass but the group's own hosts, those of the whole club, and admins."""
    actor = current_actor()
    if not groups.is_host_of(session, group_id=group_id, member_id=actor.member_id, roles=actor.roles):
        # As if it were not there: as at the group's door.
        raise NotFound()


@bp.get("")
@allow("host")
def index() -> Any:
    """Every group with its chat: what is to be done there, and until when its way in is good."""
    only = "open" if request.args.get("only") == "open" else ""
    with reading() as session:
        actor = current_actor()
        page = queries.listed(
            session,
            only=only,
            after=request.args.get("after", "")[:40],
            groups_of=None
            if actor.has("admin") or actor.member_id is None
            # A host with no group of their own is the whole club's.
            else groups.hosted_by(session, actor.member_id) or None,
        )
        return render("chats/desk.html", page=page, only=only, kinds=KIND_LABELS, now=now(), rules=rules)


@bp.get("/<int:group_id>")
@allow("host")
def show(group_id: int) -> Any:
    """One chat: the list of what is to be done, requests to join, what the bot said."""
    return _page(group_id)


def _page(group_id: int, form: SayForm | None = None) -> Any:
    state = "done" if request.args.get("state") == "done" else "open"
    with reading() as session:
        _my_group(session, group_id)
        view = queries.view(session, group_id, state=state, after=request.args.get("after", "")[:40])
        if view is None:
            return see_other(".way_in", group_id=group_id)
        page = render(
            "chats/desk_show.html",
            view=view,
            state=state,
            form=form or SayForm(formdata=None, data={"key": ids.token(18)}),
            kinds=KIND_LABELS,
            tasks=TASK_LABELS,
            joins=JOIN_LABELS,
            posts=POST_LABELS,
            why=WHY,
            roles=ROLES,
            connected=bool(club().connectors),
            expired=rules.expired(view.chat.expires_at, now()),
        )
    return page, 422 if form is not None and form.errors else 200


@bp.route("/<int:group_id>/way-in", methods=["GET", "POST"])
@allow("host")
def way_in(group_id: int) -> Any:
    """Say where a group's chat is and until when that is good."""
    with reading() as session:
        _my_group(session, group_id)
        group, line, chat = queries.group_of(session, group_id)
        session.expunge_all()
    form = WayInForm()
    if not form.is_submitted():
        form.entry_url.data, form.entry_note.data = group.entry_url, group.entry_note
        form.kind.data = chat.kind if chat else "wechat"
        form.ref.data, form.version.data = (chat.ref, str(chat.version)) if chat else ("", "0")
        form.expires_on.data = _day_of(chat.expires_at) if chat and chat.expires_at else None
    if not current_actor().has("admin"):
        # Which Telegram group the bot serves decides who gets in where: that is an admin's.
        del form.ref
    stale = ""
    if form.validate_on_submit():
        try:
            with form_errors(form):
                _save(form, group_id, chat)
                flash(_("Saved."))
                return see_other(".show", group_id=group_id)
        except Stale as error:
            # What was typed stays in the form; saving again from here is a decision, so it carries the new version.
            stale, form.version.data = explain(error), str(chat.version if chat else 0)
    page = render(
        "chats/way_in.html", form=form, group=group, line=line, chat=chat, stale=stale,
        expired=bool(chat) and rules.expired(chat.expires_at if chat else None, now()),
    )  # fmt: skip
    return page, 409 if stale else 422 if form.errors else 200


def _save(form: WayInForm, group_id: int, chat: Chat | None) -> None:
    kind, moment, actor = str(form.kind.data), now(), current_actor()
    came = request.files.get("picture")
    new = _sent() if came is not None and came.filename else None
    expires = _end_of(form.expires_on.data) if form.expires_on.data else None
    if new is not None and expires is None and kind == "wechat":
        expires = _end_of(
            moment.astimezone(club().settings.zone).date() + dt.timedelta(days=rules.WECHAT_DAYS)
        )
    if chat is not None and new is not None and expires == chat.expires_at and rules.expired(expires, moment):
        raise Invalid(N_("This day has passed; choose one to come."), field="expires_on")
    key = f"{pictures.FOLDER}/{ids.token(24)}" if new is not None else None
    if key is not None and new is not None:
        club().files.put(key, new)
    draft = ChatDraft(
        kind=kind,
        entry_url=form.entry_url.data or "",
        entry_note=form.entry_note.data or "",
        expires_at=expires,
        ref=(form.ref.data or "") if form.ref else (chat.ref if chat else ""),
        picture=key if key is not None else "" if form.drop_picture.data else None,
    )
    read = form.version.data or ""
    version = version_in(read)
    try:
        transact(
            lambda session: services.set_chat(
                session, group_id=group_id, draft=draft, version=version, actor=actor, now=moment
            )
        )
    except BaseException:
        if key is not None:
            club().files.delete(key)
        raise


def _sent() -> bytes:
    came = request.files["picture"]
    clean = pictures.check(came.stream.read(pictures.MOST_BYTES + 1))
    scanning.scan(club().scanner, clean_name(came.filename or ""), clean, field="picture")
    return clean


def _end_of(day: dt.date) -> dt.datetime:
    """The end of a day in the club's zone."""
    after = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(0), club().settings.zone)
    return after.astimezone(dt.UTC)


def _day_of(end: dt.datetime) -> dt.date:
    return (end - dt.timedelta(minutes=1)).astimezone(club().settings.zone).date()


@bp.post("/tasks/<int:task_id>/done")
@allow("host")
def done(task_id: int) -> Any:
    """It is done."""
    return _on_task(task_id, again=False)


@bp.post("/tasks/<int:task_id>/again")
@allow("host")
def again(task_id: int) -> Any:
    """Let in once more."""
    return _on_task(task_id, again=True)


def _on_task(task_id: int, *, again: bool) -> Any:
    actor, moment = current_actor(), now()
    verb = tasks.let_in_again if again else tasks.tick
    return _acted(
        lambda session: queries.group_of_task(session, task_id),
        lambda session: verb(session, task_id=task_id, actor=actor, now=moment),
        _("Their next request to join is answered with yes.") if again else _("Done."),
    )


@bp.post("/hushes/<int:hush_id>/done")
@allow("host")
def hushed(hush_id: int) -> Any:
    """All whom a mute means were let only read in the chat, or write again."""
    actor, moment = current_actor(), now()
    return _acted(
        lambda session: queries.group_of_hush(session, hush_id),
        lambda session: services_hush.tick(session, hush_id=hush_id, actor=actor, now=moment),
        _("Done."),
    )


def _acted(group_of: Callable[[Session], int], act: Callable[[Session], object], said: str) -> Any:
    """Do something in one of the actor's own groups, and back to its chat."""

    def command(session: Session) -> int:
        group_id = group_of(session)
        _my_group(session, group_id)
        act(session)
        return group_id

    try:
        group_id = transact(command)
    except Conflict as error:
        flash(explain(error), "warning")
        return see_other(".index")
    flash(said)
    return see_other(".show", group_id=group_id)


@bp.post("/<int:group_id>/say")
@allow("host")
def say(group_id: int) -> Any:
    """Have the bot say something."""
    form, actor, moment = SayForm(), current_actor(), now()
    with reading() as session:
        _my_group(session, group_id)
    if form.validate_on_submit():
        # Under the group's own name: what one chat says is never taken for what another, or a board, says there.
        key = f"desk:{group_id}:{(form.key.data or '')[:36] or ids.token(18)}"
        with form_errors(form):
            transact(
                lambda session: services.announce(
                    session, chat_id=services.chat_of(session, group_id).id, key=key, body=form.body.data or "",
                    actor=actor, now=moment,
                )
            )  # fmt: skip
            flash(_("The bot says it in a moment."))
            return see_other(".show", group_id=group_id, _anchor="said")
    return _page(group_id, form)


@bp.post("/posts/<int:post_id>/again")
@allow("host")
def say_again(post_id: int) -> Any:
    """Say once more what is not in the chat."""
    actor, moment = current_actor(), now()

    def command(session: Session) -> int:
        group_id = queries.group_of_post(session, post_id)
        _my_group(session, group_id)
        services.announce_again(session, post_id=post_id, actor=actor, now=moment)
        return group_id

    group_id = transact(command)
    return see_other(".show", group_id=group_id, _anchor="said")


@bp.post("/<int:group_id>/invite")
@allow("admin")
def invite(group_id: int) -> Any:
    """Have the bot make the link by which one asks to join."""
    moment = now()
    transact(
        lambda session: services.ask(
            session, "invite", now=moment, chat_id=services.chat_of(session, group_id).id
        )
    )
    flash(_("The bot makes the link; it stands here in a moment."))
    return see_other(".show", group_id=group_id)


@bp.post("/<int:group_id>/retry")
@allow("host")
def retry(group_id: int) -> Any:
    """Set the bot once more to what it could not do."""
    moment = now()

    def command(session: Session) -> int:
        _my_group(session, group_id)
        chat = locks.lock(session, Chat, services.chat_of(session, group_id).id)
        chat.trouble = ""
        return services_join.ask_again(session, chat=chat, now=moment)

    transact(command)
    flash(_("The bot tries again."))
    return see_other(".show", group_id=group_id)


@bp.post("/<int:group_id>/compare")
@allow("host")
def compare(group_id: int) -> Any:
    """Put on the list what the seats ask for and the list does not have."""
    moment = now()

    def command(session: Session) -> int:
        _my_group(session, group_id)
        chat = locks.lock(session, Chat, services.chat_of(session, group_id).id)
        return tasks.compare(session, chat=chat, now=moment) + services_hush.mend(
            session, chat=chat, now=moment
        )

    found = transact(command)
    if found:
        flash(_n("%(num)s line is new on the list.", "%(num)s lines are new on the list.", found), "info")
    else:
        flash(_("The list has everything that the seats ask for."))
    return see_other(".show", group_id=group_id)


@bp.post("/joins/<int:join_id>/mute")
@allow("host")
def mute(join_id: int) -> Any:
    """Have the bot let a member only read for a day."""
    return _quiet(join_id, on=True)


@bp.post("/joins/<int:join_id>/unmute")
@allow("host")
def unmute(join_id: int) -> Any:
    """Have the bot let a member write again."""
    return _quiet(join_id, on=False)


def _quiet(join_id: int, *, on: bool) -> Any:
    moment = now()

    def command(session: Session) -> int:
        join = session.get(ChatJoin, join_id)
        if join is None or join.member_id is None or join.state != "approved":
            raise NotFound()
        chat = session.get_one(Chat, join.chat_id)
        _my_group(session, chat.group_id)
        key, group_id = f"desk:{int(moment.timestamp())}", int(chat.group_id)
        if on:
            until = moment + dt.timedelta(hours=MUTE_HOURS)
            services.mute(
                session, group_id=group_id, member_id=join.member_id, until=until, key=key, now=moment
            )
        else:
            services.unmute(session, group_id=group_id, member_id=join.member_id, key=key, now=moment)
        return group_id

    group_id = transact(command)
    flash(
        _("They can only read, for 24 hours.") if on else _("They can write again."),
        "info",
    )
    return see_other(".show", group_id=group_id, _anchor="joins")
