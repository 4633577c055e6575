"""``flask qunclub …``: the database, the demo club, admins, the doctor, the replay, and the servers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy import Engine

from qunclub import migrate
from qunclub.kernel import Actor, ClubError, Conflict, clock
from qunclub.web.state import club
from qunclub.web.uow import retrying, transaction

qunclub = AppGroup("qunclub", help="The club: database, demo, admins, doctor, replay, servers.")
db = AppGroup("db", help="The club's own tables.")
admin = AppGroup("admin", help="Admins of the club.")
replay = AppGroup("replay", help="Play real records through the club's services.")
course = AppGroup("course", help="Courses as folders of Markdown.")
points = AppGroup("points", help="The ledger of points and what follows from it.")
takings = AppGroup("takings", help="What came in and went back, day by day.")
template = AppGroup("template", help="The shape of the club as a file.")
for group in (db, admin, replay, course, points, takings, template):
    qunclub.add_command(group)


def engine() -> Engine:
    """The engine behind the club's session."""
    bind = club().session().get_bind()
    return bind if isinstance(bind, Engine) else bind.engine


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the club's tables up to this version."""
    migrate.upgrade(engine())
    click.echo("The club's tables are up to date.")


@db.command("check")
def db_check() -> None:
    """Exit 1 when migrations are pending or the tables differ from the models."""
    with engine().connect() as connection:
        if migrate.pending(connection):
            raise click.ClickException("Migrations are pending; run `flask --app app qunclub db upgrade`.")
    differences = migrate.differences(engine())
    for difference in differences:
        click.echo(str(difference), err=True)
    if differences:
        raise click.ClickException("The tables differ from the models.")
    click.echo("The club's tables match this version.")


def _has_accounts() -> bool:
    return "qunclub.accounts" in current_app.blueprints


@qunclub.command("demo")
def demo() -> None:
    """Fill an empty database with a demo club; does nothing when somebody lives in it."""
    from qunclub.demo.build import build

    click.echo(build(club(), ways_in=_has_accounts()))


@admin.command("create")
@click.option("--email", prompt=True)
@click.option("--name", prompt=True)
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True)
def admin_create(email: str, name: str, password: str) -> None:
    """Make an admin, or make an existing account one (the password is then left as it was)."""
    if not _has_accounts():
        raise click.ClickException(
            "The people of this app are its own: give them the role admin in its identity's current()."
        )
    from qunclub import members
    from qunclub.adapters import accounts

    state = club()
    session = state.session()
    now = state.clock()
    try:
        with transaction(session):
            account = accounts.services.create_verified(
                session, email=email, name=name, password=password, now=now
            )
            identity = accounts.services.identity_of(account)
            actor, _me = members.identify(session, identity, now)
            assert actor.member_id is not None  # identify makes the row
            members.set_roles(
                session,
                member_id=actor.member_id,
                roles={"admin"},
                actor=Actor.system("command line"),
                now=now,
            )
    except ClubError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{email} is an admin of the club.")


