"""Each test of the door runs against every broker that there is here."""

from __future__ import annotations

import pytest

from tianmu.sense.mqtt import broker as brokers

from .house import KINDS


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "amqtt":
        monkeypatch.setattr(brokers, "find_mosquitto", lambda: None)
    return str(request.param)
