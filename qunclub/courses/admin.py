"""The course editor: written in Markdown with a preview, ordered, published; a stale save shows both texts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound, Stale, ids, render_markdown
from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    page_number,
    reading,
    register,
    render,
    see_other,
    transact,
    unit_of_work,
    version_in,
)

from . import (
    admin_conditions,
    differences,
    queries,
    queries_media,
    rules_media,
    services,
    services_lessons,
    services_media,
)
from .forms import CourseForm, LessonForm, to_utc, typed
from .models import Course, Lesson

bp = Blueprint("courses_admin", __name__, url_prefix="/admin/courses")
register(
    NavItem(
        area="admin",
        label=_l("Courses"),
        endpoint="qunclub.courses_admin.index",
        icon="book",
        order=40,
        role="admin",
    )
)


@bp.get("")
@allow("admin")
def index() -> Any:
    """Every course."""
    q, state = request.args.get("q", "").strip(), request.args.get("state", "")
    with reading() as session:
        page = queries.admin_list(session, q=q, state=state, page=page_number())
    return render("courses/admin_index.html", page=page, q=q, state=state)


@bp.post("/preview")
@allow("admin")
def preview() -> Any:
    """The rendered text of whatever is being written: a fragment."""
    text = request.form.get("description_md") or request.form.get("body_md") or ""
    return render("courses/_preview.html", html=_rendered(text, request.args.get("course", type=int)))


@bp.route("/new", methods=["GET", "POST"])
@allow("admin")
def new() -> Any:
    """Write a new course."""
    form = CourseForm()
    with reading() as session:
        admin_conditions.offer(session, form)

    def command(session: Session) -> Course:
        made = services.create(session, **_course(form), now=now(), actor=current_actor())
        admin_conditions.keep(session, form, course_id=made.id, actor=current_actor())
        return made

    if form.validate_on_submit() and not _previewing():
        with form_errors(form):
            course = transact(command)
            flash(_("The course is kept as a draft. Add its lessons, then publish it."))
            return see_other(".edit", course_id=course.id)
    return _form_page("courses/admin_course.html", form, course=None, lessons=(), moved=("", 0))


@bp.route("/<int:course_id>", methods=["GET", "POST"])
@allow("admin")
def edit(course_id: int) -> Any:
    """Change a course; see and order its lessons."""
    with reading() as session:
        course = session.get(Course, course_id)
        if course is None:
            raise NotFound()
        session.expunge(course)
        lessons = queries.lessons_of(session, course_id)
        form = CourseForm(obj=course)
        admin_conditions.offer(session, form, course_id)

    def command(session: Session) -> None:
        services.update_course(
            session,
            course_id=course_id,
            version=_version(form),
            **_course(form),
            now=now(),
            actor=current_actor(),
        )
        admin_conditions.keep(session, form, course_id=course_id, actor=current_actor())

    context: dict[str, Any] = {"course": course, "lessons": lessons, "moved": _moved()}
    if form.validate_on_submit() and not _previewing():
        try:
            with form_errors(form):
                transact(command)
                flash(_("Saved."))
                return see_other(".edit", course_id=course_id)
        except Stale as error:
            # Their text beside mine; saving again from here is a decision, so it carries the new version.
            form.version.data = str(course.version)
            context |= {"stale": explain(error), "theirs": course.description_md}
    return _form_page("courses/admin_course.html", form, **context)


@bp.post("/<int:course_id>/state/<state>")
@allow("admin")
def set_state(course_id: int, state: str) -> Any:
    """Publish a course or take it back."""
    if state not in ("published", "draft"):
        raise NotFound()
    with unit_of_work() as session:
        services.set_state(session, course_id=course_id, state=state, now=now(), actor=current_actor())
    flash(_("The course is published.") if state == "published" else _("The course is a draft again."))
    return see_other(".edit", course_id=course_id)


@bp.post("/<int:course_id>/move/<direction>")
@allow("admin")
def move(course_id: int, direction: str) -> Any:
    """Move a course up or down in the catalogue."""
    with unit_of_work() as session:
        services.move_course(
            session, course_id=course_id, step=_step(direction), now=now(), actor=current_actor()
        )
    return see_other(".index")


@bp.route("/<int:course_id>/lessons/new", methods=["GET", "POST"])
@allow("admin")
def new_lesson(course_id: int) -> Any:
    """Write a new lesson."""
    with reading() as session:
        course = session.get(Course, course_id)
        if course is None:
            raise NotFound()
        session.expunge(course)
        files = queries_media.choices(session, course_id)
    form = LessonForm()
    _offer(form, files)
    if form.validate_on_submit() and not _previewing():
        with form_errors(form):
            transact(
                lambda session: services_lessons.add_lesson(
                    session, course_id=course_id, **_lesson(form), now=now(), actor=current_actor()
                )
            )
            flash(_("The lesson is added at the end of the course."))
            return see_other(".edit", course_id=course_id)
    return _form_page("courses/admin_lesson.html", form, course=course, lesson=None)


@bp.route("/lessons/<int:lesson_id>", methods=["GET", "POST"])
@allow("admin")
def edit_lesson(lesson_id: int) -> Any:
    """Change a lesson."""
    with reading() as session:
        lesson, course = _lesson_and_course(session, lesson_id)
        files = queries_media.choices(session, course.id)
        medium = services_media.name_of(session, lesson.media_id)
    # Moments are typed in the club's time zone; what was typed wins over what is kept.
    form = LessonForm(obj=lesson)
    if not form.is_submitted():
        form.media.data = medium
        for field in (form.opens_at, form.live_starts_at, form.live_ends_at):
            field.data = typed(getattr(lesson, field.name))
    _offer(form, files)
    context: dict[str, Any] = {"course": course, "lesson": lesson}
    if form.validate_on_submit() and not _previewing():
        try:
            with form_errors(form):
                transact(
                    lambda session: services_lessons.update_lesson(
                        session,
                        lesson_id=lesson_id,
                        version=_version(form),
                        **_lesson(form),
                        now=now(),
                        actor=current_actor(),
                    )
                )
                flash(_("Saved."))
                return see_other(".edit_lesson", lesson_id=lesson_id)
        except Stale as error:
            form.version.data = str(lesson.version)
            context |= {"stale": explain(error), "theirs": lesson.body_md}
    return _form_page("courses/admin_lesson.html", form, **context)


@bp.post("/lessons/<int:lesson_id>/move/<direction>")
@allow("admin")
def move_lesson(lesson_id: int, direction: str) -> Any:
    """Move a lesson up or down in its course."""
    with unit_of_work() as session:
        moved = services.move_lesson(
            session, lesson_id=lesson_id, step=_step(direction), now=now(), actor=current_actor()
        )
        course_id = moved.course_id
    # Whoever moves it by keyboard goes on with the same button.
    return see_other(".edit", course_id=course_id, moved=f"{direction}-{lesson_id}", _anchor="lessons")


@bp.post("/<int:course_id>/lessons/order")
@allow("admin")
def order_lessons(course_id: int) -> Any:
    """Put the lessons into the order in which they were dragged."""
    order = [int(one[:9]) for one in request.form.getlist("lesson") if one.isdecimal()]
    with unit_of_work() as session:
        services.order_lessons(session, course_id=course_id, order=order, now=now(), actor=current_actor())
    return ("", 204)


@bp.get("/lessons/<int:lesson_id>/versions")
@allow("admin")
def versions(lesson_id: int) -> Any:
    """How a lesson stood before; one of them beside what is there now."""
    chosen = request.args.get("number", "")
    with reading() as session:
        lesson, course = _lesson_and_course(session, lesson_id)
        kept = queries.versions(session, lesson_id)
        number = int(chosen[:9]) if chosen.isdecimal() else kept[0].number if kept else 0
        shown = queries.version(session, lesson_id, number) if kept else None
        if shown is not None:
            session.expunge(shown)
    if shown is None and kept:
        raise NotFound()
    return render(
        "courses/admin_versions.html",
        course=course,
        lesson=lesson,
        versions=kept,
        shown=shown,
        lines=differences.lines(shown.body_md, lesson.body_md) if shown else (),
    )


@bp.post("/lessons/<int:lesson_id>/versions/<int:number>/restore")
@allow("admin")
def restore(lesson_id: int, number: int) -> Any:
    """Bring an earlier version back."""
    version = request.form.get("version", "")
    try:
        with unit_of_work() as session:
            services_lessons.restore(
                session,
                lesson_id=lesson_id,
                number=number,
                version=version_in(version),
                now=now(),
                actor=current_actor(),
            )
    except Stale as error:
        flash(explain(error), "warning")
        return see_other(".versions", lesson_id=lesson_id, number=number)
    flash(_("Version %(number)s is back. What stood there is kept as a version too.", number=number))
    return see_other(".edit_lesson", lesson_id=lesson_id)


def _form_page(template: str, form: CourseForm | LessonForm, **context: Any) -> Any:
    stale = context.get("stale")
    source = form.description_md.data if isinstance(form, CourseForm) else form.body_md.data
    # What is there is shown from the start; scripts keep it in step, and the button does without them.
    course = context.get("course")
    shown = _rendered(source, course.id if course else None) if source else "" if _previewing() else None
    page = render(template, form=form, preview=shown, **context)
    return (page, 409) if stale else (page, 422) if form.errors else page


def _rendered(source: str, course_id: int | None) -> str:
    """A text as it will be, its files where an editor can fetch them before any lesson shows them."""
    html = render_markdown(source)
    if not course_id:
        return html
    return rules_media.linked(
        html, lambda name: url_for("qunclub.media_admin.look", course_id=course_id, name=name)
    )


def _offer(form: LessonForm, files: list[tuple[str, str]]) -> None:
    form.media.choices = [("", _("None")), *((name, name) for name, _type in files)]


def _moved() -> tuple[str, int]:
    """Which button of which lesson was pressed before this page."""
    direction, _dash, ident = request.args.get("moved", "").partition("-")
    return direction, int(ident[:9]) if ident.isdecimal() else 0


def _previewing() -> bool:
    return "preview" in request.form


def _step(direction: str) -> int:
    if direction not in ("up", "down"):
        raise NotFound()
    return -1 if direction == "up" else 1


def _version(form: CourseForm | LessonForm) -> int:
    return version_in(form.version.data)


def _course(form: CourseForm) -> dict[str, Any]:
    title = (form.title.data or "").strip()
    return {
        "title": title,
        "slug": (form.slug.data or "").strip() or ids.slugify(title),
        "summary": (form.summary.data or "").strip(),
        "description_md": form.description_md.data or "",
        "ordered": bool(form.ordered.data),
        "certificate": bool(form.certificate.data),
    }


def _lesson(form: LessonForm) -> dict[str, Any]:
    title = (form.title.data or "").strip()
    return {
        "title": title,
        "slug": (form.slug.data or "").strip() or ids.slugify(title),
        "summary": (form.summary.data or "").strip(),
        "body_md": form.body_md.data or "",
        "minutes": form.minutes.data or 0,
        "is_preview": bool(form.is_preview.data),
        "state": form.state.data or "published",
        "opens_at": to_utc(form.opens_at.data),
        "opens_after_days": form.opens_after_days.data,
        "kind": form.kind.data or "article",
        "media": form.media.data or "",
        "live_url": (form.live_url.data or "").strip(),
        "live_starts_at": to_utc(form.live_starts_at.data),
        "live_ends_at": to_utc(form.live_ends_at.data),
    }


def _lesson_and_course(session: Session, lesson_id: int) -> tuple[Lesson, Course]:
    lesson = session.get(Lesson, lesson_id)
    if lesson is None:
        raise NotFound()
    course = session.get_one(Course, lesson.course_id)
    # A host may share this session: only what is ours is let go.
    session.expunge(lesson)
    session.expunge(course)
    return lesson, course
