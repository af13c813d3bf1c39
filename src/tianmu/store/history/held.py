"""What is kept in memory of files that never change: bounded, counted, the oldest out first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Held(Generic[T]):
    """Things by key, at most ``most`` bytes of them (but always the last one), from any thread."""

    def __init__(self, most: int, size: Callable[[T], int]) -> None:
        self.most, self._size = most, size
        self.bytes = 0
        self._things: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> T | None:
        with self._lock:
            found = self._things.get(key)
            if found is not None:
                self._things.move_to_end(key)
            return found

    def put(self, key: Hashable, thing: T) -> T:
        """Keep it in place of what was there; the thing itself."""
        with self._lock:
            old = self._things.pop(key, None)
            if old is not None:
                self.bytes -= self._size(old)
            self._things[key] = thing
            self.bytes += self._size(thing)
            while self.bytes > self.most and len(self._things) > 1:
                self.bytes -= self._size(self._things.popitem(last=False)[1])
        return thing

    def made(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is held, or what ``make`` gives; two threads may make it at once."""
        found = self.get(key)
        return self.put(key, make()) if found is None else found
