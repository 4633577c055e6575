"""Reads Stripe's form encoding and holds it against the parameter types that the Stripe SDK publishes."""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import typing_extensions
from stripe import RequestOptions

from .errors import ApiError

_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_WRAPPERS = (typing_extensions.NotRequired, typing_extensions.Required, typing.NotRequired, typing.Required)
_OPTIONS = frozenset(RequestOptions.__annotations__)  # how to call, not what to send
_UNDEFINED_THERE = {"StripeContext": object, "Mapping": Mapping}

Form = dict[str, Any]


def nested(pairs: Iterable[tuple[str, str]]) -> Form:
    """``a[b][0][c]=1`` and ``a[]=1`` as dicts and lists of strings.

    Raises:
        ApiError: when a key is malformed or used in two ways.
    """
    root: Form = {}
    for key, value in pairs:
        match = _KEY.match(key)
        if match is None:
            raise _unknown(key)
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        here = root
        for step in path[:-1]:
            here = here.setdefault(step or str(len(here)), {})
            if not isinstance(here, dict):
                raise ApiError("Invalid request: a parameter is used as a value and as a hash.", param=key)
        here[path[-1] or str(len(here))] = value
    return {name: _lists(value) for name, value in root.items()}


def _lists(value: Any) -> Any:
    """Dicts whose keys are 0, 1, 2… are lists."""
    if not isinstance(value, dict):
        return value
    if value and list(value) == [str(i) for i in range(len(value))]:
        return [_lists(item) for item in value.values()]
    return {key: _lists(item) for key, item in value.items()}


def checked(form: Form, shape: Any, *, supported: frozenset[str]) -> Form:
    """*form* with numbers and booleans read, as the SDK's TypedDict *shape* describes it.

    Args:
        supported: paths without indexes that the caller acts on, such as ``line_items[quantity]``; one that ends in
            ``*`` stands for everything below it.

    Raises:
        ApiError: for what Stripe does not publish, what has the wrong type, what is missing, and what is published but
            not acted on by this sandbox.
    """
    values: Form = _hash(form, shape, "", top=True)
    exact = {path for path in supported if not path.endswith("*")}
    below = tuple(path[:-1] for path in supported if path.endswith("*"))
    for path in _leaves(form, ""):
        plain = re.sub(r"\[\d+\]", "", path)
        if plain not in exact and not plain.startswith(below or ("\0",)):
            raise ApiError(
                f"The pay sandbox does not act on this parameter: {path}",
                code="sandbox_unsupported",
                param=path,
            )
    return values


def _leaves(value: Any, path: str) -> Iterator[str]:
    """The full paths of all plain values."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _leaves(item, f"{path}[{key}]" if path else str(key))
    else:
        yield path


@functools.cache
def _hints(shape: Any) -> dict[str, Any]:
    return typing_extensions.get_type_hints(shape, localns=_UNDEFINED_THERE, include_extras=True)


def _hash(value: Any, shape: Any, path: str, *, top: bool = False) -> Form:
    if not isinstance(value, dict):
        raise ApiError("Invalid object", param=path)
    hints = _hints(shape)
    known = set(hints) - _OPTIONS if top else set(hints)
    result: Form = {}
    for name, item in value.items():
        where = f"{path}[{name}]" if path else name
        if name not in known:
            raise _unknown(where)
        result[name] = _value(item, hints[name], where)
    for name in known:
        if _required(hints[name]) and name not in value:
            where = f"{path}[{name}]" if path else name
            raise ApiError(f"Missing required param: {where}.", code="parameter_missing", param=where)
    return result


def _required(hint: Any) -> bool:
    return typing.get_origin(hint) not in (typing_extensions.NotRequired, typing.NotRequired)


def _value(value: Any, hint: Any, path: str) -> Any:
    """*value* read as one of the types in *hint*."""
    while typing.get_origin(hint) in _WRAPPERS:
        hint = typing.get_args(hint)[0]
    choices = _choices(hint)
    allowed = [
        word for choice in choices if typing.get_origin(choice) is Literal for word in typing.get_args(choice)
    ]
    if allowed and isinstance(value, str):
        # The SDK also types enums as str, to be open to new values; the API of its version is not.
        if value in allowed:
            return value
        if not any(typing.get_origin(choice) is dict for choice in choices):
            words = ", ".join(word for word in allowed if word)
            raise ApiError(f"Invalid {path}: must be one of {words}", param=path)
    for choice in choices:
        origin = typing.get_origin(choice)
        if typing_extensions.is_typeddict(choice):
            return _hash(value, choice, path)
        if origin is list:
            if not isinstance(value, list):
                raise ApiError("Invalid array", param=path)
            inner = typing.get_args(choice)[0]
            return [_value(item, inner, f"{path}[{i}]") for i, item in enumerate(value)]
        if origin is dict:
            return _texts(value, path)
        if choice in (int, bool):
            return _scalar(value, choice, path)
    if not isinstance(value, str):
        raise ApiError("Invalid string", param=path)
    return value


def _choices(hint: Any) -> list[Any]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [inner for arg in typing.get_args(hint) for inner in _choices(arg)]
    return [hint]


def _scalar(value: Any, kind: type, path: str) -> int | bool:
    if kind is bool:
        if value not in ("true", "false"):
            raise ApiError(f"Invalid boolean: {value}", param=path)
        return bool(value == "true")
    if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,18}", value):
        raise ApiError(f"Invalid integer: {value}", code="parameter_invalid_integer", param=path)
    return int(value)


def _texts(value: Any, path: str) -> dict[str, str]:
    """Metadata: short texts under short keys."""
    if isinstance(value, list):
        value = {str(i): item for i, item in enumerate(value)}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ApiError("Invalid hash", param=path)
    if len(value) > 50:
        raise ApiError("Metadata can have at most 50 keys.", param=path)
    for key, item in value.items():
        if len(key) > 40 or len(item) > 500:
            raise ApiError(
                "Metadata keys have at most 40 characters and values at most 500.", param=f"{path}[{key}]"
            )
    return dict(value)


def _unknown(path: str) -> ApiError:
    return ApiError(f"Received unknown parameter: {path}", code="parameter_unknown", param=path)
