"""The official client against Prism: all that is asked of Twilio and all that the small Twilio answers passes it, planted mistakes do not.

Prism reads the published API description by itself, so this doesn't lean on our own reader of it (`tests.contracts.twilio`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from callcenter.core.clock import SystemClock
from dialer.telephony.errors import CarrierRefused, HandoverUnknown
from dialer.telephony.port import OriginateRequest
from dialer.telephony.twilio import TwilioCarrier, TwilioSettings
from tests.conftest import missing
from tests.contracts.prism_server import Prism, PrismMissing
from tests.telephony import twilio_documents as documents
from tests.telephony.fake_twilio import ACCOUNT, FakeTwilio
from tests.telephony.test_twilio_contract import NUMBER, OFFICE, PUBLIC, use_everything

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("prism")]
CALLS = f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json"


_NO_ERRORS_DESCRIBED = "response Unable to match the returned status code with those defined in the document: 204"


class Between:
    """The small Twilio with Prism before it: what is sent to `url` passes Prism both ways."""

    def __init__(self, twilio: FakeTwilio, prism: Prism) -> None:
        self.twilio, self.prism, self.url = twilio, prism, prism.url

    def carrier(self) -> TwilioCarrier:
        settings = TwilioSettings(ACCOUNT, "token", PUBLIC, caller_id=OFFICE, base_url=self.url, timeout=60.0)
        return TwilioCarrier(settings, SystemClock(), list)


@pytest.fixture(scope="module")
def standing() -> Iterator[Between]:
    """One Prism before one small Twilio for this module."""
    with FakeTwilio() as twilio:
        twilio.post = lambda address, fields: ""  # type: ignore[method-assign]
        try:
            with Prism(twilio.url) as prism:
                yield Between(twilio, prism)
        except PrismMissing as problem:
            missing(str(problem))


@pytest.fixture
def between(standing: Between) -> Iterator[Between]:
    """The same, without what was there before."""
    standing.twilio.resources.clear()
    standing.twilio.recordings.clear()
    standing.twilio.requests.clear()
    standing.twilio.numbers = {OFFICE}
    standing.prism.said()
    yield standing
    standing.twilio.deviations.clear()


def test_everything_we_ask_and_are_told_passes_prism(between: Between) -> None:
    carrier = between.carrier()
    use_everything(between.twilio, carrier, between.url)
    carrier.close()
    said = between.prism.said()
    assert sum("Forwarding" in line for line in said) == len(between.twilio.requests) > 20, "all went by way of Prism"
    assert [line for line in said if "terminated with error" in line] == []
    # the second removal of a recording finds none: errors are no part of the description, Prism says so and lets them through
    assert {line.partition("Violation: ")[2] for line in said if "Violation: " in line} <= {_NO_ERRORS_DESCRIBED}
    assert between.twilio.deviations == []


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ({"Recrod": "true"}, "must NOT have additional properties; found 'Recrod'"),
        ({"To": None}, "must have required property 'To'"),
        ({"Method": "FETCH"}, "property Method must be equal to one of the allowed values"),
        ({"Record": "maybe"}, "property Record must be boolean"),
        ({"Timeout": "half a minute"}, "property Timeout must be integer"),
        ({"StatusCallback": "/webhooks/twilio/voice"}, 'property StatusCallback must match format "uri"'),
        ({"CallReason": "納税のお知らせ", "ApplicationSid": "AP1"}, "property ApplicationSid must NOT have fewer than 34 characters"),
    ],
)
def test_prism_refuses_a_request_that_is_not_as_published(between: Between, planted: dict[str, str | None], said: str) -> None:
    form = {"To": NUMBER, "From": OFFICE, "Twiml": "<Response/>", **planted}
    sent = {name: value for name, value in form.items() if value is not None}
    with requests.post(between.url + CALLS, data=sent, auth=(ACCOUNT, "token"), timeout=60) as answer:
        assert answer.status_code == 422
        assert said in " ".join(one["message"] for one in answer.json()["validation"])
    assert between.twilio.requests == [], "what Prism refuses goes no further"


def test_prism_refuses_what_is_not_described_and_who_does_not_sign_in(between: Between) -> None:
    for address, user, status in (
        (CALLS.replace("Calls", "Telegrams"), (ACCOUNT, "token"), 404),
        (CALLS + "?Status=talking", (ACCOUNT, "token"), 422),
        (CALLS, None, 401),
    ):
        with requests.get(between.url + address, auth=user, timeout=60) as answer:
            assert answer.status_code == status
    assert between.twilio.requests == []


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ({"status": "initiated"}, "status must be equal to one of the allowed values"),
        ({"sid": "CA1"}, "sid must NOT have fewer than 34 characters"),
        ({"colour": "red"}, "must NOT have additional properties; found 'colour'"),
        ({"price": 3}, "price must be string"),
        ({"queue_time": ...}, "must have required property 'queue_time'"),
    ],
)
def test_prism_refuses_an_answer_that_is_not_as_published(
    between: Between, monkeypatch: pytest.MonkeyPatch, planted: dict[str, object], said: str
) -> None:
    genuine = documents.call
    monkeypatch.setattr(
        documents, "call", lambda *told: {name: value for name, value in {**genuine(*told), **planted}.items() if value is not ...}
    )
    form = {"To": NUMBER, "From": OFFICE, "Twiml": "<Response/>"}
    with requests.post(between.url + CALLS, data=form, auth=(ACCOUNT, "token"), timeout=60) as answer:
        assert (answer.status_code, answer.json()["title"]) == (500, "Request/Response not valid")
        assert said in " ".join(one["message"] for one in answer.json()["validation"])


def test_refusals_and_faults_of_twilio_reach_us_through_prism(between: Between) -> None:
    carrier = between.carrier()
    between.twilio.errors["+819012340001"] = 21211
    with pytest.raises(CarrierRefused, match="21211"):
        carrier.originate(OriginateRequest("c1", "+819012340001", OFFICE, leg_id="leg-1"))
    between.twilio.swallowed.add("+819012340002")
    with pytest.raises(HandoverUnknown):
        carrier.originate(OriginateRequest("c2", "+819012340002", OFFICE, leg_id="leg-1"))
    assert len(between.twilio.of("+819012340002")) == 1, "accepted once, never sent again"
    carrier.close()
