"""Courses and their lessons: free previews for everybody, the rest for whoever holds a pass; progress kept exactly."""

from .rules import check_slug
from .services import (
    complete_lesson,
    create,
    move_course,
    move_lesson,
    open_lesson,
    order_lessons,
    publish,
    set_state,
    update_course,
)
from .services_answers import answer, mark_best
from .services_forget import forget
from .services_lessons import LessonDraft, add_lesson, restore, update_lesson
from .services_questions import ask

__all__ = [
    "LessonDraft",
    "add_lesson",
    "answer",
    "ask",
    "check_slug",
    "complete_lesson",
    "create",
    "forget",
    "mark_best",
    "move_course",
    "move_lesson",
    "open_lesson",
    "order_lessons",
    "publish",
    "restore",
    "set_state",
    "update_course",
    "update_lesson",
]
