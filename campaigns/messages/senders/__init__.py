"""Ways to send a text message, behind one small port.

port       the Protocol, what goes in and comes out, what can go wrong
simulated  accepts and delivers at fixed rates, deterministic          twilio  Twilio's official client
registry   the sender the settings name
"""
