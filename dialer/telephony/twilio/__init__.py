"""The Twilio carrier.

carrier.py    fulfils the port                    http.py        the official client's HTTP side and its errors
twiml.py      what a call is told (templates/)    webhook.py     a checked webhook -> an event and the answer to it
mapping.py    Twilio's words -> ours              signature.py   whether a webhook is Twilio's
inbox.py      webhooks that wait for the dialer   recordings.py  recordings that Twilio holds
settings.py   the account                         checks.py      `callcenter telephony check`
"""

from dialer.telephony.twilio.carrier import TwilioCarrier
from dialer.telephony.twilio.settings import TwilioSettings
from dialer.telephony.twilio.signature import is_genuine
from dialer.telephony.twilio.webhook import next_node, parse_webhook, reply_to_webhook

__all__ = ["TwilioCarrier", "TwilioSettings", "is_genuine", "next_node", "parse_webhook", "reply_to_webhook"]
