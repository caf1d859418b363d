"""Ways to send a text message, behind one small port.

port       the Protocol, what goes in and comes out, what can go wrong
simulated  accepts and delivers at fixed rates, deterministic          twilio  Twilio's official client
gateway/   any provider's HTTP interface, by a document               troubles what can go wrong, in our words
choice     which one an office uses                                   registry opening it
"""
