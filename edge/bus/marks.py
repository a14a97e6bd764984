"""Decorators that say what an agent's methods are for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar, overload

from edge.contract.subjects import Command, Event
from edge.contract.wire import Payload

P = TypeVar("P", bound=Payload)
Q = TypeVar("Q", bound=Payload)
A = TypeVar("A", bound=Payload)
S = TypeVar("S")


def does(command: Command[Q, A]) -> Does[Q, A]:
    """Mark a method as what answers `command`: a coroutine, or, where it only computes, a plain method."""
    return Does(command)


class Does(Generic[Q, A]):
    """What `does` returns."""

    def __init__(self, command: Command[Q, A]) -> None:
        self._command = command

    @overload
    def __call__(
        self, method: Callable[[S, Q], Coroutine[Any, Any, A]]
    ) -> Callable[[S, Q], Coroutine[Any, Any, A]]: ...
    @overload
    def __call__(self, method: Callable[[S, Q], A]) -> Callable[[S, Q], A]: ...
    def __call__(self, method: Callable[[S, Q], Any]) -> Callable[[S, Q], Any]:
        """Mark `method`."""
        method.__dict__["_does"] = self._command
        return method


def hears(
    event: Event[P],
) -> Callable[[Callable[[S, P], Coroutine[Any, Any, None]]], Callable[[S, P], Coroutine[Any, Any, None]]]:
    """Mark a method as what is called with each `event`."""

    def mark(
        method: Callable[[S, P], Coroutine[Any, Any, None]],
    ) -> Callable[[S, P], Coroutine[Any, Any, None]]:
        method.__dict__["_hears"] = event
        return method

    return mark


def always(method: Callable[[S], Coroutine[Any, Any, None]]) -> Callable[[S], Coroutine[Any, Any, None]]:
    """Mark a method as running as long as the agent; after a fault it is started again, ever more slowly."""
    method.__dict__["_always"] = True
    return method
