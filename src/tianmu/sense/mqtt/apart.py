"""Life-safety sources have a connection of their own to the broker.

A broker hands out a bounded number of messages and waits for their acknowledgement. While ordinary
sources are held, that window is closed, and what life-safety sources say would wait behind them.
They come by both connections, each under the key of its bytes, so that each takes effect once,
whichever is first: no change of subscriptions can lose one.
"""

from __future__ import annotations

from typing import ClassVar

from tianmu.facts.text import Text
from tianmu.sense.mqtt.client import Topics
from tianmu.sense.mqtt.connector import MqttConnector


class LifeConnector(MqttConnector):
    """``follow`` when sources have changed."""

    name: ClassVar[Text] = {"zh": "MQTT 接入（生命安全）", "en": "MQTT ingest, life safety"}
    client_id: ClassVar[str] = "tianmu-gate-life"

    def follow(self) -> None:
        """Hear the life-safety sources there are now."""
        if self._client.connected:
            for topic in self._topics():
                self._client.subscribe([topic])

    def _topics(self) -> Topics:
        """Of those that are none any more nothing is unsubscribed: keys make it harmless."""
        return [
            (f"tianmu/{source.source}/observations", 1)
            for source in self._intake.sources.all()
            if source.active and source.life_safety and source.protocol == self.protocol
        ]