@course.command("import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def course_import(folder: Path) -> None:
    """Make the course in FOLDER, or bring the one with its slug up to it; a broken folder changes nothing."""
    from qunclub.courses.folder import Broken, read
    from qunclub.courses.services_conditions import Books
    from qunclub.courses.services_folder import bring_in
    from qunclub.courses.services_folder_files import keeping, looked_at, there
    from qunclub.kernel.scanning import scan_all

    state = club()
    books = Books(state.group_book, state.season_book)
    session = state.session()
    try:
        text = read(folder)
        files = looked_at(text, max_bytes=state.settings.media_max_bytes)
        scan_all(state.scanner, files)
        old = there(session, text.slug)
        session.rollback()
        with keeping(state.files, files, old) as kept:
            report = retrying(
                session,
                lambda session: bring_in(
                    session,
                    text,
                    actor=Actor.system("command line"),
                    now=state.clock(),
                    books=books,
                    files=kept,
                ),
            )
    except Broken as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        raise click.ClickException("Nothing was imported.") from None
    except ClubError as error:
        raise click.ClickException(f"Nothing was imported: {error}") from None
    click.echo(
        f"{text.slug}: {'made' if report.created else 'brought up to date'}, {len(text.lessons)} lessons."
    )
    for word, slugs in (("added", report.added), ("changed", report.changed), ("now drafts", report.retired)):
        if slugs:
            click.echo(f"  {word}: {', '.join(slugs)}")


@course.command("export")
@click.argument("slug")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def course_export(slug: str, folder: Path) -> None:
    """Write the course of SLUG into FOLDER, new or empty; importing it gives the same course."""
    from qunclub.courses.folder import write
    from qunclub.courses.services_conditions import Books
    from qunclub.courses.services_folder import export

    state = club()
    session = state.session()
    try:
        text = export(session, slug=slug, books=Books(state.group_book, state.season_book), store=state.files)
    except Conflict as error:
        raise click.ClickException(str(error)) from None
    except ClubError:
        raise click.ClickException(f"There is no course with the address {slug}.") from None
    finally:
        session.rollback()
    try:
        files = write(text, folder)
    except FileExistsError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{slug}: {len(files)} files written into {folder}.")


@template.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def template_export(file: Path) -> None:
    """Write how the club is set up (no people, no secrets) into FILE."""
    from qunclub import cloning

    session = club().session()
    file.write_bytes(cloning.dump(cloning.take(session)))
    session.rollback()
    click.echo(f"The club's template is in {file}.")


@template.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def template_import(file: Path) -> None:
    """Make what FILE has and the club has not; a broken file changes nothing."""
    from qunclub import cloning

    state = club()
    try:
        shape = cloning.parse(file.read_bytes())
        done = retrying(
            state.session(),
            lambda session: cloning.bring(
                session, shape, actor=Actor.system("command line"), now=state.clock()
            ),
        )
    except cloning.Broken as broken:
        raise click.ClickException("\n".join(broken.problems)) from None
    for one in done:
        click.echo(f"{one.state:<8} {one.part} {one.key}")


@qunclub.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> None:
    """Check every promise of the club against the live database; exit 1 when one is broken."""
    state = club()
    session = state.session()
    now = state.clock()
    findings = [(name, f) for name, check in state.doctors.items() for f in check(session, now)]
    session.rollback()
    if as_json:
        rows = [
            {"room": n, "promise": f.promise, "message": f.message, "details": f.details} for n, f in findings
        ]
        click.echo(json.dumps({"ok": not rows, "findings": rows}, ensure_ascii=False, indent=1, default=str))
    else:
        for name, finding in findings:
            click.echo(f"[{name}] promise {finding.promise}: {finding.message}")
        if not findings:
            click.echo(f"All promises hold ({len(state.doctors)} rooms looked at).")
    if findings:
        sys.exit(1)


@replay.command("oulad")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--module", "modules", multiple=True, help="Only this module (may be given again).")
@click.option("--seats", default=69, show_default=True, help="Seats of the core group.")
@click.option("--eliminate", default=7, show_default=True, help="Last places that leave at each closing.")
@click.option(
    "--json", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write the result here."
)
@click.option("--batch", default=400, show_default=True, help="How many events are committed together.")
def replay_oulad(
    folder: Path, modules: tuple[str, ...], seats: int, eliminate: int, target: Path | None, batch: int
) -> None:
    """Play the Open University's records (OULAD, CC BY 4.0) through the club, in time order, into an empty club."""
    from qunclub.replay import oulad

    state = club()
    try:
        result = oulad.run(
            state.session(),
            oulad.Options(folder, modules, seats, eliminate, batch),
            transaction=lambda command: retrying(state.session(), command),
            progress=lambda line: click.echo(line, err=True),
            monotonic=clock.monotonic,
            now=state.clock,
        )
    except ClubError as error:
        raise click.ClickException(str(error)) from None
    text = json.dumps(result, indent=1, sort_keys=True)
    if target is None:
        click.echo(text)
    else:
        part = target.with_name(target.name + ".part")
        part.write_text(text + "\n")
        part.replace(target)


@takings.command("rebuild")
def takings_rebuild() -> None:
    """Make the takings anew from every payment and refund, in the club's present time zone."""
    from qunclub.orders import jobs_takings

    click.echo(f"{jobs_takings.rebuild(club())} payments and refunds are booked.")


@points.command("standings")
@click.option(
    "--at",
    default="",
    help="A day (to its end) or a moment, ISO 8601, in the club's time; else now.",
)
@click.option("--season", default="", help="The season's address; all time when not given.")
def points_standings(at: str, season: str) -> None:
    """Print how everybody stood at a date, made anew from the ledger; exit 1 when now is not what is kept."""
    from qunclub.points import reckoning

    state = club()
    session = state.session()
    try:
        moment = reckoning.moment_of(at, state.settings.zone) if at else state.clock()
        found = reckoning.standings(session, season, moment, compare=not at)
    except ClubError as error:
        raise click.ClickException(str(error)) from None
    finally:
        session.rollback()
    click.echo("place,number,points,featured,last_day")
    for row in found.rows:
        click.echo(",".join("" if value is None else str(value) for value in row))
    if found.differs:
        raise click.ClickException("What is kept is not this; the doctor says more.")


@qunclub.command("similar")
def similar() -> None:
    """Make the signatures by which similar works are found, for every work that has none yet."""
    from qunclub.homework import jobs_similar

    click.echo(f"{jobs_similar.sweep(club(), rounds=None)} works were signed.")


@qunclub.command("jobs")
def jobs_once() -> None:
    """Sweep once and empty the outbox, without a worker (for cron, or to look)."""
    from qunclub import jobs

    for name, count in jobs.sweep(club()).items():
        click.echo(f"{name}: {count}")


@qunclub.command("serve")
def serve() -> None:
    """Start web, job worker and (without a Stripe key) the pay sandbox; stop them together."""
    from qunclub import serving

    state = club()
    with engine().connect() as connection:
        if migrate.pending(connection):
            raise click.ClickException(
                "Migrations are pending; run `flask --app app qunclub db upgrade` first."
            )
    sys.exit(serving.supervise(state.settings, current_app.import_name))


@qunclub.command("web", hidden=True)
def web() -> None:
    """The web server alone."""
    from qunclub import serving

    serving.run_web(club().settings, current_app.import_name)


@qunclub.command("worker")
def worker() -> None:
    """The job worker alone."""
    from qunclub import serving

    if club().huey is None:
        raise click.ClickException(
            "This app has no job worker: give init_app jobs_too=True, or run `qunclub jobs`."
        )
    serving.run_worker(current_app._get_current_object())  # type: ignore[attr-defined]  # a LocalProxy


@qunclub.command("sandbox")
def sandbox() -> None:
    """The pay sandbox alone."""
    from qunclub import serving

    path = current_app.url_map.bind("").build("qunclub.orders_webhook.stripe")
    serving.run_pay_sandbox(club().settings, webhook_path=path)
