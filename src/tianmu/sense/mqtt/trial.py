"""The pure-Python broker for trial: ``python -m tianmu.sense.mqtt.trial HOST PORT FOLDER``,
with TLS where a certificate and its key follow.

The folder is handed to the plugins by the environment, since the broker makes them itself.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import amqtt.broker
from amqtt.broker import Broker, RetainedApplicationMessage
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import OUTGOING

from tianmu.sense.mqtt.broker import GATE
from tianmu.sense.mqtt.password import matches

FOLDER = "TIANMU_BROKER_FOLDER"


def _users() -> dict[str, str]:
    lines = (Path(os.environ[FOLDER]) / "users").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


class PatientHandler(BrokerProtocolHandler):
    """Keeps what its client has not acknowledged: for as long as it takes while the client is
    connected, and for its next connection when it goes away (MQTT 3.1.1, 4.4). The library's own
    forgets such messages after five seconds or with the connection."""

    async def _handle_qos1_message_flow(self, app_message: Any) -> None:
        session = self.session
        if app_message.direction != OUTGOING or session is None:
            await super()._handle_qos1_message_flow(app_message)
            return
        while True:
            try:
                await super()._handle_qos1_message_flow(app_message)
                return
            except TimeoutError:
                if session.transitions.state == "connected":
                    continue
                self._keep(session, app_message)
                return
            except BaseException:
                self._keep(session, app_message)
                raise

    @staticmethod
    def _keep(session: Any, message: Any) -> None:
        if not session.clean_session:
            session.retained_messages.put_nowait(
                RetainedApplicationMessage(None, message.topic, message.data, message.qos)
            )


class Passwords(BaseAuthPlugin):
    """Users and hashes are read from the file at each sign-in, so changes count at once."""

    async def authenticate(self, *, session: object) -> bool:
        kept = _users().get(getattr(session, "username", None) or "")
        return kept is not None and matches(getattr(session, "password", None) or "", kept)


class OwnTopics(BaseTopicPlugin):
    """A source speaks under its own name only; gate hears all."""

    async def topic_filtering(
        self, *, session: object = None, topic: str | None = None, action: object = None
    ) -> bool:
        user = getattr(session, "username", None) or ""
        return user == GATE or (topic or "").startswith(f"tianmu/{user}/")


async def main(host: str, port: int, tls: Sequence[str] = ()) -> None:
    listener: dict[str, object] = {"type": "tcp", "bind": f"{host}:{port}"}
    if tls:
        listener |= {"ssl": True, "certfile": tls[0], "keyfile": tls[1]}
    amqtt.broker.BrokerProtocolHandler = PatientHandler
    broker = Broker(
        {
            "listeners": {"default": listener},
            "plugins": {
                "tianmu.sense.mqtt.trial.Passwords": {},
                "tianmu.sense.mqtt.trial.OwnTopics": {},
            },
        }
    )
    await broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    os.environ[FOLDER] = sys.argv[3]
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[4:6]))
