"""What has to be in work that is handed in: text, files, which kinds of files, and a link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qunclub.kernel import N_, Invalid

TEXT_PARTS = ("optional", "required")
FILE_PARTS = ("optional", "required", "none")
LINK_PARTS = ("none", "optional", "required")
ENDINGS = {
    "picture": (".png", ".jpg", ".jpeg", ".webp", ".gif"),
    "pdf": (".pdf",),
    "office": (".pptx", ".docx", ".xlsx"),
    "archive": (".zip",),
    "text": (".txt", ".md"),
}
"""The kinds of files an assignment can be narrowed to, with the endings of each."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an assignment asks for; no *kinds* means every kind the club takes."""

    text: str = "optional"
    files: str = "optional"
    kinds: tuple[str, ...] = ()
    link: str = "none"


def parts_of(text: str, files: str, kinds: str, link: str) -> Parts:
    """As the assignment keeps them: *kinds* is separated by commas."""
    return Parts(text, files, tuple(one for one in kinds.split(",") if one), link)


def check_parts(parts: Parts) -> None:
    """Refuse what nobody could hand in.

    Raises:
        Invalid: naming the field.
    """
    if parts.text not in TEXT_PARTS or parts.files not in FILE_PARTS:
        raise Invalid(N_("Choose what has to be handed in."), field="file_part")
    if parts.link not in LINK_PARTS:
        raise Invalid(N_("Choose what has to be handed in."), field="link_part")
    if set(parts.kinds) - set(ENDINGS):
        raise Invalid(N_("Choose among the kinds of files that are listed."), field="file_kinds")


def check_handed_in(parts: Parts, body_md: str, names: Sequence[str], link: str = "") -> None:
    """Refuse work that lacks a part, or has a file of another kind.

    Args:
        names: of the files, as they are kept: their endings say what they are.
        link: as ``rules_links.clean_link`` gives it.

    Raises:
        Invalid: on ``body_md``, ``files`` or ``link``.
    """
    if parts.text == "required" and not body_md.strip():
        raise Invalid(N_("This homework asks for a text: write it here."), field="body_md")
    if parts.files == "required" and not names:
        raise Invalid(N_("This homework asks for a file: add one."), field="files")
    if parts.files == "none" and names:
        raise Invalid(N_("This homework takes no files, only text."), field="files")
    if parts.link == "required" and not link:
        raise Invalid(N_("This homework asks for a link: add it."), field="link")
    if parts.link == "none" and link:
        raise Invalid(N_("This homework takes no link; put it into your text."), field="link")
    fitting = endings(parts)
    for name in names:
        if not name.lower().endswith(fitting):
            raise Invalid(
                N_("%(name)s is not of a kind this homework takes: %(endings)s."),
                field="files",
                name=name,
                endings=", ".join(fitting),
            )


def endings(parts: Parts) -> tuple[str, ...]:
    """The endings of the files an assignment takes."""
    kinds = parts.kinds or tuple(ENDINGS)
    return tuple(ending for kind in ENDINGS if kind in kinds for ending in ENDINGS[kind])
