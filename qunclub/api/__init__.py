"""The frame of the club's API for programs: tokens, problems, the OpenAPI document. It holds no capability.

A capability brings ``api_*.py`` with a ``flask_smorest.Blueprint`` under ``/api/v1``, made with :func:`blueprint`.
"""

from .guard import bearer, current_token, register_scope
from .problems import Problem, blueprint

__all__ = ["Problem", "bearer", "blueprint", "current_token", "register_scope"]
