"""Courses and their lessons: free previews for everybody, the rest for whoever holds a pass; progress kept exactly."""

from .rules import check_slug
from .services import (
    complete_lesson,
    create,
    move_course,
    move_lesson,
    open_lesson,
    publish,
    set_state,
    update_course,
)
from .services_lessons import LessonDraft, add_lesson, restore, update_lesson

__all__ = [
    "LessonDraft",
    "add_lesson",
    "check_slug",
    "complete_lesson",
    "create",
    "move_course",
    "move_lesson",
    "open_lesson",
    "publish",
    "restore",
    "set_state",
    "update_course",
    "update_lesson",
]
