"""Shifts handed over and taken, each once however often it is sent, with what is told of it in the
same commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from tianmu.access.scope import WHOLE, Scope
from tianmu.manage.actor import Actor
from tianmu.manage.duty import handover
from tianmu.manage.kept import deed_key
from tianmu.manage.kept.deed_key import Deed
from tianmu.store.records import Records, Transaction

Row = dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """How it was sent, and what else is written in its commit once it is done: a crash leaves both
    or neither."""

    deed: Deed = field(default_factory=Deed)
    told: Callable[[Transaction, Row], None] | None = None


PLAIN = Sent()


class Relief:
    """``moved`` is called after each: whose shift it is has changed."""

    def __init__(
        self, records: Records, clock: Callable[[], int], moved: Callable[[], None]
    ) -> None:
        self.records, self.clock, self._moved = records, clock, moved

    def hand_over(
        self,
        post: str,
        to: str,
        text: str,
        actor: Actor,
        *,
        alarms: int = 0,
        items: Sequence[Row] = (),
        scope: Scope = WHOLE,
        sent: Sent = PLAIN,
    ) -> Row:
        """Hand the shift over with what is open now; signed by the hash chain of the log. Raises
        ``HandoverRefused``, and ``OtherDeed`` where its key was another deed's."""

        def give(connection: Connection, now: int) -> Row:
            return handover.give(
                connection, post, to, text, actor, now, alarms=alarms, items=items, scope=scope
            )

        return self._once(actor, sent, ["give", post, to, text], give)

    def confirm(self, number: int, items: Sequence[str], actor: Actor, sent: Sent = PLAIN) -> Row:
        """Confirm some items of the shift that was handed to this account."""
        return self._once(
            actor,
            sent,
            ["confirm", number, *items],
            lambda connection, now: handover.confirm(connection, number, items, actor, now),
        )

    def take(self, number: int, actor: Actor, sent: Sent = PLAIN) -> Row:
        """Take the shift that was handed to this account."""
        return self._once(
            actor,
            sent,
            ["take", number],
            lambda connection, now: handover.take(connection, number, actor, now),
        )

    def withdraw(self, number: int, actor: Actor, sent: Sent = PLAIN) -> Row:
        """Withdraw the shift that this account has handed over and nobody has taken yet."""
        return self._once(
            actor,
            sent,
            ["withdraw", number],
            lambda connection, now: handover.withdraw(connection, number, actor, now),
        )

    def read(self, most: int = 50, number: int = 0) -> list[Row]:
        """Hand-overs, the newest first; or the one of this number."""
        return self.records.read(lambda connection: handover.read(connection, most, number))

    def _once(
        self, actor: Actor, sent: Sent, what: list[Any], do: Callable[[Connection, int], Row]
    ) -> Row:
        content, now = deed_key.digest("handover", *what), self.clock()

        def write(tx: Transaction) -> Row:
            before = deed_key.known(tx.connection, actor.account, sent.deed, content)
            if before is not None:
                return handover.read(tx.connection, 1, before[2])[0]
            row = do(tx.connection, now)
            done = ("", 0, int(row["number"]))
            deed_key.keep(tx.connection, actor.account, sent.deed, content, done, now)
            if sent.told is not None:
                sent.told(tx, row)
            return row

        row: Row = self.records.transact(write)
        self._moved()
        return row
