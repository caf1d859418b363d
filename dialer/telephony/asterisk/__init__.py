"""The Asterisk carrier.

carrier.py    fulfils the port          orders.py    a request -> the fields of an Originate, all checked
link.py       keeps a connection        wire.py      one connection: asterisk-ami made safe
supervising.py  a supervisor's leg -> manager actions
tracking.py   events -> our words       mapping.py   Q.850 and SIP -> how the line ended
render.py     configuration files       templates/   what they are made from
checks.py     `callcenter telephony check`
"""

from dialer.telephony.asterisk.carrier import AsteriskCarrier
from dialer.telephony.asterisk.link import AmiSettings
from dialer.telephony.asterisk.orders import AsteriskSettings

__all__ = ["AmiSettings", "AsteriskCarrier", "AsteriskSettings"]
